"""The state machine over thousands of histories, and that it sees: bugs planted one at a time are found."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from messaging import delivery, pages, retry, sweeper
from messaging.batches import Batches, StoredBatch
from messaging.delivery import Batch, Lease, Outcome
from messaging.executions import Execution
from messaging.models import MandateId
from tests.processes import without_chance
from tests.test_machine import PAGE, look

EXAMPLES = 3000
MOST = 10_000
"""Histories in which a planted bug is looked for: each of them shows itself in one of 50 to 400, by chance."""

Patch = Callable[[Any, str, Any], None]


@pytest.fixture(autouse=True)
def prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", PAGE)
    without_chance(monkeypatch.setattr)


def test_no_history_breaks_a_promise(tell: Callable[[str], None]) -> None:
    started = time.monotonic()
    look(EXAMPLES)
    tell(f"{EXAMPLES} histories of up to 40 moves: no promise broken, {time.monotonic() - started:.0f} s")


def a_take_over_that_sends_marked_messages_again(patch: Patch) -> None:
    original = delivery.claim

    def claim(batch: Batch, lease: Lease, now: float) -> Any:
        items = tuple(
            replace(item, state=delivery.State.QUEUED) if item.state is delivery.State.SENDING else item
            for item in batch.items
        )
        return original(replace(batch, items=items, owner=""), lease, now)

    patch(delivery, "claim", claim)


def a_record_without_its_etag(patch: Patch) -> None:
    original = Batches.move

    async def move(
        self: Batches, mandateId: MandateId, read: StoredBatch, batch: Batch, outcomes: dict[str, Outcome]
    ) -> StoredBatch:
        return await original(self, mandateId, StoredBatch(read.batch, ""), batch, outcomes)

    patch(Batches, "move", move)


def queue_messages_before_the_commit_point(patch: Patch) -> None:
    original = pages.Pages._store_messages

    async def store(self: pages.Pages, mandateId: MandateId, execution: Execution, sent: Any) -> list[Batch]:
        stored = await original(self, mandateId, execution, sent)
        for batch in stored:
            await self._queue_batch(mandateId, batch)
        return stored

    patch(pages.Pages, "_store_messages", store)


def a_sweeper_that_forgets_too_early(patch: Patch) -> None:
    async def go_on(self: sweeper.Sweeper, watched: sweeper.Watched, execution: Execution) -> None:
        await self._wake_page(watched, execution)
        await self._forget(watched)

    patch(sweeper.Sweeper, "_go_on", go_on)


def an_ambiguous_mail_that_is_sent_again_unasked(patch: Patch) -> None:
    original = retry.decide

    def decide(*arguments: Any) -> Outcome:
        return replace(original(*arguments), ask=False)

    patch(retry, "decide", decide)


def a_page_that_does_not_know_what_it_stored(patch: Patch) -> None:
    async def of_page(*_: Any) -> list[StoredBatch]:
        return []

    patch(Batches, "of_page", of_page)


BUGS = [
    a_take_over_that_sends_marked_messages_again,
    a_record_without_its_etag,
    queue_messages_before_the_commit_point,
    a_sweeper_that_forgets_too_early,
    an_ambiguous_mail_that_is_sent_again_unasked,
    a_page_that_does_not_know_what_it_stored,
]


@pytest.mark.parametrize("bug", BUGS, ids=[bug.__name__ for bug in BUGS])
def test_a_planted_bug_is_found(
    bug: Callable[[Patch], None], monkeypatch: pytest.MonkeyPatch, tell: Callable[[str], None]
) -> None:
    bug(monkeypatch.setattr)
    with pytest.raises(AssertionError) as found:
        look(MOST, shrink=False)
    said = str(found.value).splitlines()
    tell(f"{bug.__name__}: {said[0] if said else type(found.value).__name__}")

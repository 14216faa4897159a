"""Batches as rows: what is written is what is read, and an execution's batches are counted as they stand."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.batches import Batches, NewBatch, batch_key, split
from messaging.delivery import MAX_BATCH, Batch, Item, Outcome, Prepared, State
from messaging.errors import Conflict
from messaging.ids import execution_id
from messaging.models import MandateId, MessagingChannel, MessagingSubscriptionRegistration
from messaging.storage.base import Table
from messaging.storage.memory import MemoryTables

MANDATE, NOW = MandateId("m1"), 1_800_000_000.0
EXECUTION = execution_id(NOW)
EMAIL, SMS = MessagingChannel.EMAIL, MessagingChannel.SMS
MOVED = st.builds(
    Item,
    id=st.just(""),
    recipient=st.text(),
    content=st.text(),
    state=st.sampled_from(State),
    attempts=st.integers(0, 100),
    retryAt=st.floats(0, 1e10),
    ask=st.booleans(),
)


@pytest.fixture
def tables() -> MemoryTables:
    return MemoryTables()


@pytest.fixture
def batches(tables: MemoryTables) -> Batches:
    return Batches(tables)


def message(number: int, channel: MessagingChannel = EMAIL) -> Prepared:
    registration = MessagingSubscriptionRegistration(
        id=f"r{number}",
        subscriptionId="News",
        userId=f"u{number}",
        channel=channel,
        channelConfig=f"to{number}",
        creationDate=NOW,
        lastModified=NOW,
    )
    return Prepared(f"d{number}", registration, "c")


async def stored(batches: Batches, page: int, *states: State, nextAt: float = NOW) -> None:
    """A page of one batch whose items are in these states."""
    messages = [message(100 * page + n) for n in range(len(states))]
    (new,) = split(messages, (EXECUTION, page), 0, NOW)
    items = tuple(replace(item, state=state) for item, state in zip(new.batch.items, states, strict=True))
    await batches.insert(MANDATE, NewBatch(replace(new.batch, items=items, nextAt=nextAt), messages))


@given(items=st.lists(MOVED, min_size=1, max_size=MAX_BATCH), once=st.booleans(), takeovers=st.integers(0, 10))
async def test_what_is_written_is_read_again(items: list[Item], once: bool, takeovers: int) -> None:
    batches = Batches(MemoryTables())
    named = tuple(replace(item, id=f"d{n}") for n, item in enumerate(items))
    batch = Batch(EXECUTION, 7, 3, SMS, NOW, named, NOW + 1, "owner", NOW + 120, takeovers, once)
    await batches.insert(MANDATE, NewBatch(batch, [message(n, SMS) for n in range(len(items))]))
    read = await batches.get(MANDATE, batch_key(batch))
    assert read and read.batch == batch


@pytest.mark.parametrize(
    ("mails", "texts", "sizes"),
    [(1, 0, [1]), (48, 0, [48]), (49, 0, [48, 1]), (0, 97, [48, 48, 1]), (50, 50, [48, 2, 48, 2]), (0, 0, [])],
)
def test_a_batch_is_of_one_channel_and_fits_a_transaction(mails: int, texts: int, sizes: list[int]) -> None:
    messages = [message(n) for n in range(mails)] + [message(100 + n, SMS) for n in range(texts)]
    new = split(messages, (EXECUTION, 2), 5, NOW)
    assert [len(one.messages) for one in new] == sizes
    assert [one.batch.number for one in new] == list(range(5, 5 + len(sizes)))
    assert all(one.registration.channel is part.batch.channel for part in new for one in part.messages)


async def test_a_batch_is_stored_once_and_whole(batches: Batches, tables: MemoryTables) -> None:
    await stored(batches, 1, State.QUEUED, State.QUEUED)
    written = tables.written
    with pytest.raises(Conflict):
        await stored(batches, 1, State.QUEUED)
    assert tables.written == written == 5  # the batch, two deliveries, two pointers


async def test_a_move_moves_the_delivery_with_its_batch_and_only_under_the_etag(
    batches: Batches, tables: MemoryTables
) -> None:
    await stored(batches, 1, State.SENDING, State.QUEUED)
    (read,) = await batches.of_page(MANDATE, EXECUTION, 1)
    first, second = read.batch.items
    sent = replace(read.batch, items=(replace(first, state=State.SENT, attempts=1), second))
    outcomes = {first.id: Outcome(State.SENT, providerMessageId="p", at=NOW)}
    await batches.move(MANDATE, read, sent, outcomes)
    row = await tables.get(Table.LEDGER, MANDATE, f"d~{first.id}")
    assert row and (row["status"], row["providerMessageId"], row["attempts"]) == ("SENT", "p", 1)
    await batches.move(MANDATE, read, sent, outcomes)  # its own, read back
    with pytest.raises(Conflict):
        await batches.move(MANDATE, read, replace(sent, owner="another"), {})


async def test_the_ledger_is_the_sum_of_the_batches(batches: Batches) -> None:
    await stored(batches, 1, State.SENT, State.FAILED, State.UNKNOWN)
    await stored(batches, 2, State.QUEUED, State.SENDING, State.DEFERRED)
    ledger = await batches.ledger(MANDATE, EXECUTION)
    assert (ledger.accepted, ledger.sent, ledger.failed, ledger.pending) == (6, 1, 1, 4)
    assert [one.batch.page async for one in batches.unsettled(MANDATE, EXECUTION)] == [2]


async def test_open_batches_are_counted_from_a_page_on(batches: Batches) -> None:
    await stored(batches, 1, State.SENT, State.UNKNOWN)
    await stored(batches, 2, State.SENT, State.DEFERRED)
    await stored(batches, 3, State.QUEUED)
    await stored(batches, 4, State.QUEUED, nextAt=NOW + 30)
    await stored(batches, 5, State.SENDING)
    counted = [await batches.open(MANDATE, (EXECUTION, page), NOW) for page in range(1, 7)]
    assert counted == [(2, 2), (2, 2), (2, 3), (1, 4), (1, 5), (0, None)]

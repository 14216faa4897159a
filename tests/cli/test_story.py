"""The answer to "did she get it, and if not, why?", for everything that can stand in the rows."""

from dataclasses import replace
from typing import Any

import pytest
import typer

from messaging.cli import common, output
from messaging.cli.story import LATE, Story, answer
from messaging.delivery import STATUS, Batch, Item, State
from messaging.executions import Execution, Phase
from messaging.models import MessagingChannel, MessagingDelivery, MessagingExecution, TriggerKind
from messaging.pauses import Pause

NOW = 1_800_000_000.0
SMS = MessagingChannel.SMS
EXECUTION = Execution("x", "SystemErrors", "s", TriggerKind.HTTP, "boss", Phase.STORED, page=2)
PAUSE = Pause(SMS, "+15005550006", "20003", NOW - 60, NOW + 60, 1, 0.0, "")
HELD = {"owner": "w", "leaseUntil": NOW + 30}


def story(state: State, delivery: dict[str, Any] | None = None, **more: Any) -> Story:
    """A delivery in a state; `delivery`, batch and the rest as given."""
    counted = MessagingExecution(
        executionId="x",
        subscriptionId="SystemErrors",
        trigger=TriggerKind.HTTP,
        createdBy="boss",
        creationDate=NOW - 10,
        done=False,
    )
    values = {"attempts": 1, "creationDate": NOW - 10, "executionId": "x", "subscriptionId": "SystemErrors"}
    one = MessagingDelivery(
        **{"id": "d", "userId": "alice", "channel": SMS, "status": STATUS[state], "state": state}
        | values
        | (delivery or {})
    )
    batch = Batch("x", 1, 0, SMS, NOW - 10, (Item("d", "r", "c", state),), NOW - 10)
    plain = Story(one, batch, EXECUTION, counted, None, [], "r")
    held = more.pop("batch", {})
    return replace(plain, batch=replace(batch, **held), **more)


S = State
STORIES: list[tuple[Story, str, str]] = [
    (
        story(S.SENT, {"sentAt": NOW, "providerMessageId": "SM1"}),
        "took it at 2027-01-15 08:00:00Z as SM1",
        "ask the",
    ),
    (
        story(S.SENT, {"sentAt": NOW, "errorMessage": "Resolved by olivia: she has it"}),
        "Yes, as an operator says",
        "",
    ),
    (story(S.FAILED, {"errorMessage": "21211: no number"}), "No: 21211: no number.", "It is final"),
    (story(S.UNKNOWN), "Nobody knows: no reason was recorded", "`deliveries resolve` or `deliveries retry`"),
    (
        story(S.SENDING, batch=HELD),
        "It is being sent; the worker's lease ends 2027-01-15 08:00:30Z",
        "Look again then",
    ),
    (story(S.SENDING, batch={"owner": "w", "leaseUntil": NOW - 1}), "The worker was lost", "Look again"),
    (story(S.SENDING, batch={"owner": "w", "leaseUntil": NOW - LATE}), "The worker was lost", "`doctor`"),
    (story(S.QUEUED), "Not yet: it is due since 2027-01-15 07:59:50Z and waits for a worker", "Look again"),
    (story(S.QUEUED, batch={"nextAt": NOW - LATE}), "waits for a worker", "is the function app running?"),
    (story(S.QUEUED, batch=HELD), "a worker is busy with its batch", "Look again"),
    (story(S.QUEUED, missing=["MESSAGING_X"]), "not configured here; missing MESSAGING_X", "Set it"),
    (story(S.QUEUED, pause=PAUSE), "its sender is paused until 2027-01-15 08:01:00Z because of 20003", "Remove"),
    (story(S.QUEUED, pause=replace(PAUSE, until=NOW)), "waits for a worker", "Look again"),
    (
        story(S.QUEUED, execution=replace(EXECUTION, phase=Phase.PREPARING, page=1)),
        "still being prepared",
        "Look again",
    ),
    (
        story(S.QUEUED, execution=replace(EXECUTION, phase=Phase.ACCEPTED, page=1)),
        "still being prepared",
        "Look again",
    ),
    (
        story(S.DEFERRED, {"retryAt": NOW + 30, "errorMessage": "503"}, batch={"nextAt": NOW + 30}),
        "Not yet: attempt 1 failed (503), it is tried again at 2027-01-15 08:00:30Z",
        "",
    ),
    (
        story(S.QUEUED, {"errorMessage": "Retried by olivia"}),
        "Not yet: Retried by olivia; it is due since",
        "Look again",
    ),
    (story(S.DEFERRED, {"retryAt": NOW - LATE}), "it is due since 2027-01-15 07:58:00Z", "`doctor`"),
]


@pytest.mark.parametrize(("told", "text", "todo"), STORIES)
def test_every_state_has_an_answer_and_a_next_step(told: Story, text: str, todo: str) -> None:
    said, doing = answer(told, NOW)
    assert text in said and todo in doing and bool(doing) == bool(todo)


TIMES = [
    ("2026-08-22T03:00", 1_787_367_600.0),
    ("2026-08-22T03:00:00Z", 1_787_367_600.0),
    ("2026-08-22T05:00+02:00", 1_787_367_600.0),
    ("2026-08-22", 1_787_356_800.0),
    ("20260822", 1_787_356_800.0),
    ("1787367600", 1_787_367_600.0),
    ("1787367600.5", 1_787_367_600.5),
    ("90m", NOW - 5400),
    ("30s", NOW - 30),
    ("2h", NOW - 7200),
    ("1d", NOW - 86_400),
]


@pytest.mark.parametrize(("text", "seconds"), TIMES)
def test_a_moment_is_a_time_or_an_age(text: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("messaging.cli.common.time.time", lambda: NOW)
    assert common.moment(text) == seconds


@pytest.mark.parametrize("text", ["", "now", "2026", "-1h", "1w", "1e9", "nan", "2026-13-01"])
def test_anything_else_is_no_moment(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="must be like"):
        common.moment(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (172_800, "2 d")]
)
def test_a_duration_has_one_unit(seconds: float, text: str) -> None:
    assert output.lasting(seconds) == text

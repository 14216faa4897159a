"""What programs ask: messages, requests, counts; and that memory is bounded."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.sandbox import Sandbox, credentials
from dev.sandbox.caller import Caller, calling
from dev.sandbox.records import Filter, Inbox, Message, RequestLog, Seen


async def _fill(caller: Caller) -> None:
    for recipient in ("a@example.com", "b@example.com", "a@example.com"):
        await caller.email(recipient)
    for provider in ("twilio", "meta", "teams"):
        await caller.send(provider)


def test_messages_of_all_providers_look_alike() -> None:
    async def scenario() -> None:
        async with calling(Sandbox(window_open=True)) as caller:
            await _fill(caller)
            answer = (await caller.call("GET", "/messages")).body
        items = answer["items"]
        assert [item["index"] for item in items] == [1, 2, 3, 4, 5, 6]
        assert [item["channel"] for item in items] == ["email"] * 3 + ["sms", "whatsapp", "teams_chat"]
        assert [item["provider"] for item in items] == ["acs"] * 3 + ["twilio", "meta", "teams"]
        assert all(item["text"] == "Text" and item["receivedAt"] > 1e9 for item in items)
        assert all(item["providerMessageId"] and item["sender"] and item["raw"] for item in items)
        assert (answer["accepted"], answer["dropped"], answer["last"]) == (6, 0, 6)
        assert items[0]["operationId"] == items[0]["providerMessageId"]
        assert items[0]["subject"] == "Subject"
        assert items[3]["raw"] == {"To": "+41791234567", "From": credentials.TWILIO_FROM_NUMBER, "Body": "Text"}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("query", "indexes"),
    [
        ("provider=acs", [1, 2, 3]),
        ("channel=teams_chat", [6]),
        ("recipient=a@example.com", [1, 3]),
        ("recipient=%2B41791234567", [4, 5]),
        ("recipient=+41791234567", [4, 5]),
        ("recipient=+41791234567&provider=twilio", [4]),
        ("recipient=nobody", []),
        ("limit=2", [5, 6]),
        ("since=2&limit=2", [3, 4]),
        ("since=0&limit=2", [1, 2]),
        ("since=6", []),
        ("since=600", []),
    ],
)
def test_messages_can_be_filtered(query: str, indexes: list[int]) -> None:
    async def scenario() -> None:
        async with calling(Sandbox(window_open=True)) as caller:
            await _fill(caller)
            found = (await caller.call("GET", f"/messages?{query}")).body["items"]
            assert [item["index"] for item in found] == indexes
            if "limit" not in query:
                assert (await caller.call("GET", f"/messages/count?{query}")).body["count"] == len(indexes)

    asyncio.run(scenario())


@pytest.mark.parametrize("query", ["limit=-1", "limit=x", "since=1.5", "since=9999999999999999999", "limit=²"])
def test_wrong_number_is_named(query: str) -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            answer = await caller.call("GET", f"/messages?{query}")
        assert (answer.status, answer.body) == (400, f"{query.split('=')[0]} must be a whole number from 0.")

    asyncio.run(scenario())


def test_indexes_go_on_after_deleting() -> None:
    async def scenario() -> None:
        async with calling(Sandbox(window_open=True)) as caller:
            operation = str(uuid4())
            await caller.email(operation=operation)
            assert (await caller.call("DELETE", "/messages")).status == 204
            await caller.email(operation=operation)  # still known, so no new message
            await caller.sms()
            (message,) = (await caller.call("GET", "/messages")).body["items"]
            assert (message["index"], message["channel"]) == (2, "sms")

    asyncio.run(scenario())


def test_requests_are_seen_whether_accepted_or_not() -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            operation = str(uuid4())
            await caller.email(operation=operation)
            await caller.email(operation=operation)
            await caller.email("refused@example.com")
            await caller.whatsapp()
            await caller.operation(operation)
            await caller.put("/faults", {"provider": "twilio", "status": 503})
            await caller.sms()
            answer = (await caller.call("GET", "/requests")).body
            summary = (await caller.call("GET", "/requests/summary")).body
            assert (await caller.call("DELETE", "/requests")).status == 204
            assert (await caller.call("GET", "/requests")).body["total"] == 0
        seen = [(one["provider"], one["operation"], one["status"], one["stored"]) for one in answer["items"]]
        assert seen == [
            ("acs", "send", 202, True),
            ("acs", "send", 202, False),
            ("acs", "send", 400, False),
            ("meta", "send", 400, False),
            ("acs", "lookup", 200, False),
            ("twilio", "send", 503, False),
        ]
        assert answer["items"][0]["operationId"] == operation
        _check_summary(summary, operation)

    asyncio.run(scenario())


def _check_summary(summary: dict[str, Any], operation: str) -> None:
    assert (summary["total"], summary["dropped"]) == (6, 0)
    assert {"provider": "acs", "operation": "send", "status": 202, "count": 2} in summary["counts"]
    assert summary["sends"]["operationId"] == {"max": 2, "repeated": 1, "top": {operation: 2}}
    assert summary["sends"]["recipient"]["top"]["alice@example.com"] == 2
    assert (summary["stored"]["recipient"]["max"], summary["stored"]["recipient"]["repeated"]) == (1, 0)


def test_delete_of_everything() -> None:
    async def scenario() -> None:
        async with calling(Sandbox(window_open=True)) as caller:
            operation = (await caller.email()).body["id"]
            await caller.put("/faults", {"provider": "acs", "status": 500})
            assert (await caller.call("DELETE", "/")).status == 204
            assert (await caller.call("GET", "/faults")).body == []
            assert (await caller.call("GET", "/messages")).body["items"] == []
            assert (await caller.operation(operation)).status == 404
            assert (await caller.whatsapp()).body["error"]["code"] == 131047

    asyncio.run(scenario())


def _message(recipient: str) -> Message:
    return Message("acs", "email", "sender", recipient, "id", raw={}, size=10)


@given(st.lists(st.sampled_from("ab"), max_size=12), st.integers(1, 6), st.integers(0, 14))
def test_inbox_keeps_the_newest(recipients: list[str], most: int, since: int) -> None:
    inbox = Inbox(most, most_bytes=45)
    for recipient in recipients:
        inbox.add(_message(recipient))
    every = list(enumerate(recipients, start=1))
    kept = every[-min(most, 4) :]  # four messages of 10 bytes fit in 45
    assert [(message.index, message.recipient) for message in inbox.messages] == kept
    assert inbox.dropped == len(every) - len(kept)
    wanted = [index for index, recipient in kept if index > since and recipient == "a"]
    assert [message.index for message in inbox.select(Filter(recipient="a", since=since))] == wanted
    for index, _recipient in every:
        found = inbox.get(index)
        assert (found.index if found else None) == (index if index in dict(kept) else None)


def test_request_log_counts_what_it_drops() -> None:
    log = RequestLog(3)
    for number in range(5):
        log.add(Seen(0.0, "acs", "send", f"{number}@example.com", "", 202, True))
    summary = log.summary()
    assert (summary["total"], summary["dropped"]) == (5, 2)
    assert summary["counts"] == [{"provider": "acs", "operation": "send", "status": 202, "count": 3}]

"""`poison` and `pauses`: what an operator looks at and takes away."""

import json
import time
from base64 import b64decode
from typing import Any

import pytest

from messaging.cli import output
from messaging.errors import SenderBlocked, StorageUnavailable
from messaging.models import MessagingChannel
from tests.cli.command import Commands
from tests.product import Product

SMS = MessagingChannel.SMS
QUEUE = "messaging-executions"
BODY = '{"mandateId": "m1", "executionId": "x", "page": 2}'


async def keep(product: Product, *bodies: str) -> list[str]:
    """Poison messages with these bodies, and their ids."""
    product.clock.now = time.time()
    for number, body in enumerate(bodies):
        await product.messaging.poison.keep(QUEUE, f"id-{number}", body.encode())
    return [f"{QUEUE}~id-{number}" for number in range(len(bodies))]


async def test_kept_messages_are_listed_and_shown(product: Product, cli: Commands) -> None:
    assert (await cli("poison list")).out == "No poison messages.\n"
    ids = await keep(product, BODY, "{}")
    listed = await cli("poison list --json")
    assert [one["id"] for one in listed.document["items"]] == ids and listed.document["more"] is False
    assert {"id", "queue", "at"} == listed.document["items"][0].keys()
    human = await cli("poison list")
    assert all(id in human.out for id in ids) and "mandateId" not in human.out
    assert (await cli("poison list --limit 1 --json")).document["more"] is True
    assert "There are more than these 1" in (await cli("poison list --limit 1")).out
    shown = await cli(f"poison show {ids[0]} --json")
    assert shown.document == {
        "id": ids[0],
        "queue": QUEUE,
        "at": product.clock.now,
        "body": BODY,
        "reason": "failed too often",
    }
    human = await cli(f"poison show {ids[0]}")
    assert BODY in human.out and QUEUE in human.out


async def test_a_replayed_message_is_on_its_queue_and_kept_no_longer(product: Product, cli: Commands) -> None:
    first, second = await keep(product, BODY, BODY)
    answer = await cli(f"poison replay {first}")
    assert (answer.code, answer.out) == (0, "It is on its queue again.\n")
    assert (await cli(f"poison replay {second} --json")).document == {"id": second, "replayed": True}
    assert await product.messaging.inspection.lengths("messaging-") == {QUEUE: 2}
    async with product.messaging.inspection.connect().get_queue_client(QUEUE) as queue:
        (message, _) = await queue.peek_messages(max_messages=2)
    assert json.loads(b64decode(message.content)) == json.loads(BODY)  # as the host reads it
    assert (await cli("poison list --json")).document["items"] == []


async def test_a_message_that_cannot_be_queued_is_still_kept(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: Any) -> None:
        raise StorageUnavailable

    (id,) = await keep(product, BODY)
    monkeypatch.setattr(product.queues, "put", down)
    with pytest.raises(StorageUnavailable):
        await product.messaging.poison.replay(id)
    assert (await product.messaging.poison.get(id)).body == BODY


async def test_a_dropped_message_is_gone(product: Product, cli: Commands) -> None:
    first, second = await keep(product, "not JSON", BODY)
    refused = await cli(f"poison replay {first}")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == "Error: body: is not a JSON object or array, so no function can read it; drop it\n"
    assert (await cli(f"poison drop {first}")).out == "It is gone.\n"
    assert (await cli(f"poison drop {second} --json")).document == {"id": second, "dropped": True}
    assert (await cli("poison list --json")).document["items"] == []
    assert await product.messaging.inspection.lengths("messaging-") == {}


@pytest.mark.parametrize("command", ["show", "replay", "drop"])
@pytest.mark.parametrize("id", [f"{QUEUE}~none", "a/b", "''"])
async def test_an_unknown_message_is_not_found(cli: Commands, command: str, id: str) -> None:
    answer = await cli(f"poison {command} {id}")
    assert (answer.code, answer.out, answer.err) == (1, "", "Error: There is no such poison message\n")


async def test_a_body_cannot_play_with_the_terminal(product: Product, cli: Commands) -> None:
    (id,) = await keep(product, '{"x": "\x1b[2J[bold]\u202e"}')
    human = await cli(f"poison show {id}")
    assert "\x1b" not in human.out and "\u202e" not in human.out and "[bold]" in human.out
    assert output.clean("a\x07b\r\nc") == "a\ufffdb\ufffd c"


async def test_pauses_are_listed_and_ended(product: Product, cli: Commands) -> None:
    assert (await cli("pauses list")).out == "No sender is paused.\n"
    product.clock.now = time.time()
    sender = product.messaging.connectors.get(SMS).sender
    until = await product.messaging.pauses.block(SMS, sender, SenderBlocked(code="20003"))
    await product.messaging.pauses.block(SMS, "+15005550007", SenderBlocked(code="21606"))
    listed = {one["sender"]: one for one in (await cli("pauses list --json")).document["items"]}
    assert listed[sender] == {
        "channel": "sms",
        "sender": sender,
        "reason": "20003",
        "since": product.clock.now,
        "until": until,
        "failures": 1,
    }
    assert listed["+15005550007"]["reason"] == "21606"
    human = await cli("pauses list")
    assert sender in human.out and "20003" in human.out and "+15005550007" in human.out
    assert (await cli(f"pauses end sms {sender}")).out == "The pause is over.\n"
    ended = await cli("pauses end sms +15005550007 --json")
    assert ended.document == {"channel": "sms", "sender": "+15005550007", "ended": True}
    again = await cli(f"pauses end sms {sender}")
    assert (again.code, again.err) == (1, "Error: There is no pause of this sender\n")


async def test_a_pause_that_is_over_says_who_tries(product: Product, cli: Commands) -> None:
    product.clock.now = time.time() - 300
    await product.messaging.pauses.block(SMS, "+15005550006", SenderBlocked(code="20003"))
    assert "over: the next message tries" in (await cli("pauses list")).out


async def test_an_array_of_events_is_replayed_as_it_was(product: Product, cli: Commands) -> None:
    (id,) = await keep(product, '[{"id": 1}, {"id": 2}]')
    assert (await cli(f"poison replay {id}")).code == 0
    async with product.messaging.inspection.connect().get_queue_client(QUEUE) as queue:
        (message,) = await queue.peek_messages(max_messages=2)
    assert json.loads(b64decode(message.content)) == [{"id": 1}, {"id": 2}]

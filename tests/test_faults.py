"""The fault matrix: what each failure of a provider comes to, from the trigger to the record."""

from pathlib import Path
from typing import Any

import pytest

from dev.sandbox.caller import PERSON
from tests.product import BY_TEMPLATE, GREETING, Product, running

FAULTS: dict[str, dict[str, Any]] = {
    "400": {"status": 400},
    "401": {"status": 401},
    "403": {"status": 403},
    "404": {"status": 404},
    "408": {"status": 408},
    "409": {"status": 409},
    "413": {"status": 413},
    "429": {"status": 429},
    "429, Retry-After": {"status": 429, "retryAfter": 120},
    "500": {"status": 500},
    "502": {"status": 502},
    "503": {"status": 503},
    "503, Retry-After": {"status": 503, "retryAfter": 120},
    "504": {"status": 504},
    "reset": {"kind": "reset"},
    "timeout": {"kind": "timeout"},
    "accepted, then dropped": {"kind": "acceptThenDrop"},
    "accepted, then 500": {"kind": "acceptThenStatus", "status": 500},
    "slow": {"delay": 0.1},
    "malformed JSON": {"kind": "malformedJson"},
    "wrong content type": {"kind": "wrongContentType"},
}

PERMANENT, WAITED = ("failed", 1, 1, 0), ("sent", 2, 2, 1)
"""(final state, attempts, requests to send, messages received): refused for good; refused once and sent later."""
ASKED, TWICE = ("sent", 1, 1, 1), ("sent", 2, 2, 1)
"""An e-mail that had arrived is found by asking; one that had not is posted again after asking."""
RENEWED = ("sent", 1, 2, 1)
"""The login or the chat held no more: it is renewed, and the message sent within the same attempt."""
UNKNOWN, UNKNOWN_BUT_THERE = ("unknown", 1, 1, 0), ("unknown", 1, 1, 1)
GOOD = ("sent", 1, 1, 1)

EXPECTED: dict[str, dict[str, tuple[str, int, int, int]]] = {
    "email": {
        "400": PERMANENT,
        "401": WAITED,
        "403": WAITED,
        "404": WAITED,
        "408": TWICE,
        "409": TWICE,
        "413": PERMANENT,
        "429": WAITED,
        "429, Retry-After": WAITED,
        "500": TWICE,
        "502": TWICE,
        "503": TWICE,
        "503, Retry-After": TWICE,
        "504": TWICE,
        "reset": TWICE,
        "timeout": TWICE,
        "accepted, then dropped": ASKED,
        "accepted, then 500": ASKED,
        "slow": GOOD,
        "malformed JSON": ASKED,
        "wrong content type": ASKED,
    },
    "sms": {
        "400": PERMANENT,
        "401": WAITED,
        "403": WAITED,
        "404": WAITED,
        "408": UNKNOWN,
        "409": PERMANENT,
        "413": PERMANENT,
        "429": WAITED,
        "429, Retry-After": WAITED,
        "500": UNKNOWN,
        "502": UNKNOWN,
        "503": UNKNOWN,
        "503, Retry-After": UNKNOWN,
        "504": UNKNOWN,
        "reset": UNKNOWN,
        "timeout": UNKNOWN,
        "accepted, then dropped": UNKNOWN_BUT_THERE,
        "accepted, then 500": UNKNOWN_BUT_THERE,
        "slow": GOOD,
        "malformed JSON": UNKNOWN_BUT_THERE,
        "wrong content type": UNKNOWN_BUT_THERE,
    },
    "whatsapp": {
        "400": PERMANENT,
        "401": WAITED,
        "403": WAITED,
        "404": PERMANENT,
        "408": UNKNOWN,
        "409": PERMANENT,
        "413": PERMANENT,
        "429": WAITED,
        "429, Retry-After": WAITED,
        "500": UNKNOWN,
        "502": UNKNOWN,
        "503": WAITED,
        "503, Retry-After": WAITED,
        "504": UNKNOWN,
        "reset": UNKNOWN,
        "timeout": UNKNOWN,
        "accepted, then dropped": UNKNOWN_BUT_THERE,
        "accepted, then 500": UNKNOWN_BUT_THERE,
        "slow": GOOD,
        "malformed JSON": UNKNOWN_BUT_THERE,
        "wrong content type": UNKNOWN_BUT_THERE,
    },
    "teams_chat": {
        "400": PERMANENT,
        "401": RENEWED,
        "403": PERMANENT,
        "404": RENEWED,
        "408": UNKNOWN,
        "409": PERMANENT,
        "413": PERMANENT,
        "429": WAITED,
        "429, Retry-After": WAITED,
        "500": UNKNOWN,
        "502": UNKNOWN,
        "503": UNKNOWN,
        "503, Retry-After": UNKNOWN,
        "504": UNKNOWN,
        "reset": UNKNOWN,
        "timeout": UNKNOWN,
        "accepted, then dropped": UNKNOWN_BUT_THERE,
        "accepted, then 500": UNKNOWN_BUT_THERE,
        "slow": GOOD,
        "malformed JSON": UNKNOWN_BUT_THERE,
        "wrong content type": UNKNOWN_BUT_THERE,
    },
}
PROVIDERS = {"email": "acs", "sms": "twilio", "whatsapp": "meta", "teams_chat": "teams"}
PEOPLE = {
    "email": "alice@example.com",
    "sms": "+41791234567",
    "whatsapp": "+41791234567",
    "teams_chat": PERSON,
}
CELLS = [(channel, fault) for channel, row in EXPECTED.items() for fault in row]


def test_every_cell_is_expected_to_come_to_something() -> None:
    assert all(set(row) == set(FAULTS) for row in EXPECTED.values())


async def settle(product: Product) -> None:
    """Work and let time pass until nothing is left to be done."""
    for _ in range(50):
        await product.drain()
        if not product.queues.messages:
            return
        product.clock.now = max(product.clock.now, min(at for at, _, _ in product.queues.messages))
    raise AssertionError("it never settles")


@pytest.mark.parametrize(("channel", "fault"), CELLS)
async def test_a_fault_comes_to_what_the_table_says(
    storage: str, tmp_path: Path, channel: str, fault: str
) -> None:
    seconds = 0.8 if fault == "timeout" else 10
    async with running(storage, tmp_path, MESSAGING_PROVIDER_TIMEOUT_SECONDS=seconds) as product:
        await product.subscription(source=BY_TEMPLATE if channel == "whatsapp" else GREETING)
        await product.subscribe("alice", PEOPLE[channel], channel)
        rule = {"provider": PROVIDERS[channel], "operation": "send", "times": 1, **FAULTS[fault]}
        product.sandbox.faults.replace([rule])
        execution = await product.execute()
        await settle(product)
        (delivery,) = (await product.deliveries(execution)).values()
        posts = [seen for seen in product.sandbox.requests.requests if seen.operation == "send"]
        came = (delivery.state, delivery.attempts, len(posts), len(product.sandbox.inbox.messages))
        assert came == EXPECTED[channel][fault]
        assert len({seen.operationId for seen in posts}) == 1

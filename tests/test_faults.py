"""The fault matrix: what each failure of a provider comes to, from the trigger to the record."""

from pathlib import Path

import pytest

from messaging.models import MessagingChannel
from tests.connectors.cases import CASES, FAULTS
from tests.product import BY_TEMPLATE, GREETING, Product, running

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
CELLS = [(channel, fault) for channel, row in EXPECTED.items() for fault in row]


def test_every_cell_is_expected_to_come_to_something() -> None:
    assert set(EXPECTED) == set(MessagingChannel)
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
        case = CASES[MessagingChannel(channel)]
        await product.subscribe("alice", case.person(0), channel)
        rule = {"provider": case.provider, "operation": "send", "times": 1, **FAULTS[fault]}
        product.sandbox.faults.replace([rule])
        execution = await product.execute()
        await settle(product)
        (delivery,) = (await product.deliveries(execution)).values()
        posts = [seen for seen in product.sandbox.requests.requests if seen.operation == "send"]
        came = (delivery.state, delivery.attempts, len(posts), len(product.sandbox.inbox.messages))
        assert came == EXPECTED[channel][fault]
        assert len({seen.operationId for seen in posts}) == 1

"""What is logged on the way of a call or a message is kept for its mandate, at every door."""

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from messaging import triggers
from messaging.access import Role
from messaging.acting import act_for, acting_for, mandate
from messaging.ids import execution_id
from messaging.models import MandateId
from messaging.storage.memory import MemoryTables
from tests.api.client import Client
from tests.errors import attached, kept
from tests.product import Product, running

A, B = MandateId("a"), MandateId("b")
ID = execution_id(0)


def test_a_block_acts_for_a_mandate_and_what_was_before_comes_back() -> None:
    with acting_for(A):
        with acting_for(None):
            act_for(B)
            assert mandate() == B
        assert mandate() == A
    assert mandate() is None


class Broken(MemoryTables):
    """A storage that has a bug: it raises what nobody expects."""

    broken = False

    async def get(self, *given: Any, **named: Any) -> Any:
        return self._fail() if self.broken else await super().get(*given, **named)

    async def range(self, *given: Any, **named: Any) -> Any:
        return self._fail() if self.broken else await super().range(*given, **named)

    def _fail(self) -> None:
        raise RuntimeError("a bug")


@pytest.fixture
async def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Product]:
    """The product, with its logging kept, on a storage whose reads fail."""
    tables = Broken()
    async with running("UseDevelopmentStorage=true", tmp_path, tables=tables) as product:
        monkeypatch.setattr(triggers, "_built", [product.messaging])
        with attached(product):
            tables.broken = True
            yield product
        tables.broken = False


async def call(product: Product, name: str, body: bytes = b"") -> None:
    """Call a function as the host does, with a queue message unless it is a timer's."""
    found = {one._function.get_function_name(): one for one in triggers.blueprint._function_builders}
    function: Any = triggers.error_digest if name == "error_digest" else found[name]
    await function(func.QueueMessage(id="id-1", body=body))


BATCH = {"executionId": ID, "page": 1, "batch": 0}
MESSAGES: dict[str, dict[str, Any]] = {
    "deliver_email": BATCH,
    "deliver_sms": BATCH,
    "prepare_page": {"executionId": ID, "page": 2},
    "workflow_action": {
        "action": "messaging.executeSubscription",
        "subscriptionId": "SystemErrors",
        "eventParameters": {},
    },
    "system_event": {"specversion": "1.0", "id": "1", "source": "/x", "type": "x.login"},
}


def message(name: str, mandateId: str) -> bytes:
    about = {"data": {"mandateId": mandateId, "userId": "u", "details": {}}}
    return json.dumps(MESSAGES[name] | (about if name == "system_event" else {"mandateId": mandateId})).encode()


async def errors(product: Product, mandateId: MandateId | None) -> list[tuple[str, str]]:
    """Each kept error of nobody (None) or a mandate, and the last line of its trace."""
    await product.messaging.errorlog.flush()
    product.messaging.tables.broken = False  # type: ignore[attr-defined]
    found = await (kept(product, mandateId) if mandateId else kept(product))
    return [(one.message, one.trace.rpartition("\n")[2]) for one in found]


@pytest.mark.parametrize("name", MESSAGES)
async def test_what_a_message_breaks_is_kept_for_its_mandate(broken: Product, name: str) -> None:
    with pytest.raises(RuntimeError):
        await call(broken, name, message(name, broken.mandateId))
    expected = [(f"The function {name} failed", "RuntimeError: a bug")]
    assert await errors(broken, broken.mandateId) == expected
    assert await errors(broken, None) == []


async def test_what_belongs_to_no_mandate_is_kept_for_nobody(broken: Product) -> None:
    with pytest.raises(RuntimeError):
        await call(broken, "sweep")
    with pytest.raises(ValueError):
        await call(broken, "deliver_sms", b"no JSON")
    assert [one for one, _ in await errors(broken, None)] == [
        "The function sweep failed",
        "The function deliver_sms failed",
    ]


async def test_a_mandate_that_cannot_exist_is_nobody(broken: Product) -> None:
    with pytest.raises(RuntimeError):
        await call(broken, "prepare_page", message("prepare_page", "../m"))
    assert len(await errors(broken, None)) == 1


async def test_what_a_call_breaks_is_kept_for_the_callers_mandate(broken: Product) -> None:
    answer = await Client(broken.messaging, broken.mandateId, Role.MANDATE_ADMIN)("GET", "/subscriptions")
    assert answer.status == 500
    expected = [("A request failed unexpectedly", "RuntimeError: a bug")]
    assert await errors(broken, broken.mandateId) == expected
    assert await errors(broken, None) == [] and mandate() is None


async def test_an_admin_acts_for_the_mandate_that_the_call_names(broken: Product) -> None:
    await Client(broken.messaging, B, Role.ADMIN)("GET", f"/subscriptions?mandateId={A}")
    assert len(await errors(broken, A)) == 1 and await errors(broken, B) == []


async def test_the_digest_acts_for_each_mandate_in_turn(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triggers, "_built", [product.messaging])
    with attached(product):
        await product.subscription(source="def execute(*arguments): raise ValueError('no')")
        await product.subscribe("alice")
        with acting_for(product.mandateId):
            logging.getLogger("x").error("makes a digest")
        await product.messaging.errorlog.flush()
        product.clock.forward(301)
        await call(product, "error_digest")
        await product.messaging.errorlog.flush()
    found = [one.message for one in await kept(product, product.mandateId)]
    assert len(found) == 2 and found[1].startswith("Execution")
    assert await kept(product) == []

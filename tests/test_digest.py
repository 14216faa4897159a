"""The error digest: every error is told once, to its own mandate, whatever fails on the way."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from messaging import digest, errorjournal
from messaging.acting import acting_for
from messaging.bootstrap import SUBSCRIPTIONS, Swaps, build
from messaging.digest import RETENTION
from messaging.errorjournal import NOBODY
from messaging.errorrecords import ErrorRecord
from messaging.inputs import SubscriptionChange
from messaging.models import MandateId
from messaging.settings import DIGEST_MARGIN
from messaging.storage import keys
from messaging.storage.base import Table, Upsert
from messaging.storage.memory import MemoryTables
from tests.digests import TELL, counts, log, logger, run, subscribed, told
from tests.errors import attached, kept, listed
from tests.inbound import executions
from tests.product import Product, mandate, running

DAY = 86_400


async def test_the_errors_since_the_last_digest_execute_system_errors(product: Product) -> None:
    await subscribed(product)
    logged = product.clock.now
    await log(product, "disk full", "disk full")
    await run(product)
    (one,) = told(product)
    assert one == {
        "errors": [
            {
                "message": "disk full",
                "level": "ERROR",
                "timestamp": logged,
                "source": "billing",
                "count": 2,
                "first": logged,
                "last": logged,
            }
        ],
        "timestamp": product.clock.now,
    }
    (execution,) = await executions(product)
    assert (execution.trigger, execution.createdBy, execution.sent) == ("schedule", "digest", 1)
    await log(product, "no route")
    await run(product, DAY)
    assert counts(product)[1:] == [{"no route": 1}]


async def test_without_errors_there_is_no_message_and_nothing_is_written(
    twin: tuple[Product, MemoryTables],
) -> None:
    product, tables = twin
    await subscribed(product)
    await run(product)
    await log(product, "disk full")
    await run(product)
    written = tables.written
    for _ in range(3):
        await run(product, DAY)
    assert tables.written == written
    assert len(told(product)) == 1


async def test_errors_of_the_last_five_minutes_come_in_the_next_digest(product: Product) -> None:
    await subscribed(product)
    await log(product, "early")
    product.clock.forward(DIGEST_MARGIN + 1)
    await log(product, "late")
    await run(product, 0)
    assert counts(product) == [{"early": 1}]
    await run(product)
    assert counts(product) == [{"early": 1}, {"late": 1}]


async def test_an_error_that_is_written_late_comes_in_the_next_digest(product: Product) -> None:
    await subscribed(product)
    await log(product, "first")
    with attached(product), acting_for(product.mandateId):
        logger.error("slow")  # and storage cannot be reached for an hour
    product.clock.forward(3600)
    await run(product)
    assert await product.messaging.errorlog.flush()
    await run(product, DAY)
    assert counts(product) == [{"first": 1}, {"slow": 1}]


async def test_each_mandate_hears_of_its_own_errors_only(product: Product) -> None:
    await subscribed(product)
    other = mandate()
    await log(product, "mine")
    await log(product, "theirs", mandateId=other)
    await log(product, "nobody's", mandateId=NOBODY)
    await run(product)
    assert counts(product) == [{"mine": 1}]


@pytest.mark.parametrize("system", [True, False])
async def test_errors_of_nobody_go_to_the_system_mandate(
    storage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, system: bool
) -> None:
    setting: dict[str, Any] = {"MESSAGING_SYSTEM_MANDATE": "operations"} if system else {}
    async with running(storage, tmp_path, **setting) as product:
        product.mandateId = MandateId("operations")
        await subscribed(product)
        await log(product, "nobody's", mandateId=NOBODY)
        await run(product)
        await run(product)
        assert counts(product) == ([{"nobody's": 1}] if system else [])
        assert ("reported to nobody" in caplog.text) != system
        assert caplog.text.count("MESSAGING_SYSTEM_MANDATE") == (not system)
        assert [record.message for record in await kept(product)] == ["nobody's"]


async def test_what_nobody_heard_of_is_told_once_there_is_a_system_mandate(storage: str, tmp_path: Path) -> None:
    async with running(storage, tmp_path) as product:
        await log(product, "nobody's", mandateId=NOBODY)
        await run(product)
    async with running(storage, tmp_path, MESSAGING_SYSTEM_MANDATE="operations") as product:
        product.mandateId = MandateId("operations")
        await subscribed(product)
        await run(product, DAY)
        assert counts(product) == [{"nobody's": 1}]


async def nothing(product: Product) -> None:
    pass


async def no_function(product: Product) -> None:
    await subscribed(product, None)


async def disabled(product: Product) -> None:
    await subscribed(product)
    change = SubscriptionChange(enabled=False)
    await product.messaging.registry.updateSubscription(product.principal(), "SystemErrors", change)


async def no_registration(product: Product) -> None:
    await product.subscription("SystemErrors", TELL)


async def raising(product: Product) -> None:
    await subscribed(product, "def execute(*arguments): raise ValueError('no')")


@pytest.mark.parametrize("state", [nothing, no_function, disabled, no_registration, raising])
async def test_where_nobody_can_hear_of_them_the_watermark_moves(product: Product, state: Any) -> None:
    await state(product)
    await log(product, "disk full")
    await run(product)
    row = (await listed(product))[product.mandateId]
    assert (row["watermark"], row["until"]) == (product.clock.now - DIGEST_MARGIN, 0.0)
    assert told(product) == []


async def test_a_function_that_cannot_be_loaded_keeps_its_window(product: Product) -> None:
    await subscribed(product, "import nothing_of_this_name")
    await log(product, "disk full")
    await run(product)
    await log(product, "no route")
    product.function("SystemErrors", TELL)
    await run(product, DAY)
    assert counts(product) == [{"disk full": 1}, {"no route": 1}]


async def test_one_mandates_trouble_does_not_stop_the_others(product: Product) -> None:
    await subscribed(product)
    await log(product, "mine")
    broken = MandateId(f"a{mandate()}")  # before ours
    await log(product, "theirs", mandateId=broken)
    unreadable = Upsert(keys.error(product.clock.now, "x"), {"at": 1.0})
    await product.messaging.tables.commit(Table.JOURNAL, broken, [unreadable])
    await run(product)
    assert counts(product) == [{"mine": 1}]


async def test_more_mandates_than_are_read_at_a_time(
    twin: tuple[Product, MemoryTables], monkeypatch: pytest.MonkeyPatch
) -> None:
    product, _ = twin
    monkeypatch.setattr("messaging.windows.PAGE", 2)
    others = [mandate() for _ in range(2 * digest.AT_ONCE + 1)]
    for other in others:
        product.mandateId = other
        await subscribed(product)
        await log(product, "disk full")
    await run(product)
    assert counts(product) == [{"disk full": 1}] * len(others)


async def test_a_report_of_many_pages_counts_every_error(
    twin: tuple[Product, MemoryTables], monkeypatch: pytest.MonkeyPatch
) -> None:
    product, _ = twin
    monkeypatch.setattr(errorjournal, "PAGE", 7)
    await subscribed(product)
    await log(product, *["disk full", "no route", "no route"] * 20)
    await run(product)
    assert counts(product) == [{"no route": 40, "disk full": 20}]


async def test_old_errors_are_forgotten(
    twin: tuple[Product, MemoryTables], monkeypatch: pytest.MonkeyPatch
) -> None:
    product, _ = twin
    monkeypatch.setattr(errorjournal, "FORGOTTEN_PAGE", 4)
    await log(product, *["old"] * 9)
    await log(product, "old", mandateId=NOBODY)
    await run(product, RETENTION - 1)
    assert len(await kept(product, None)) == 9
    await log(product, "new")
    monkeypatch.setattr(errorjournal, "MOST_FORGOTTEN", 5)
    await run(product, 2)
    assert [one.message for one in await kept(product, None)] == ["old", "new"]
    await run(product, 2)
    assert [one.message for one in await kept(product, None)] == ["new"]
    assert await kept(product) == []


async def test_what_the_digest_itself_logs_comes_in_the_next_one(product: Product) -> None:
    fussy = "    assert eventParameters.triggerData['errors'][0]['message'] != 'disk full'\n    for"
    await subscribed(product, TELL.replace("    for", fussy))
    await log(product, "disk full")
    with attached(product):
        await run(product)
        await product.messaging.errorlog.flush()
        for _ in range(3):
            await run(product, DAY)
            await product.messaging.errorlog.flush()
    ((message, count),) = counts(product)[0].items()
    assert (message.startswith("Execution"), count, len(told(product))) == (True, 1, 1)


async def test_people_read_the_digest(storage: str) -> None:
    async with running(storage, SUBSCRIPTIONS) as product:
        await subscribed(product, None)
        await product.subscribe("bob", "+41791234567", channel="sms")
        try:
            raise TimeoutError("no answer for carol@example.com")
        except TimeoutError:
            with attached(product), acting_for(product.mandateId):
                logger.exception("Invoice %s not closed", 4721)
                logger.exception("Invoice %s not closed", 4722)
        await product.messaging.errorlog.flush()
        await run(product)
        mail, sms = sorted(product.sandbox.inbox.messages, key=lambda one: one.channel)
        assert mail.subject == "2 system errors: Invoice 4722 not closed"
        words = f"{mail.text}{mail.html}"
        assert words.count("TimeoutError: no answer for [address]") == 2 and "carol" not in words
        assert sms.text == "2 system errors in 1 group. 2x billing: Invoice 4722 not closed"


class Elsewhere:
    """Another log store: one class with one method."""

    async def errors(self, mandateId: MandateId, first: float, last: float) -> AsyncGenerator[ErrorRecord]:
        yield ErrorRecord(first, "ERROR", "elsewhere", f"until {last:.0f}")


async def test_another_log_store_is_one_class(storage: str, tmp_path: Path) -> None:
    async with running(storage, tmp_path) as product:
        await subscribed(product)
        await log(product, "puts the mandate on the list")
        swaps: Swaps = {"queues": product.queues, "subscriptions": product.functions, "clock": product.clock}
        wired = build(product.messaging.settings, **(swaps | Swaps(errors=Elsewhere())))
        await wired.digest.run(waits=())
        await wired.close()
        await product.drain()
        assert counts(product) == [{f"until {product.clock.now - DIGEST_MARGIN:.0f}": 1}]

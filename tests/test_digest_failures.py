"""What fails in the middle of a digest, or comes twice: no error is lost, and none is told again."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from messaging.settings import DIGEST_MARGIN
from tests.digests import counts, log, run, subscribed
from tests.errors import listed
from tests.faulty import Faults, shaky
from tests.product import Product

STEPS = {
    1: "the window",
    2: "the sweeper's list",
    3: "execution and key",
    4: "event parameters",
    5: "contents",
    6: "batch",
    7: "commit point",
    8: "the watermark",
}


@pytest.fixture
async def failing(
    storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Product, Faults]]:
    async with shaky(storage, tmp_path, monkeypatch) as (product, faults):
        await subscribed(product)
        await log(product, "makes the tables")
        await run(product)
        product.sandbox.clear()
        await log(product, "disk full", "disk full")
        yield product, faults


@pytest.mark.parametrize("kind", ["503", "refused", "lost"])
@pytest.mark.parametrize("step", STEPS, ids=STEPS.values())
async def test_an_outage_or_a_crash_at_any_step_loses_and_repeats_no_error(
    failing: tuple[Product, Faults], step: int, kind: str
) -> None:
    product, faults = failing
    faults.plan(kind, step)  # nothing is written any more, as after a crash
    product.clock.forward(DIGEST_MARGIN + 1)
    await product.messaging.digest.run(waits=())
    assert faults.seen >= step
    faults.plan("", 1)
    await log(product, "no route")
    await run(product)
    product.clock.forward(901)
    await product.messaging.sweeper.sweep()  # a queue message may be lost with its commit's reply
    await run(product)
    found: Counter[str] = sum(map(Counter, counts(product)), Counter())
    assert found == {"disk full": 2, "no route": 1}
    row = (await listed(product))[product.mandateId]
    assert row["until"] == 0.0


@pytest.mark.parametrize("step", STEPS, ids=STEPS.values())
@pytest.mark.parametrize("kind", ["503", "refused", "lost"])
async def test_one_lost_write_or_reply_is_no_outage(failing: tuple[Product, Faults], step: int, kind: str) -> None:
    product, faults = failing
    faults.plan(kind, step, times=1)
    await run(product)
    assert counts(product) == [{"disk full": 2}]
    assert (await listed(product))[product.mandateId]["until"] == 0.0


async def test_a_run_comes_back_to_what_failed(failing: tuple[Product, Faults]) -> None:
    product, faults = failing
    faults.plan("503", 1, times=3)  # one try with its repeats
    product.clock.forward(DIGEST_MARGIN + 1)
    await product.messaging.digest.run(waits=(0, 0))
    await product.drain()
    assert counts(product) == [{"disk full": 2}]


async def test_two_runs_at_once_tell_each_error_once(product: Product) -> None:
    await subscribed(product)
    await log(product, "disk full", "disk full")
    product.clock.forward(DIGEST_MARGIN + 1)
    await asyncio.gather(*(product.messaging.digest.run(waits=()) for _ in range(3)))
    await run(product)
    assert counts(product) == [{"disk full": 2}]


async def test_a_clock_that_steps_back_tells_nothing_twice(product: Product) -> None:
    await subscribed(product)
    await log(product, "disk full")
    await run(product)
    product.clock.forward(-2000)
    await run(product, 0)
    product.clock.forward(2000)
    await log(product, "no route")
    await run(product)
    assert counts(product) == [{"disk full": 1}, {"no route": 1}]

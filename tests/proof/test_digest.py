"""A digest over a hundred thousand errors: all counted, in little memory."""

import asyncio
import gc
import json
import os
import time
from collections.abc import Callable, Iterable
from itertools import batched
from pathlib import Path

from messaging.errorjournal import AT_ONCE, ErrorBatch, ErrorJournal
from messaging.errorrecords import ErrorRecord
from messaging.grouping import SHOWN
from messaging.settings import DIGEST_MARGIN
from tests.digests import TELL
from tests.product import Product, running
from tests.proof.world import memory

ERRORS = 100_000
KINDS = 2_000
"""Most of them are of few kinds; half are spread over the rest, more than the digest keeps."""

MEGABYTES = 64
"""More memory than this the digest may not take; all errors together would be several hundred."""


def errors(start: float) -> Iterable[ErrorRecord]:
    for number in range(ERRORS):
        kind = number % 20 if number % 2 else number % KINDS
        yield ErrorRecord(
            at=start + number / 1000,
            level="ERROR",
            source=f"messaging.part{kind}",
            message=f"Batch {number} could not be stored: no answer within 30 s",
            trace='  File "/home/site/wwwroot/messaging/worker.py", line 128, in deliver\n' * 20,
            place=f"worker.deliver:{kind}",
            shape="Batch # could not be stored: no answer within # s",
        )


async def write(product: Product) -> float:
    """Store the errors, and answer how many a second that were."""
    journal = ErrorJournal(product.messaging.tables, product.clock)
    await product.messaging.errorlog._windows.note(product.mandateId)
    started, batches = time.monotonic(), batched(errors(product.clock.now), AT_ONCE, strict=False)

    async def some() -> None:
        for records in batches:
            await journal.write(ErrorBatch(product.mandateId, list(records), product.clock.now))

    await asyncio.gather(*(some() for _ in range(8)))
    return ERRORS / (time.monotonic() - started)


async def highest(held: list[float]) -> None:
    """Note this process's memory in MB until it is cancelled."""
    while True:
        held.append(memory(os.getpid()))
        await asyncio.sleep(0.05)


async def test_a_digest_over_100_000_errors(storage: str, tmp_path: Path, tell: Callable[[str], None]) -> None:
    async with running(storage, tmp_path) as product:
        await product.subscription("SystemErrors", TELL)
        await product.subscribe("alice")
        pace = await write(product)
        product.clock.forward(DIGEST_MARGIN + 1)
        gc.collect()
        before, held = memory(os.getpid()), list[float]()
        watching = asyncio.create_task(highest(held))
        started = time.monotonic()
        await product.messaging.digest.run(waits=())
        took = time.monotonic() - started
        watching.cancel()
        await product.drain()
        (mail,) = product.sandbox.inbox.messages
        told = json.loads(mail.text or "")["errors"]
        assert sum(one["count"] for one in told) == ERRORS and len(told) == SHOWN + 1
        tell(
            f"{ERRORS} errors: written at {pace:.0f}/s, digest in {took:.1f} s ({ERRORS / took:.0f}/s), "
            f"memory {before:.0f} MB before, at most {max(held):.0f} MB while it ran"
        )
        assert max(held) - before < MEGABYTES

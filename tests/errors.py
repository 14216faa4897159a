"""What is kept of logged errors, and an error log that a test attaches to the process's logging."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from messaging.errorjournal import NOBODY, ErrorJournal
from messaging.errorrecords import ErrorRecord
from messaging.models import MandateId
from messaging.storage.base import Row, Table, Work
from tests.product import Product

EVER = 4e9


@contextmanager
def attached(product: Product) -> Iterator[None]:
    """What is logged as an error within the block is kept, from any thread."""
    product.messaging.errorlog.attach()
    product.messaging.errorlog.start()
    try:
        yield
    finally:
        logging.getLogger().removeHandler(product.messaging.errorlog._handler)


async def kept(product: Product, mandateId: MandateId | None = NOBODY) -> list[ErrorRecord]:
    """The stored errors of nobody, or of a mandate."""
    journal = ErrorJournal(product.messaging.tables)
    return [record async for record in journal.errors(mandateId or product.mandateId, 0, EVER)]


async def listed(product: Product) -> dict[str, Row]:
    """The digest's rows by mandate."""
    rows = await product.messaging.tables.range(Table.WORK, Work.DIGEST, ("!", "~~"), 1000)
    return {row.key: row for row in rows}

"""Queue messages that failed too often are kept, byte for byte where that is text."""

import pytest

from messaging.content import from_columns
from messaging.storage.base import Table, Work
from tests.product import Product

BODIES = [
    (b'{"mandateId": "m1"}', '{"mandateId": "m1"}'),
    (b"\xff\xfe", "\\xff\\xfe"),
    (b"", ""),
    ("ü😀".encode() * 8000, "ü😀" * 8000),
]


@pytest.mark.parametrize(("body", "kept"), BODIES)
async def test_a_message_is_kept_once(
    product: Product, caplog: pytest.LogCaptureFixture, body: bytes, kept: str
) -> None:
    for _ in range(2):
        await product.messaging.poison.keep("messaging-executions", "id-1", body)
    (row,) = await product.messaging.tables.range(Table.WORK, Work.POISON, ("!", "~"), 10)
    assert (row["queue"], row["at"], from_columns(row.values)) == ("messaging-executions", product.clock.now, kept)
    assert "failed too often" in caplog.text and "mandateId" not in caplog.text

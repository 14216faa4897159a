"""`errors list`: the latest logged errors of a mandate, or of nobody."""

import logging
import time

import pytest

from messaging.acting import acting_for
from messaging.errorjournal import NOBODY
from tests.cli.command import Commands
from tests.errors import attached
from tests.product import Product


async def test_the_latest_errors_are_listed(product: Product, cli: Commands) -> None:
    product.clock.now = time.time()
    with attached(product):
        for mandateId in (product.mandateId, NOBODY):
            for number in range(3):
                with acting_for(mandateId):
                    logging.getLogger("billing").error("error %d", number, exc_info=ValueError("why"))
                await product.messaging.errorlog.flush()
                product.clock.forward(0.01)
    listed = (await cli(f"errors list -m {product.mandateId} --json")).document
    assert [one["message"] for one in listed["items"]] == ["error 2", "error 1", "error 0"]
    assert listed["items"][0]["trace"] == "ValueError: why" and listed["more"] is False
    human = (await cli("errors list --nobody --limit 2")).out
    assert human.index("error 2") < human.index("error 1") and "error 0" not in human
    assert "There are 1 more" in human
    assert (await cli("errors list --nobody --since 2050-01-01")).out == "No errors.\n"


@pytest.mark.parametrize("options", ["", "--nobody -m m1", "-m a/b"])
async def test_a_mandate_or_nobody_must_be_named(cli: Commands, options: str) -> None:
    assert (await cli(f"errors list {options}")).code == 2

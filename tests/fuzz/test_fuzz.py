"""A bounded run of what tests/proof/test_fuzzing.py does at length."""

from pathlib import Path

from tests.fuzz import fuzz, prepare
from tests.product import mandate
from tests.proof.world import world


async def test_the_service_is_as_its_specification_says(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.host()
        async with here.client(mandate()) as client:
            report = fuzz(
                client, await prepare(client), tmp_path, "-n", "3", "--phases", "examples,coverage,fuzzing"
            )
    assert not report.failures, report.text
    assert report.cases > 300

"""At least five thousand requests that nobody wrote, to the running host: each is answered as specified."""

from collections.abc import Callable
from pathlib import Path

from tests.fuzz import fuzz, prepare
from tests.product import mandate
from tests.proof.world import world

CASES = 5_000
SEED = "187645719079034148851479166482199379803"
"""The same requests in every run, so that a failure is a change; leave it out to look further."""


async def test_five_thousand_requests(tmp_path: Path, tell: Callable[[str], None]) -> None:
    async with world(tmp_path) as here:
        here.host()
        async with here.client(mandate()) as client:
            report = fuzz(client, await prepare(client), tmp_path, "-n", "280", "--seed", SEED)
    tell(f"{report.cases} requests, {len(report.failures)} of them answered out of contract")
    assert not report.failures, report.text
    assert report.cases >= CASES

"""The commands on the test's own storage account."""

import pytest

from tests.cli.command import Commands


@pytest.fixture
def cli(storage: str) -> Commands:
    return Commands(storage)

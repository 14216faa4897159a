"""What all tests share: a storage account for the session, and the product on it."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dev.azurite import start_azurite
from messaging.storage.memory import MemoryTables
from tests.product import Product, running


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests and fixtures run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def azurite() -> Iterator[str]:
    """The connection string of an Azurite in memory, started for this session, or of TEST_STORAGE_CONNECTION.

    Everything in it is shared by all tests: use queue and table names or mandates of your own.
    """
    if given := os.environ.get("TEST_STORAGE_CONNECTION"):
        yield given
        return
    with start_azurite() as running:
        yield running.connection


@pytest.fixture
async def product(azurite: str, tmp_path: Path) -> AsyncIterator[Product]:
    """The product on Azurite and a sandbox of its own, in a mandate of its own."""
    async with running(azurite, tmp_path) as one:
        yield one


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[tuple[Product, MemoryTables]]:
    """The product on the storage twin in memory, which counts what is read and written."""
    tables = MemoryTables()
    async with running("UseDevelopmentStorage=true", tmp_path, tables=tables) as one:
        yield one, tables

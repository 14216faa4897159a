"""What all tests share: a storage account for the session, and the product on it."""

import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from dev.azurite import Azurite, start_azurite
from messaging.storage.memory import MemoryTables
from tests.prism import prisms
from tests.product import Product, running

settings.register_profile("patient", settings.default, deadline=None)  # a busy machine is no failure
settings.load_profile("patient")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests and fixtures run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Children heed Ctrl-C also where the tests run in the background of a shell, which ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


ACCOUNTS = 2000


@pytest.fixture(scope="session")
def emulator() -> Iterator[Azurite]:
    """An Azurite in memory, started for this session, with enough accounts to give each test its own."""
    with start_azurite(accounts=ACCOUNTS) as running:
        yield running


@pytest.fixture(scope="session")
def azurite(emulator: Azurite) -> str:
    """The connection string of an account that all tests share: use names or mandates of your own."""
    return emulator.connection


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return iter(range(ACCOUNTS))


@pytest.fixture
def storage(emulator: Azurite, _numbers: Iterator[int]) -> str:
    """The connection string of an empty account of this test's own."""
    return emulator.account(next(_numbers))


@pytest.fixture(scope="session")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """The ports of Prisms before a sandbox, by provider, and of the sandbox."""
    with prisms(tmp_path_factory.mktemp("prism")) as running_on:
        yield running_on


@pytest.fixture
async def product(storage: str, tmp_path: Path) -> AsyncIterator[Product]:
    """The product on a storage account and a sandbox of its own."""
    async with running(storage, tmp_path) as one:
        yield one


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[tuple[Product, MemoryTables]]:
    """The product on the storage twin in memory, which counts what is read and written."""
    tables = MemoryTables()
    async with running("UseDevelopmentStorage=true", tmp_path, tables=tables) as one:
        yield one, tables

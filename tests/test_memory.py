"""What connectors remember: the same for all processes, and never in the way."""

from messaging.errors import StorageUnavailable
from messaging.memory import Memory
from messaging.models import MessagingChannel
from messaging.storage.base import Row, Table, Work
from messaging.storage.memory import MemoryTables
from tests.product import Product

TEAMS = MessagingChannel.TEAMS_CHAT


class Unreachable(MemoryTables):
    async def get(self, *_: object) -> Row | None:
        raise StorageUnavailable

    async def commit(self, *_: object) -> list[str]:
        raise StorageUnavailable


async def test_what_one_process_learns_the_others_know(product: Product) -> None:
    tables = product.messaging.tables
    assert await Memory(tables).get(TEAMS, "alice / # ? 😀") is None
    for text in ("a:1", "a:2"):
        await Memory(tables).put(TEAMS, "alice / # ? 😀", text)
        assert await Memory(tables).get(TEAMS, "alice / # ? 😀") == text
    assert await Memory(tables).get(TEAMS, "bob") is None
    assert await Memory(tables).get(MessagingChannel.WHATSAPP, "alice / # ? 😀") is None


async def test_no_name_is_stored(twin: tuple[Product, MemoryTables]) -> None:
    _, tables = twin
    await Memory(tables).put(TEAMS, "alice", "a:1")
    rows = await tables.range(Table.WORK, Work.MEMORY, ("!", "~"), 10)
    assert len(rows) == 1 and "alice" not in str(rows)


async def test_without_storage_it_has_forgotten() -> None:
    memory = Memory(Unreachable())
    await memory.put(TEAMS, "alice", "a:1")
    assert await memory.get(TEAMS, "alice") is None

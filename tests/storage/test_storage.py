"""One suite for both storages: the verbs on Azurite, and their twin in memory."""

from collections.abc import AsyncIterator

import pytest

from messaging.errors import Conflict, StorageUnavailable
from messaging.http import Http
from messaging.models import MandateId
from messaging.storage.account import Account
from messaging.storage.base import Delete, Insert, Merge, Operation, Row, Table, Tables, Upsert, Value, Work
from messaging.storage.keys import after, below
from messaging.storage.memory import MemoryTables
from messaging.storage.tables import AzureTables
from tests.product import mandate


@pytest.fixture(params=["azurite", "memory"])
async def tables(request: pytest.FixtureRequest) -> AsyncIterator[Tables]:
    if request.param == "memory":
        yield MemoryTables()
        return
    http = Http()
    account = Account(http, request.getfixturevalue("azurite"), None, None)
    stored = AzureTables(account)
    yield stored
    await stored.close()
    await http.close()


@pytest.fixture
def home() -> MandateId:
    return mandate()


async def commit(tables: Tables, home: MandateId, *operations: Operation) -> list[str]:
    return await tables.commit(Table.REGISTRY, home, operations)


async def get(tables: Tables, home: MandateId, key: str) -> Row | None:
    return await tables.get(Table.REGISTRY, home, key)


async def test_values_come_back_as_they_were(tables: Tables, home: MandateId) -> None:
    values: dict[str, Value] = {
        "text": "ü😀'\n",
        "empty": "",
        "number": 7,
        "time": 1764000000.123456,
        "zero": 0.0,
        "yes": True,
    }
    (etag,) = await commit(tables, home, Insert("a~1", values))
    row = await get(tables, home, "a~1")
    assert row == Row("a~1", values, etag)
    assert all(type(row[name]) is type(value) for name, value in values.items())


async def test_a_missing_row_is_none(tables: Tables, home: MandateId) -> None:
    assert await get(tables, home, "nothing") is None


async def test_a_mandate_sees_only_its_own_rows(tables: Tables, home: MandateId) -> None:
    await commit(tables, home, Insert("a~1", {}))
    other = mandate()
    assert await get(tables, other, "a~1") is None
    assert await tables.range(Table.REGISTRY, other, below("a"), 10) == []


async def test_a_range_is_in_order_bounded_and_starts_where_it_is_told(tables: Tables, home: MandateId) -> None:
    names = ["a", "a~", "a~1", "a~2", "a~3", "a~~", "b~1"]
    await commit(tables, home, *(Insert(name, {"n": name, "m": 1}) for name in reversed(names)))
    rows = await tables.range(Table.REGISTRY, home, below("a"), 10)
    assert [row.key for row in rows] == ["a~", "a~1", "a~2", "a~3"]
    assert [row.key for row in await tables.range(Table.REGISTRY, home, below("a"), 2)] == ["a~", "a~1"]
    rest = (after("a~1"), below("a")[1])
    assert [row.key for row in await tables.range(Table.REGISTRY, home, rest, 10)] == ["a~2", "a~3"]
    assert await tables.range(Table.REGISTRY, home, ("a~9", "a~9"), 10) == []


async def test_a_range_can_be_asked_for_some_columns_only(tables: Tables, home: MandateId) -> None:
    await commit(tables, home, Insert("a~1", {"n": 1, "m": 2, "o": 3}))
    (row,) = await tables.range(Table.REGISTRY, home, below("a"), 10, ("n", "o"))
    assert dict(row.values) == {"n": 1, "o": 3}
    assert row.etag


async def test_a_range_crosses_the_pages_of_the_service(tables: Tables, home: MandateId) -> None:
    for block in range(12):
        await commit(tables, home, *(Insert(f"a~{block:02d}{n:02d}", {}) for n in range(100)))
    rows = await tables.range(Table.REGISTRY, home, below("a"), 1150)
    assert [row.key for row in rows] == [f"a~{n // 100:02d}{n % 100:02d}" for n in range(1150)]


async def test_a_transaction_is_all_or_nothing(tables: Tables, home: MandateId) -> None:
    old, other = await commit(tables, home, Insert("a", {"n": 1}), Insert("b", {"n": 1}))
    await commit(tables, home, Merge("a", {"n": 2}, old))
    for losing in (
        Insert("a", {}),
        Merge("a", {"n": 3}, old),
        Merge("gone", {"n": 3}),
        Merge("gone", {"n": 3}, other),
        Delete("a", old),
        Delete("gone"),
    ):
        with pytest.raises(Conflict):
            await commit(tables, home, Merge("b", {"n": 9}, other), Insert("c", {}), losing)
        row = await get(tables, home, "b")
        assert row and row["n"] == 1 and row.etag == other
        assert await get(tables, home, "c") is None


async def test_a_merge_keeps_other_columns_and_an_upsert_replaces_them(tables: Tables, home: MandateId) -> None:
    await commit(tables, home, Insert("a", {"n": 1, "m": 2}))
    await commit(tables, home, Merge("a", {"n": 3}))
    row = await get(tables, home, "a")
    assert row and dict(row.values) == {"n": 3, "m": 2}
    await commit(tables, home, Upsert("a", {"n": 4}), Upsert("b", {}))
    row = await get(tables, home, "a")
    assert row and dict(row.values) == {"n": 4}


async def test_the_etags_of_a_transaction_are_those_of_the_rows(tables: Tables, home: MandateId) -> None:
    etags = await commit(tables, home, Insert("a", {}), Insert("b", {}))
    rows = await tables.range(Table.REGISTRY, home, ("a", "c"), 10)
    assert [row.etag for row in rows] == etags
    gone, kept = await commit(tables, home, Delete("a", etags[0]), Merge("b", {"n": 1}, etags[1]))
    row = await get(tables, home, "b")
    assert gone == "" and row and row.etag == kept != etags[1]


async def test_the_services_own_lists_have_partitions_too(tables: Tables) -> None:
    key = f"e~{mandate()}"
    await tables.commit(Table.WORK, Work.EXECUTION, [Insert(key, {"mandateId": "m"})])
    row = await tables.get(Table.WORK, Work.EXECUTION, key)
    assert row and row["mandateId"] == "m"


REFUSED: dict[str, list[Operation]] = {
    "nothing": [],
    "too many": [Insert(f"k{n}", {}) for n in range(101)],
    "a row twice": [Insert("k", {}), Merge("k", {"n": 1})],
    "an empty key": [Insert("", {})],
    "a slash": [Insert("a/b", {})],
    "a control character": [Insert("a\nb", {})],
    "a long key": [Insert("k" * 513, {})],
    "a long text": [Insert("k", {"text": "x" * 32_769})],
    "a long text of pairs": [Insert("k", {"text": "😀" * 16_385})],
    "half a pair": [Insert("k", {"text": "\ud800"})],
    "too many bytes": [Insert(f"k{n}", {f"c{m}": "x" * 32_000 for m in range(30)}) for n in range(5)],
}


@pytest.mark.parametrize("case", REFUSED)
async def test_both_refuse_what_azure_would(tables: Tables, home: MandateId, case: str) -> None:
    with pytest.raises(ValueError):
        await commit(tables, home, *REFUSED[case])


async def test_what_fits_exactly_is_stored(tables: Tables, home: MandateId) -> None:
    values = {"ascii": "x" * 32_768, "pairs": "😀" * 16_384}
    await commit(tables, home, Insert("k", values), *(Insert(f"k{n}", {}) for n in range(99)))
    row = await get(tables, home, "k")
    assert row and dict(row.values) == values


async def test_an_outage_is_named_as_one() -> None:
    dead = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:9/a;"
    http = Http()
    stored = AzureTables(Account(http, dead, None, None))
    with pytest.raises(StorageUnavailable):
        await stored.get(Table.REGISTRY, mandate(), "a")
    await stored.close()
    await http.close()

"""Our reads ask what the SDK would ask, with both kinds of credentials, and find in an answer what it finds."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from azure.data.tables.aio import TableServiceClient
from hypothesis import HealthCheck, given, settings
from multidict import CIMultiDict

from messaging.http import Http
from messaging.storage import reads
from messaging.storage.account import Account
from messaging.storage.base import Insert, Row, Table
from messaging.storage.tables import AzureTables
from tests.product import mandate
from tests.storage.recording import COLUMNS, CREDENTIALS, KEY, PARTITION, Sent, client, headers

ETAG = "W/\"datetime'2026-11-24T14%3A01%3A01.7157516Z'\""
RANGE = "PartitionKey eq @partition and RowKey ge @first and RowKey lt @last"


async def sent(call: Any) -> Any:
    """The request that a call sends."""
    with pytest.raises(Sent) as one:
        await call
    return one.value.request


def parts(request: Any) -> tuple[Any, ...]:
    """What makes a request; the order of its arguments does not matter."""
    url = urlsplit(request.url)
    return request.method, url.netloc, url.path, sorted(parse_qsl(url.query)), headers(request)


@pytest.mark.parametrize("credential", CREDENTIALS.values(), ids=CREDENTIALS)
async def test_one_row_is_asked_for_as_the_sdk_does(credential: Any) -> None:
    async with client(credential) as table:
        ours = await sent(table._client.send_request(reads.one(table, PARTITION, "a~'ü b%+&")))
        sdks = await sent(table.get_entity(PARTITION, "a~'ü b%+&"))
    assert ours.url == sdks.url
    assert parts(ours) == parts(sdks)


@given(KEY)
async def test_so_it_is_for_any_key(key: str) -> None:
    async with client(CREDENTIALS["shared key"]) as table:
        ours = await sent(table._client.send_request(reads.one(table, PARTITION, key)))
        sdks = await sent(table.get_entity(PARTITION, key))
    assert ours.url == sdks.url


@pytest.mark.parametrize("columns", [(), ("n", "status")], ids=["all columns", "some columns"])
@pytest.mark.parametrize("credential", CREDENTIALS.values(), ids=CREDENTIALS)
@given(first=KEY, last=KEY)
@settings(max_examples=25)
async def test_a_range_is_asked_for_as_the_sdk_does(
    credential: Any, columns: tuple[str, ...], first: str, last: str
) -> None:
    select = ["PartitionKey", "RowKey", *columns] if columns else None
    bounds = {"partition": PARTITION, "first": first, "last": last}
    async with client(credential) as table:
        request = reads.several(table, PARTITION, (first, last), columns, {"$top": "7"})
        ours = await sent(table._client.send_request(request))
        pages = table.query_entities(RANGE, parameters=bounds, select=select, results_per_page=7)
        sdks = await sent(anext(pages))
    assert parts(ours) == parts(sdks)


@given(COLUMNS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
async def test_a_row_holds_what_the_sdk_finds_in_it(azurite: str, values: Mapping[str, Any]) -> None:
    home, http = mandate(), Http()
    ours = AzureTables(Account(http, azurite, None, None))
    await ours.commit(Table.REGISTRY, home, [Insert("a", values)])
    row = await ours.get(Table.REGISTRY, home, "a")
    async with TableServiceClient.from_connection_string(azurite) as service:
        entity = await service.get_table_client(Table.REGISTRY).get_entity(home, "a")
    await ours.close()
    await http.close()
    names = {"PartitionKey", "RowKey"}
    found = {name: value for name, value in entity.items() if name not in names}
    assert row == Row("a", found, str(entity.metadata["etag"]))
    assert {name: type(value) for name, value in row.values.items()} == {n: type(v) for n, v in values.items()}


def test_azures_own_example_of_an_entity() -> None:
    """Its types stand beside what JSON cannot tell; a whole double is one all the same."""
    entity = {
        "odata.etag": ETAG,
        "PartitionKey": "m1",
        "RowKey": "a",
        "Timestamp@odata.type": "Edm.DateTime",
        "Timestamp": "2026-11-24T00:00:00Z",
        "amount@odata.type": "Edm.Double",
        "amount": 3,
        "text": "3",
    }
    row = reads.row(entity)
    assert row == Row("a", {"amount": 3.0, "text": "3"}, ETAG)
    assert type(row["amount"]) is float


def test_an_answer_says_where_the_next_one_begins() -> None:
    names = {"x-ms-continuation-NextPartitionKey": "1!4!bTE-", "x-ms-continuation-NextRowKey": "1!8!YX4x"}
    found = reads.next_page(CIMultiDict(names))
    assert found == {"NextPartitionKey": "1!4!bTE-", "NextRowKey": "1!8!YX4x"}
    assert reads.next_page(CIMultiDict({"x-ms-continuation-NextPartitionKey": "1!4!bTE-"})) == {
        "NextPartitionKey": "1!4!bTE-"
    }
    assert reads.next_page(CIMultiDict()) == {}

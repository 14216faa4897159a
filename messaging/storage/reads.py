"""Reading rows: the requests and their answers; everything else about a request is the SDK's.

The SDK takes each answer through its models and converts each column by itself, which costs several times what
the request does (docs/decisions/0006-reads.md). Our columns are text, numbers and truth values, as JSON has them.
Source: https://learn.microsoft.com/rest/api/storageservices/query-entities.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from azure.core.exceptions import HttpResponseError
from azure.core.rest import AsyncHttpResponse, HttpRequest

from messaging.storage.base import Partition, Row

if TYPE_CHECKING:
    from azure.data.tables.aio import TableClient

PAGE = 1000
"""Rows that one answer has at most."""

_RANGE = "PartitionKey eq '{}' and RowKey ge '{}' and RowKey lt '{}'"
_NAMES = frozenset({"PartitionKey", "RowKey", "Timestamp"})
_TYPE = "@odata.type"
_CONTINUATION = "x-ms-continuation-"


def one(client: "TableClient", partition: Partition, key: str) -> HttpRequest:
    """The request for one row."""
    return _get(client, key_path(partition, key))


def several(
    client: "TableClient",
    partition: Partition,
    span: tuple[str, str],
    columns: Sequence[str],
    page: Mapping[str, str],
) -> HttpRequest:
    """The request for rows of span[0] <= key < span[1]; `page` says how many, and where to go on."""
    bounds = (_doubled(text) for text in (partition, *span))
    asked = {"$filter": _RANGE.format(*bounds), **page}
    if columns:
        asked["$select"] = ",".join(("PartitionKey", "RowKey", *columns))
    return _get(client, f"()?{urlencode(asked, safe='$', quote_via=quote)}")


def answered(response: AsyncHttpResponse) -> Any:
    """The JSON of an answer. Raises HttpResponseError with Azure's word as `error_code`."""
    if response.status_code != 200:
        raise failure(response, response.content)
    return json.loads(response.content)


def row(entity: Mapping[str, Any]) -> Row:
    """A row from the JSON of an entity with minimal metadata."""
    values = {name: value for name, value in entity.items() if name not in _NAMES and "." not in name}
    for name in values:
        if entity.get(name + _TYPE) == "Edm.Double":
            values[name] = float(values[name])
    return Row(entity["RowKey"], values, entity["odata.etag"])


def next_page(headers: Mapping[str, str]) -> dict[str, str]:
    """Where the next answer begins, as arguments of its request; empty after the last one."""
    names = ("NextPartitionKey", "NextRowKey")
    return {name: headers[_CONTINUATION + name] for name in names if headers.get(_CONTINUATION + name)}


def failure(response: AsyncHttpResponse, answer: bytes) -> HttpResponseError:
    """The error that an answer other than success is."""
    error = HttpResponseError(response=response)
    error.error_code = response.headers.get("x-ms-error-code") or code(answer)  # type: ignore[attr-defined]
    return error


def code(body: bytes) -> str:
    """Azure's word for what went wrong, from the JSON that says it."""
    try:
        return str(json.loads(body)["odata.error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""


def key_path(partition: str, key: str) -> str:
    """What follows the table in a row's address."""
    return f"(PartitionKey='{quote(_doubled(partition), safe='')}',RowKey='{quote(_doubled(key), safe='')}')"


def _doubled(text: str) -> str:
    return text.replace("'", "''")


def _get(client: "TableClient", rest: str) -> HttpRequest:
    headers = {
        "x-ms-version": client.api_version,
        "DataServiceVersion": "3.0",
        "Accept": "application/json;odata=minimalmetadata",
    }
    return HttpRequest("GET", f"{client.url}/{client.table_name}{rest}", headers=headers)

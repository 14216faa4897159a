"""A transaction of table rows as bytes, and its answer; everything else about the request is the SDK's.

The SDK builds and parses each of a transaction's parts with Python's `email` package, which costs more CPU than
all the rest of a delivery (docs/decisions/0003-transactions.md). These are the same bytes; a test compares them.
Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions.
"""

import json
import re
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from typing import TYPE_CHECKING
from uuid import uuid4

from azure.core.exceptions import HttpResponseError
from azure.core.rest import AsyncHttpResponse, HttpRequest

from messaging.storage.base import Delete, Insert, Operation, Upsert, Value
from messaging.storage.reads import code, failure, key_path

if TYPE_CHECKING:
    from azure.data.tables.aio import TableClient

_EDM = {str: "Edm.String", float: "Edm.Double"}
_BOUNDARY = re.compile(rb"boundary=\"?([^\s\";]+)")
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
_ETAG = re.compile(rb"^ETag:[ \t]*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)
_PLAIN, _MINIMAL = "application/json", "application/json;odata=minimalmetadata"


class Refused(HttpResponseError):
    """Storage refused an operation of a transaction, and so all of it; `error_code` is Azure's word for why."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status_code = status
        self.error_code = code


def encode(client: "TableClient", partition: str, operations: Sequence[Operation]) -> HttpRequest:
    """The request that does all operations on rows of one partition of the client's table, or none."""
    batch, changeset, date = f"batch_{uuid4()}", f"changeset_{uuid4()}", formatdate(usegmt=True)
    stamp = f"x-ms-date: {date}\r\nDate: {date}\r\n\r\n"
    common = f"x-ms-version: {client.api_version}\r\nDataServiceVersion: 3.0\r\n"
    table = f"{client.url}/{client.table_name}"
    parts = [f"--{batch}\r\nContent-Type: multipart/mixed; boundary={changeset}\r\n\r\n"]
    for number, operation in enumerate(operations):
        line, condition, body = _request(table, partition, operation)
        parts += (
            f"--{changeset}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n",
            f"Content-ID: {number}\r\n\r\n{line} HTTP/1.1\r\n",
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else "",
            f"{common}{condition}{stamp}{body}\r\n",
        )
    parts.append(f"--{changeset}--\r\n\r\n--{batch}--\r\n")
    headers = {
        "x-ms-version": client.api_version,
        "DataServiceVersion": "3.0",
        "MaxDataServiceVersion": "3.0;NetFx",
        "Content-Type": f"multipart/mixed; boundary={batch}",
        "Accept": _PLAIN,
    }
    return HttpRequest("POST", f"{client.url}/$batch", headers=headers, content="".join(parts).encode())


async def decode(response: AsyncHttpResponse, count: int) -> list[str]:
    """The new ETags of so many operations, in their order ("" for a deletion).

    Raises Refused, or HttpResponseError when the transaction was not looked at. An answer that cannot be read is
    a 500: the transaction may have been done.
    """
    answer = await response.read()
    if response.status_code != 202:
        raise failure(response, answer)
    boundary = _BOUNDARY.search(answer)  # of the changeset; that of the batch stands in the response's own header
    parts = answer.split(b"--" + boundary[1])[1:-1] if boundary else []
    etags = [_etag(part) for part in parts]
    if len(etags) != count:
        raise Refused(500, "UnreadableAnswer")
    return etags


def _request(table: str, partition: str, operation: Operation) -> tuple[str, str, str]:
    """One operation as its request line, the headers that are its own, and its body."""
    if isinstance(operation, Insert):
        return f"POST {table}", f"Accept: {_MINIMAL}\r\n", _body(partition, operation.key, operation.values)
    line = table + key_path(partition, operation.key)
    if isinstance(operation, Upsert):
        return f"PUT {line}", f"Accept: {_PLAIN}\r\n", _body(partition, operation.key, operation.values)
    match = f"If-Match: {operation.etag or '*'}\r\n"
    if isinstance(operation, Delete):
        return f"DELETE {line}", f"Accept: {_MINIMAL}\r\n{match}", ""
    return f"PATCH {line}", f"Accept: {_PLAIN}\r\n{match}", _body(partition, operation.key, operation.values)


def _body(partition: str, key: str, values: Mapping[str, Value]) -> str:
    entity: dict[str, Value] = {}
    for name, value in {**values, "PartitionKey": partition, "RowKey": key}.items():
        entity[name] = value
        if (edm := _EDM.get(type(value))) is not None:
            entity[f"{name}@odata.type"] = edm
    return json.dumps(entity)


def _etag(part: bytes) -> str:
    """The ETag in one part of an answer: MIME headers, an HTTP response, its body, with empty lines between."""
    _, _, answer = part.partition(b"\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    status = _STATUS.match(head)
    if status is None or not 200 <= int(status[1]) < 300:
        raise Refused(int(status[1]) if status else 500, code(body))
    etag = _ETAG.search(head)
    return etag[1].decode().strip() if etag else ""

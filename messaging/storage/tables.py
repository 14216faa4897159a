"""The verbs of base.py on Azure Table Storage. Tables are made on first use."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.core.rest import AsyncHttpResponse, HttpRequest

from messaging.errors import Conflict
from messaging.storage import reads
from messaging.storage.account import REPEATABLE, Account, reaching_storage
from messaging.storage.base import Operation, Partition, Row, Table, check
from messaging.storage.transactions import Refused, decode, encode

if TYPE_CHECKING:
    from azure.data.tables.aio import TableClient, TableServiceClient

_CONFLICT = {404, 409, 412}
_NO_TABLE = "TableNotFound"


class AzureTables:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._service: TableServiceClient | None = None
        self._clients: dict[Table, TableClient] = {}

    async def get(self, table: Table, partition: Partition, key: str) -> Row | None:
        async def read(client: "TableClient") -> Row | None:
            try:
                answer = await _send(client, reads.one(client, partition, key))
                return reads.row(reads.answered(answer))
            except HttpResponseError as error:
                if error.status_code == 404 and _code(error) != _NO_TABLE:
                    return None
                raise

        return await self._on(table, read)

    async def range(
        self,
        table: Table,
        partition: Partition,
        span: tuple[str, str],
        limit: int,
        columns: Sequence[str] = (),
    ) -> list[Row]:
        async def read(client: "TableClient") -> list[Row]:
            rows: list[Row] = []
            page: dict[str, str] = {}
            while True:
                page["$top"] = str(min(limit - len(rows), reads.PAGE))
                answer = await _send(client, reads.several(client, partition, span, columns, page))
                rows += [reads.row(entity) for entity in reads.answered(answer)["value"]]
                page = reads.next_page(answer.headers)
                if not page or len(rows) >= limit:
                    return rows

        return await self._on(table, read)

    async def commit(self, table: Table, partition: Partition, operations: Sequence[Operation]) -> list[str]:
        check(operations)

        async def write(client: "TableClient") -> list[str]:
            try:
                answer = await _send(client, encode(client, partition, operations), stream=True)
                return await decode(answer, len(operations))
            except Refused as error:
                if error.status_code in _CONFLICT and _code(error) != _NO_TABLE:
                    raise Conflict(f"{table}: {_code(error)}") from None
                raise

        return await self._on(table, write)

    async def close(self) -> None:
        if self._service is not None:
            await self._service.close()

    async def _on[T](self, table: Table, action: "Callable[[TableClient], Awaitable[T]]") -> T:
        """Run the action on the table; the first action ever makes the table."""
        async with reaching_storage():
            try:
                return await action(self._client(table))
            except HttpResponseError as error:
                if _code(error) != _NO_TABLE:
                    raise
            with suppress(ResourceExistsError):  # another process made it in the same moment
                await self._client(table).create_table()
            return await action(self._client(table))

    def _client(self, table: Table) -> "TableClient":
        if self._service is None:
            from azure.data.tables.aio import TableServiceClient  # not for those who only load the functions

            self._service = self._account.client(TableServiceClient, "table")
        if table not in self._clients:
            self._clients[table] = self._service.get_table_client(table)
        return self._clients[table]


async def _send(client: "TableClient", request: HttpRequest, stream: bool = False) -> AsyncHttpResponse:
    """The answer to a request with the account's credential and retries.

    That pipeline is not public (docs/decisions/0003-transactions.md). Only a streamed answer may be no JSON.
    """
    return await client._client.send_request(request, stream=stream, **REPEATABLE)


def _code(error: HttpResponseError) -> str | None:
    """Azure's own word for what went wrong; the SDK sets it without declaring it."""
    code = getattr(error, "error_code", None)
    return getattr(code, "value", code)

"""The verbs of base.py on Azure Table Storage. Tables are made on first use."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from messaging.errors import Conflict
from messaging.storage.account import REPEATABLE, Account, reaching_storage
from messaging.storage.base import Operation, Partition, Row, Table, check
from messaging.storage.transactions import Refused, decode, encode

if TYPE_CHECKING:
    from azure.data.tables.aio import TableClient, TableServiceClient

_RANGE = "PartitionKey eq @partition and RowKey ge @first and RowKey lt @last"
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
                return _row(await client.get_entity(partition, key))
            except ResourceNotFoundError as error:
                if _code(error) == _NO_TABLE:
                    raise
                return None

        return await self._on(table, read)

    async def range(
        self,
        table: Table,
        partition: Partition,
        span: tuple[str, str],
        limit: int,
        columns: Sequence[str] = (),
    ) -> list[Row]:
        parameters = {"partition": str(partition), "first": span[0], "last": span[1]}
        select = ["PartitionKey", "RowKey", *columns] if columns else None

        async def read(client: "TableClient") -> list[Row]:
            rows: list[Row] = []
            found = client.query_entities(
                _RANGE, parameters=parameters, select=select, results_per_page=min(limit, 1000)
            )
            async for entity in found:
                rows.append(_row(entity))
                if len(rows) == limit:
                    break
            return rows

        return await self._on(table, read)

    async def commit(self, table: Table, partition: Partition, operations: Sequence[Operation]) -> list[str]:
        check(operations)

        async def write(client: "TableClient") -> list[str]:
            request = encode(client, partition, operations)
            try:
                # the pipeline with the account's credential and retries is not public (docs/decisions/0003)
                response = await client._client.send_request(request, stream=True, **REPEATABLE)
                return await decode(response, len(operations))
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


def _code(error: HttpResponseError) -> str | None:
    """Azure's own word for what went wrong; the SDK sets it without declaring it."""
    code = getattr(error, "error_code", None)
    return getattr(code, "value", code)


def _row(entity: Any) -> Row:
    values = {name: value for name, value in entity.items() if name not in ("PartitionKey", "RowKey")}
    return Row(entity["RowKey"], values, entity.metadata["etag"])

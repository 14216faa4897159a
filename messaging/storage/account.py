"""The storage account behind tables.py and queues.py: how it is reached, and what its failures are called here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
)

from messaging.errors import StorageUnavailable
from messaging.http import Http

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential

SECONDS = 12.0
"""The longest that one operation takes, all tries together: a caller hears of an outage within 15 s."""

_RETRIES: dict[str, Any] = {
    "retry_total": 2,
    "retry_backoff_factor": 0.25,
    "retry_backoff_max": 2,
    "connection_timeout": 3,
    "read_timeout": 5,
}
REPEATABLE: dict[str, Any] = {"retry_on_methods": frozenset({"POST"})}
"""For a transaction, which is a POST: it may be repeated when its connection breaks; the table SDK would give up.

One that was done all the same meets itself as a Conflict, and whoever wrote it reads back what is there.
(The queue SDK repeats its POSTs by itself; a queue message that comes twice is acknowledged.)
"""

_NO_ANSWER = (
    TimeoutError,
    ServiceRequestError,
    ServiceResponseError,
    IncompleteReadError,
    ClientAuthenticationError,
)
_OUTAGE = {401, 403, 408, 429, 500, 502, 503, 504}


class Account:
    """A connection string, or an account name with the identity that Azure gives this process."""

    def __init__(self, http: Http, connection: str | None, name: str | None, clientId: str | None) -> None:
        if not connection and not name:
            raise ValueError("a connection string or an account name is needed")
        self._http = http
        self._connection = connection
        self._name = name
        self._clientId = clientId
        self._credential: DefaultAzureCredential | None = None

    def client(self, kind: Any, service: str) -> Any:
        """An SDK service client, for example `client(TableServiceClient, "table")`."""
        options = self._http.azure() | _RETRIES
        if self._connection:
            return kind.from_connection_string(self._connection, **options)
        if self._credential is None:
            from azure.identity.aio import DefaultAzureCredential  # as costly to import as all the rest of storage

            self._credential = DefaultAzureCredential(managed_identity_client_id=self._clientId)
        url = f"https://{self._name}.{service}.core.windows.net"
        where = {"endpoint" if service == "table" else "account_url": url}
        return kind(**where, credential=self._credential, **options)

    async def close(self) -> None:
        if self._credential is not None:
            await self._credential.close()


@asynccontextmanager
async def reaching_storage() -> AsyncIterator[None]:
    """Give the operation inside its time limit, and call every kind of outage StorageUnavailable."""
    try:
        async with asyncio.timeout(SECONDS):
            yield
    except _NO_ANSWER as error:
        raise StorageUnavailable(f"Storage cannot be reached ({type(error).__name__})") from error
    except HttpResponseError as error:
        if error.status_code in _OUTAGE:
            raise StorageUnavailable(f"Storage answers {error.status_code}") from error
        raise

"""How the account is reached: a connection string, or a name with the identity of the process."""

import asyncio
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, IncompleteReadError, ServiceRequestError
from azure.data.tables.aio import TableServiceClient
from azure.storage.queue.aio import QueueServiceClient

from messaging.errors import StorageUnavailable
from messaging.http import Http
from messaging.storage import account
from messaging.storage.account import Account, reaching_storage


async def test_a_managed_identity_reaches_both_services() -> None:
    http = Http()
    named = Account(http, None, "messagingdata", "11111111-2222-3333-4444-555555555555")
    tables: TableServiceClient = named.client(TableServiceClient, "table")
    queues: QueueServiceClient = named.client(QueueServiceClient, "queue")
    assert tables.url == "https://messagingdata.table.core.windows.net"
    assert queues.url.rstrip("/") == "https://messagingdata.queue.core.windows.net"
    assert queues.credential is named._credential
    await named.close()
    await http.close()


async def test_one_of_the_two_is_needed() -> None:
    with pytest.raises(ValueError, match="connection string or an account name"):
        Account(Http(), None, None, None)


def answered(status: int) -> HttpResponseError:
    error = HttpResponseError("no")
    error.status_code = status
    return error


@pytest.mark.parametrize(
    "error",
    [
        ServiceRequestError("no"),
        TimeoutError(),
        IncompleteReadError("the answer broke off"),
        *(answered(status) for status in (401, 403, 429, 500, 503)),
    ],
)
async def test_every_kind_of_outage_is_one_error(error: Exception) -> None:
    with pytest.raises(StorageUnavailable):
        async with reaching_storage():
            raise error


async def test_a_bad_request_is_no_outage() -> None:
    with pytest.raises(HttpResponseError):
        async with reaching_storage():
            raise answered(400)


async def test_storage_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "SECONDS", 0.05)
    with pytest.raises(StorageUnavailable):
        async with reaching_storage():
            await asyncio.sleep(60)


def test_the_time_limit_lets_a_caller_hear_of_it_within_15_seconds() -> None:
    retries: dict[str, Any] = account._RETRIES
    assert account.SECONDS < 15
    assert retries["connection_timeout"] < account.SECONDS and retries["read_timeout"] < account.SECONDS

"""What the table SDK would send, recorded where its pipeline ends; and any keys and columns."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from azure.core.credentials import AccessToken, AzureNamedKeyCredential
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.data.tables.aio import TableClient
from hypothesis import strategies as st

from messaging.models import MandateId

URL = "https://account.table.core.windows.net"
PARTITION = MandateId("m:1@x'y")

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
KEY = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\#?"), min_size=1, max_size=20)
VALUE = TEXT | st.integers(-(2**31), 2**31 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
COLUMNS = st.dictionaries(st.from_regex(r"[a-z][A-Za-z0-9]{0,9}", fullmatch=True), VALUE, max_size=4)


class Sent(Exception):
    def __init__(self, request: Any) -> None:
        self.request = request


class Recording(AsyncHttpTransport[Any, Any]):
    """The end of the SDK's pipeline: nothing leaves."""

    async def send(self, request: Any, **_: Any) -> Any:
        raise Sent(request)

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def __aexit__(self, *_: object) -> None: ...


class Token:
    """An identity as DefaultAzureCredential gives it."""

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken(f"token for {scopes[0]}", 4_000_000_000)


CREDENTIALS: dict[str, Any] = {"shared key": AzureNamedKeyCredential("account", "a2V5"), "token": Token()}


@asynccontextmanager
async def client(credential: Any) -> AsyncIterator[TableClient]:
    async with TableClient(URL, "messagingledger", credential=credential, transport=Recording()) as one:
        yield one


def plain(text: str) -> str:
    """Without what differs from one request to the next: ids, moments, signatures."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "(id)", text)
    text = re.sub(r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", "(date)", text)
    return re.sub(r"(SharedKey account:).*", r"\1(signature)", text)


def headers(request: Any) -> dict[str, str]:
    return {name.lower(): plain(value) for name, value in request.headers.items()}

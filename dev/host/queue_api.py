"""The requests that the local host makes to one queue of a storage account, over aiohttp.

The host looks into every queue several times a second and shares a core with the app. The queue SDK doubles the
CPU of such a look with policies and a deserialiser that nobody needs here. What is its own is kept: it
reads the connection string, and failures are its `AzureError`.

Source: REST API of Azure Queue Storage, "Authorize with Shared Key" for the signature.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import urlencode, urlsplit

from aiohttp import ClientError, ClientTimeout
from azure.core.exceptions import AzureError, ServiceRequestError
from azure.storage.queue.aio import QueueClient
from yarl import URL

from dev.host.errors import HostError
from messaging.http import Http

TIMEOUT = ClientTimeout(total=None, sock_connect=5, sock_read=30)
PAUSES = (1, 2, 2)  # seconds between the tries of `insist`
Query = Mapping[str, str | int]
NOTHING: Query = {}
TYPE = "application/xml"


class Refused(AzureError):
    """An answer that is not a success: the HTTP status and storage's own code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"HTTP {status} {code}")
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Answer:
    """A success."""

    headers: Mapping[str, str]
    body: bytes


class QueueApi:
    """One queue. Raises Refused, or another AzureError when no answer came."""

    def __init__(self, connection: str, name: str, http: Http) -> None:
        self._http = http
        try:
            client = QueueClient.from_connection_string(connection, name)  # never opened
            key = client.credential
            self._account = key.account_name if key else ""
            self._key = base64.b64decode(key.account_key) if key else None
        except ValueError as error:
            raise HostError(f"the connection string for the queue {name} is wrong: {error}") from error
        self._version = client.api_version
        # Without a key the connection string has a shared access signature, which stands in the address.
        self._address, _, self._access = client.url.partition("?")

    async def insist(self, verb: str, path: str = "", query: Query = NOTHING, body: str = "") -> Answer:
        """As `call`, and tries again what may pass."""
        for pause in PAUSES:
            try:
                return await self.call(verb, path, query, body)
            except AzureError as error:
                if isinstance(error, Refused) and error.status < 500 and error.status != 408:
                    raise
            await asyncio.sleep(pause)
        return await self.call(verb, path, query, body)

    async def call(self, verb: str, path: str = "", query: Query = NOTHING, body: str = "") -> Answer:
        """One request to the queue's address and `path`, one answer."""
        content = body.encode()
        headers = {
            "Accept-Encoding": "identity",
            "Content-Type": TYPE,
            "x-ms-date": formatdate(usegmt=True),
            "x-ms-version": self._version,
        }
        if self._key is not None:
            text = self._to_sign(f"{verb}\n\n\n{len(content) or ''}", headers, path, query)
            signature = base64.b64encode(hmac.digest(self._key, text.encode(), "sha256")).decode()
            headers["Authorization"] = f"SharedKey {self._account}:{signature}"
        parameters = "&".join(filter(None, (urlencode(query), self._access)))
        url = URL(f"{self._address}{path}?{parameters}", encoded=True)
        return await self._exchange(verb, url, headers, content)

    async def _exchange(self, verb: str, url: URL, headers: Mapping[str, str], content: bytes) -> Answer:
        request = self._http.session().request(
            verb, url, headers=headers, data=content or None, timeout=TIMEOUT, allow_redirects=False
        )
        try:
            async with request as response:
                body = await response.read()
        except (ClientError, TimeoutError) as error:
            raise ServiceRequestError(str(error) or type(error).__name__) from error
        if response.status >= 300:
            raise Refused(response.status, response.headers.get("x-ms-error-code", ""))
        return Answer(response.headers, body)

    def _to_sign(self, start: str, headers: Mapping[str, str], path: str, query: Query) -> str:
        """The text that is signed; `start` is what comes before the MD5 of the content, which is not sent."""
        own = "".join(f"{name}:{headers[name]}\n" for name in ("x-ms-date", "x-ms-version"))
        resource = f"/{self._account}{urlsplit(self._address).path}{path}"
        parameters = "".join(f"\n{name}:{query[name]}" for name in sorted(query))
        return f"{start}\n\n{TYPE}\n\n\n\n\n\n\n{own}{resource}{parameters}"

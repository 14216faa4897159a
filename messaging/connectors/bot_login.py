"""The bot's login: tokens of Microsoft Entra by azure-identity, which keeps one until shortly before its end.

Source: Microsoft identity platform, OAuth 2.0 client credentials; errors: AADSTS codes,
https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
"""

import asyncio
import logging
import re

from azure.core.exceptions import AzureError, HttpResponseError
from azure.identity.aio import ClientSecretCredential

from messaging.connectors.base import retry_after
from messaging.errors import ConnectorError, NotAccepted, SenderBlocked
from messaging.http import Http

# at WARNING it repeats the answer to a failed login, and in it what there was of a token
logging.getLogger("azure.identity.aio._internal.get_token_mixin").setLevel(logging.ERROR)

_SAID = re.compile(r"(AADSTS\d+): (.*?)(?: Trace ID|$)", re.DOTALL)


class BotLogin:
    def __init__(self, app: tuple[str, str, str], authority: str, scope: str, http: Http) -> None:
        """`app` is tenant, client id and secret."""
        self._app = app
        self._authority = authority
        self._scope = scope
        self._http = http
        self._credential: ClientSecretCredential | None = None
        self.current = ""
        """The last token that was answered."""
        self._forgotten = ""
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        """A valid token; sends that begin together fetch one. Raises SenderBlocked or NotAccepted."""
        async with self._lock:
            if self._credential is None:
                options = {"retry_total": 0, **self._http.azure()}
                self._credential = ClientSecretCredential(*self._app, authority=self._authority, **options)
            try:
                self.current = (await self._credential.get_token(self._scope)).token
            except AzureError as error:
                raise _failed(error) from None
            return self.current

    def forget(self, token: str) -> None:
        """The token is refused: the next one is fetched anew, once for all whose token it was."""
        if token == self.current and token != self._forgotten:
            self._forgotten = token
            self._credential = None


def _failed(error: AzureError) -> ConnectorError:
    """Entra's refusal concerns every message; anything else passes."""
    response = error.response if isinstance(error, HttpResponseError) else None
    if response is None or response.status_code is None:
        return NotAccepted("The login at Microsoft Entra cannot be reached or answers something else")
    status, said = response.status_code, _SAID.search(str(error.message))
    code, words = said.groups() if said else (f"HTTP {status}", "")
    kind = NotAccepted if status == 429 or not 400 <= status < 500 else SenderBlocked
    text = ": ".join(part for part in ("The login at Microsoft Entra failed", code, words) if part)
    return kind(text, code=code, retryAfter=retry_after(getattr(response, "headers", {})))

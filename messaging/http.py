"""The one outgoing HTTP session of a process, shared by storage and connectors.

A session a client would load the CA bundle and make connections for each of them; the SDKs' own sessions read
`.netrc` and the proxy variables for every request, which halves their speed (docs/performance.md). A proxy is
therefore a setting.
"""

from ssl import SSLContext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp import ClientSession


class Http:
    """Makes the session on first use, in the event loop that uses it.

    Trusted are the system's certificates, or those of `SSL_CERT_FILE`, or `tls`.
    """

    def __init__(self, proxy: str | None = None, tls: SSLContext | None = None) -> None:
        self._proxy = proxy
        self._tls = tls
        self._session: ClientSession | None = None

    def session(self) -> "ClientSession":
        if self._session is None:
            import aiohttp  # loads the system's certificates

            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._tls or True),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                proxy=self._proxy,
                timeout=aiohttp.ClientTimeout(total=None),  # who asks keeps its own time, see base.py, account.py
            )
        return self._session

    def azure(self) -> dict[str, Any]:
        """The keyword arguments that put an Azure SDK client on this session."""
        from azure.core.pipeline.transport import AioHttpTransport

        transport = AioHttpTransport(session=self.session(), session_owner=False, use_env_settings=False)
        return {"transport": transport}

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

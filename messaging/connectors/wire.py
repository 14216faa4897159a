"""One request to a provider, one answer: what the connectors without an SDK's transport share.

No redirects, no second try, and a connection that never came about told from one that broke.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientConnectorError, ClientError
from yarl import URL

from messaging.connectors.base import retry_after
from messaging.errors import Ambiguous, NotAccepted, SenderBlocked
from messaging.http import Http

PLAIN = {"Accept-Encoding": "identity"}  # the shared session leaves decompression to the Azure SDKs


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300

    @property
    def retryAfter(self) -> float | None:
        return retry_after(self.headers)

    def json(self) -> dict[str, Any]:
        """The body's JSON object, empty where there is none."""
        return json_object(self.raw)


async def post(http: Http, url: str | URL, data: Any, headers: Mapping[str, str]) -> Answer:
    """The answer to one POST. `data` is bytes, or a form as a dict."""
    return await ask(http, "POST", url, headers, data)


async def ask(http: Http, method: str, url: str | URL, headers: Mapping[str, str], data: Any = None) -> Answer:
    """The answer to one request.

    Raises NotAccepted if nobody was there, Ambiguous if the connection broke, SenderBlocked for a redirect: then
    the address in the settings is wrong, for every message.
    """
    call = http.session().request(method, url, data=data, headers={**headers, **PLAIN}, allow_redirects=False)
    try:
        async with call as got:
            answer = Answer(got.status, got.headers, await got.read())
    except ClientConnectorError:
        raise NotAccepted("The provider cannot be reached") from None
    except ClientError:
        raise Ambiguous("The connection to the provider broke before it answered") from None
    if 300 <= answer.status < 400:
        raise SenderBlocked(
            "The provider's address leads elsewhere; redirects are not followed", code=f"HTTP {answer.status}"
        )
    return answer


def json_object(text: bytes | str) -> dict[str, Any]:
    """The JSON object in this text, empty where it is something else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def part(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The JSON object that stands under a name in another, empty where there is none."""
    found = body.get(name)
    return found if isinstance(found, dict) else {}

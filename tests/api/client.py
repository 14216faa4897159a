"""A client that calls the API as the Functions host does: through the HTTP function."""

import json
import time
from dataclasses import dataclass
from typing import Any

import azure.functions as func

from messaging.access import Principal, Role
from messaging.bootstrap import Messaging
from messaging.identity import local_token
from messaging.models import MandateId
from messaging.triggers import answer
from tests.product import LOCAL_KEY


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """The API as one caller sees it; without a role, as nobody."""

    def __init__(
        self, messaging: Messaging, mandateId: MandateId, role: Role | None = None, userId: str = "boss"
    ) -> None:
        self._messaging = messaging
        self._headers: dict[str, str] = {}
        if role is not None:
            self.authorize(local_token(LOCAL_KEY, Principal(userId, mandateId, role, userId), time.time() + 600))

    def authorize(self, token: str) -> None:
        """Come with this bearer token from now on."""
        self._headers = {"authorization": f"Bearer {token}"}

    async def __call__(
        self, method: str, path: str, data: Any = None, *, body: bytes | None = None, **headers: str
    ) -> Answer:
        """Send `data` as JSON, or `body` as it is; header names with `_` for `-`."""
        content = body if body is not None else b"" if data is None else json.dumps(data).encode()
        sent = {**self._headers, **({"content-type": "application/json"} if content else {})}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        url = (
            f"https://messaging.example.com/api/messaging{path}"
            if not path.startswith("!")
            else (f"https://messaging.example.com{path[1:]}")
        )
        request = func.HttpRequest(method, url, headers=sent, body=content)
        response = await answer(self._messaging, request)
        found = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, found, response.get_body())

"""What the providers share: what a request and an answer are, how errors are made, how a message is taken.

A provider gives an `Endpoint` for each operation: `read` says what the request is about, `answer` judges it and
takes the message, `errors` holds the provider's own words. `handling.py` runs them.
"""

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple

from aiohttp import web

from dev.sandbox.recipients import Code
from dev.sandbox.records import Content, Message
from dev.sandbox.state import Sandbox


@dataclass(slots=True)
class Call:
    """One request, read but not yet judged. What cannot be read is empty; `payload` is then None."""

    request: web.Request
    body: bytes
    provider: str
    operation: str
    payload: Any = None
    sender: str = ""
    recipient: str = ""
    operationId: str = ""


@dataclass(slots=True)
class Reply:
    """A provider's answer; `body` becomes JSON, bytes and text go as they are."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        """The same for aiohttp."""
        body = self.body
        if isinstance(body, str):
            body = body.encode()
        elif not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", **self.headers}
        return web.Response(body=body, status=self.status, headers=headers)


class KnownError(NamedTuple):
    """One error: its HTTP status, its message (may name {recipient} and {sender}), more where there is more."""

    status: int
    message: str
    details: str = ""


@dataclass(frozen=True)
class ErrorTable:
    """A provider's errors. `shape` makes the body.

    `retryAfter` (seconds) goes with every 429 as the header of that name, the code with every error as
    `code_header`.
    """

    known: Mapping[Code, KnownError]
    shape: Callable[[Code, KnownError], Any]
    retryAfter: int | None = None
    code_header: str | None = None

    def reply(self, call: Call, code: Code, message: str | None = None) -> Reply:
        """The error with this code, in the table's words or in `message`."""
        return self.fault(call, None, code, message)

    def fault(self, call: Call, status: int | None, code: Code | None, message: str | None = None) -> Reply:
        """The error that a rule asks for, by status or code or both; the missing half comes from the table."""
        if code is None:
            code = next((code for code, known in self.known.items() if known.status == status), _phrase(status))
        known = self.known.get(code, KnownError(status or 400, _phrase(status or 400)))
        status = status or known.status
        text = message or known.message.format(recipient=call.recipient, sender=call.sender)
        headers = {"Retry-After": str(self.retryAfter)} if status == 429 and self.retryAfter else {}
        if self.code_header:
            headers[self.code_header] = str(code)
        return Reply(status, self.shape(code, KnownError(status, text, known.details)), headers)


def _phrase(status: int | None) -> str:
    try:
        return HTTPStatus(status or 500).phrase.replace(" ", "")
    except ValueError:
        return f"Status{status}"


@dataclass(frozen=True)
class Endpoint:
    """One operation of a provider: send, lookup, token, conversation or discovery."""

    provider: str
    operation: str
    method: str
    path: str
    read: Callable[[Sandbox, Call], None]
    answer: Callable[[Sandbox, Call], Reply]
    errors: ErrorTable


def accept(sandbox: Sandbox, call: Call, channel: str, identity: str, content: Content) -> Message:
    """Take the message that the call carries. `identity` is the provider's id for it."""
    message = Message(
        provider=call.provider,
        channel=channel,
        sender=call.sender,
        recipient=call.recipient,
        providerMessageId=identity,
        operationId=call.operationId or None,
        raw=call.payload,
        size=len(call.body),
        **content._asdict(),
    )
    sandbox.inbox.add(message)
    return message


def same(given: str, wanted: str) -> bool:
    """Whether a secret in a header is right. A header may hold bytes that no text has; they are not right."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def parse_json(body: bytes) -> Any:
    """The body as JSON, None if it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None

"""A caller that speaks to the sandbox over plain HTTP, for tests and benchmarks: one good request a provider.

async with calling(Sandbox()) as caller:
    answer = await caller.email("refused@example.com")
    assert answer.status == 400
"""

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from aiohttp import ClientSession

from dev.sandbox import acs, credentials, entra, twilio
from dev.sandbox.server import serve
from dev.sandbox.state import Sandbox

EMAIL_PATH = f"/emails:send?api-version={acs.API_VERSIONS[-1]}"
SMS_PATH = f"/2010-04-01/Accounts/{credentials.TWILIO_ACCOUNT_SID}/Messages.json"
WHATSAPP_PATH = f"/v23.0/{credentials.META_PHONE_NUMBER_ID}/messages"
TOKEN_PATH = f"/{credentials.TEAMS_TENANT_ID}/oauth2/v2.0/token"
PERSON = "5a4d0000-0000-4000-8000-0000000000aa"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Answer(NamedTuple):
    """What came back. `body` is the parsed JSON, or the text where it is none."""

    status: int
    body: Any
    headers: Mapping[str, str]


def signed(method: str, url: str, body: bytes, key: str = credentials.ACS_ACCESS_KEY) -> dict[str, str]:
    """The headers that ACS wants for this request, as the SDK makes them."""
    parts = urlsplit(url)
    date, content = formatdate(usegmt=True), base64.b64encode(hashlib.sha256(body).digest()).decode()
    text = f"{method}\n{parts.path}?{parts.query}\n{date};{parts.netloc};{content}"
    authorization = acs.authorization(base64.b64decode(key), text)
    return {"x-ms-date": date, "x-ms-content-sha256": content, "Authorization": authorization}


def email_payload(recipient: str = "alice@example.com") -> dict[str, Any]:
    """A good e-mail, as ACS takes it."""
    return {
        "senderAddress": credentials.ACS_SENDER_EMAIL,
        "recipients": {"to": [{"address": recipient}]},
        "content": {"subject": "Subject", "plainText": "Text", "html": "<p>Text</p>"},
    }


def sms_form(recipient: str = "+41791234567") -> dict[str, str]:
    """A good SMS, as Twilio takes it."""
    return {"To": recipient, "From": credentials.TWILIO_FROM_NUMBER, "Body": "Text"}


def whatsapp_text(recipient: str = "+41791234567") -> dict[str, Any]:
    """A good free text, as Meta takes it, if the window is open."""
    text = {"preview_url": False, "body": "Text"}
    return {**_whatsapp(recipient), "type": "text", "text": text}


def whatsapp_template(recipient: str, name: str, *parameters: str) -> dict[str, Any]:
    """A message from a template in en_US."""
    texts = [{"type": "text", "text": parameter} for parameter in parameters]
    components = [{"type": "body", "parameters": texts}] if texts else []
    language = {"code": "en_US", "policy": "deterministic"}
    template = {"name": name, "language": language, "components": components}
    return {**_whatsapp(recipient), "type": "template", "template": template}


def _whatsapp(recipient: str) -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "recipient_type": "individual", "to": recipient}


def conversation(person: str = PERSON) -> dict[str, Any]:
    """Good parameters for a chat with this person."""
    tenant = credentials.TEAMS_TENANT_ID
    return {
        "bot": {"id": f"28:{credentials.TEAMS_APP_ID}"},
        "isGroup": False,
        "members": [{"id": person}],
        "tenantId": tenant,
        "channelData": {"tenant": {"id": tenant}},
    }


class Caller:
    """One HTTP session to the sandbox at `url`. `token` is the bearer token for Bot Connector."""

    def __init__(self, url: str, session: ClientSession) -> None:
        self.url = url
        self.session = session
        self.token = ""

    async def call(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = JSON) -> Answer:
        """One request, as given."""
        async with self.session.request(method, self.url + path, data=body, headers=headers) as response:
            text = await response.text()
            try:
                return Answer(response.status, json.loads(text), response.headers)
            except ValueError:
                return Answer(response.status, text, response.headers)

    async def put(self, path: str, value: Any) -> Answer:
        """Tell the sandbox something, as at /faults."""
        return await self.call("PUT", path, json.dumps(value).encode())

    async def email(self, given: str | dict[str, Any] = "alice@example.com", operation: str = "") -> Answer:
        """Send to a recipient, or send this payload."""
        payload = email_payload(given) if isinstance(given, str) else given
        body = json.dumps(payload).encode()
        headers = {**JSON, **signed("POST", self.url + EMAIL_PATH, body)}
        return await self.call(
            "POST", EMAIL_PATH, body, {**headers, "Operation-Id": operation} if operation else headers
        )

    async def operation(self, operation: str) -> Answer:
        """Look an e-mail operation up."""
        path = f"/emails/operations/{operation}?api-version={acs.API_VERSIONS[-1]}"
        return await self.call("GET", path, b"", signed("GET", self.url + path, b""))

    async def sms(self, given: str | dict[str, str] = "+41791234567") -> Answer:
        """Send to a recipient, or send this form."""
        form = sms_form(given) if isinstance(given, str) else given
        headers = {**FORM, "Authorization": twilio.AUTHORIZATION}
        return await self.call("POST", SMS_PATH, urlencode(form).encode(), headers)

    async def whatsapp(self, given: str | dict[str, Any] = "+41791234567") -> Answer:
        """Send free text to a recipient, or send this payload."""
        payload = whatsapp_text(given) if isinstance(given, str) else given
        headers = {**JSON, "Authorization": f"Bearer {credentials.META_ACCESS_TOKEN}"}
        return await self.call("POST", WHATSAPP_PATH, json.dumps(payload).encode(), headers)

    async def log_in(self, **changes: str) -> Answer:
        """Fetch a token and keep it. `changes` replace fields of the form."""
        form = {
            "grant_type": "client_credentials",
            "client_id": credentials.TEAMS_APP_ID,
            "client_secret": credentials.TEAMS_APP_SECRET,
            "scope": entra.SCOPE,
        }
        answer = await self.call("POST", TOKEN_PATH, urlencode(form | changes).encode(), FORM)
        if answer.status == 200:
            self.token = answer.body["access_token"]
        return answer

    async def connector(self, path: str, payload: Any) -> Answer:
        """One request to Bot Connector."""
        headers = {**JSON, "Authorization": f"Bearer {self.token}"}
        return await self.call("POST", f"/v3/conversations{path}", json.dumps(payload).encode(), headers)

    async def teams(self, person: str = PERSON, activity: dict[str, Any] | None = None) -> Answer:
        """Log in if need be, open the chat, send; the answer of the first step that fails, else of the last."""
        answer = await self.log_in() if not self.token else Answer(200, None, {})
        if answer.status == 200:
            answer = await self.connector("", conversation(person))
        if answer.status not in (200, 201):
            return answer
        message = activity or {"type": "message", "text": "Text", "textFormat": "plain"}
        return await self.connector(f"/{quote(answer.body['id'], safe='')}/activities", message)

    async def send(self, provider: str) -> Answer:
        """One good message through acs, twilio, meta or teams."""
        ways: dict[str, Callable[[], Awaitable[Answer]]] = {
            "acs": self.email,
            "twilio": self.sms,
            "meta": self.whatsapp,
            "teams": self.teams,
        }
        return await ways[provider]()


@asynccontextmanager
async def calling(sandbox: Sandbox) -> AsyncIterator[Caller]:
    """Serve the sandbox on a free port, with a caller, while the block runs."""
    async with serve(sandbox) as served, ClientSession() as session:
        yield Caller(served.url, session)

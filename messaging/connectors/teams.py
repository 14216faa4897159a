"""Teams chat through Bot Connector: a chat with the person is opened once and remembered, then it is sent into.

Teams cannot tell whether it took a message before, so what may have left is unknown and never sent again by
itself. Every request goes to the service URL of the settings: one that an answer names is not followed, nor is a
redirect. Source: Bot Connector REST API 3.0 (botbuilder-python, swagger/ConnectorAPI.json); msteams-docs, "Send
proactive messages"; error codes: ERRORS below.
"""

import asyncio
import json
import re
from typing import Any
from urllib.parse import quote
from weakref import WeakValueDictionary

from yarl import URL

from messaging.connectors import wire
from messaging.connectors.base import Connector, Memory, Message, Outdated, Sent
from messaging.connectors.bot_login import BotLogin
from messaging.content import Content
from messaging.errors import (
    Ambiguous,
    ConfigurationError,
    ConnectorError,
    InvalidInput,
    MessageRefused,
    NotAccepted,
    RecipientRefused,
    SenderBlocked,
)
from messaging.http import Http
from messaging.models import MessagingChannel
from messaging.service_urls import scope
from messaging.settings import Settings

MAX_BYTES = 80 * 1024
"""Of a message as UTF-16: what Microsoft advises to stay under, because Teams adds to it and refuses 100 KB."""

MAX_CHATS = 10_000
"""Chats that a process keeps in mind; the others are read from storage."""

_BY_KIND: dict[type[ConnectorError], tuple[str, ...]] = {
    RecipientRefused: (
        "ForbiddenOperationException",
        "ConversationBlockedByUser",
        "BotNotInConversationRoster",
        "MessageWritesBlocked",
        "ConversationNotFound",
    ),
    MessageRefused: ("BadArgument", "MessageSizeTooBig"),
    # a single-tenant app: what its tenant's admin has switched off is off for everybody
    SenderBlocked: ("Unauthorized", "BotNotRegistered", "BotDisabledByAdmin", "InvalidBotApiHost"),
    # 30 requests a second are reached within every large execution: each message waits by itself, because a
    # pause of the sender would cost more than it spares
    NotAccepted: ("PreconditionFailed", "TooManyRequests"),
}
ERRORS: dict[str, type[ConnectorError]] = {code: kind for kind, codes in _BY_KIND.items() for code in codes}
"""Bot Connector's codes (msteams-docs, "Status codes from agent conversational APIs"); the status decides else."""

STATUSES: dict[int, type[ConnectorError]] = {
    401: SenderBlocked,
    403: RecipientRefused,
    404: SenderBlocked,  # nothing is at the service URL; a chat that is gone has its code
    408: Ambiguous,
    412: NotAccepted,
    429: NotAccepted,
}

SENTENCES = {
    "ForbiddenOperationException": "The person has not installed the app in Teams",
    "ConversationBlockedByUser": "The person has blocked the app in Teams",
    "BotNotInConversationRoster": "The app is not in the chat any more: the person has removed it",
    "MessageWritesBlocked": "The person has blocked or removed the app in Teams",
    "ConversationNotFound": "Teams does not find the chat with the person, although it was opened anew",
}
"""What the codes of a person come to, for whoever reads the record."""

_VERSION = re.compile(r"1\.\d{1,2}", re.ASCII)


class ConnectorMessagingTeams(Connector):
    channel = MessagingChannel.TEAMS_CHAT
    takesCard = True
    remembers = True

    def __init__(self, settings: Settings, http: Http, memory: Memory) -> None:
        super().__init__(settings.provider_timeout_seconds)
        app, secret, tenant = settings.teams_app_id, settings.teams_app_secret, settings.teams_tenant_id
        if not (app and secret and tenant):
            raise ConfigurationError("Teams chat is not configured")
        self._app, self._tenant = app, tenant
        self._url = settings.teams_service_url
        credentials = (tenant, app, secret.get_secret_value())
        self._login = BotLogin(credentials, settings.teams_login_url, scope(self._url), http)
        self._http = http
        self._memory = memory
        self._chats: dict[str, str] = {}
        self._opening: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def sender(self) -> str:
        return self._app

    @classmethod
    def _check(cls, content: Content) -> None:
        name = "message" if content.card is None else "card"
        if content.card is None:
            super()._check(content)
        elif not _is_card(content.card):
            raise InvalidInput("card", 'must have "type": "AdaptiveCard" and a "version" such as "1.5"')
        size = len(json.dumps(_activity(content), ensure_ascii=False).encode("utf-16-le"))
        if size > MAX_BYTES:
            raise InvalidInput(name, f"takes {size} bytes; a Teams message may have {MAX_BYTES}")

    async def _prepare(self, message: Message) -> None:
        """A token, and the chat with the person; messages that begin together open it once."""
        token, person = await self._login.token(), message.recipient
        if self._chats.get(person):
            return
        name = f"{self._app} {person}"
        async with self._opening.setdefault(person, asyncio.Lock()):
            chat = self._chats.get(person)
            if chat is None:
                chat = await self._memory.get(self.channel, name)
            if not chat:
                chat = await self._open(person, token)
                await self._memory.put(self.channel, name, chat)
            self._keep(person, chat)

    async def _open(self, person: str, token: str) -> str:
        body = {
            "bot": {"id": f"28:{self._app}"},
            "isGroup": False,
            "members": [{"id": person}],
            "tenantId": self._tenant,
            "channelData": {"tenant": {"id": self._tenant}},
        }
        answer = await self._call("/v3/conversations", body, token)
        if not answer.taken:
            raise _error(answer)
        chat = _id(answer)
        if not chat:
            raise NotAccepted("The provider's answer cannot be read")
        return chat

    async def _send(self, message: Message) -> Sent:
        chat = self._chats[message.recipient]  # nothing else has run since _prepare
        path = f"/v3/conversations/{quote(chat, safe='')}/activities"
        answer = await self._call(path, _activity(message.content), self._login.current)
        if answer.status == 404:
            if self._chats.get(message.recipient) == chat:
                self._keep(message.recipient, "")  # known to be gone: not read from the memory again
            raise Outdated(_error(answer))
        if not answer.taken:
            raise _error(answer)
        activity = _id(answer)
        if not activity:
            raise Ambiguous("The provider's answer cannot be read")
        return Sent(activity)

    async def _call(self, path: str, body: dict[str, Any], token: str) -> wire.Answer:
        """One request, one answer. Raises Outdated if the token is refused."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}
        url = URL(self._url + path, encoded=True)
        answer = await wire.post(self._http, url, json.dumps(body, ensure_ascii=False).encode(), headers)
        if answer.status == 401:
            self._login.forget(token)
            raise Outdated(_error(answer))
        return answer

    def _keep(self, person: str, chat: str) -> None:
        self._chats[person] = chat
        if len(self._chats) > MAX_CHATS:
            del self._chats[next(iter(self._chats))]


def _is_card(card: dict[str, Any]) -> bool:
    return card.get("type") == "AdaptiveCard" and bool(_VERSION.fullmatch(str(card.get("version"))))


def _activity(content: Content) -> dict[str, Any]:
    """The message as Teams takes it: text that is not interpreted, the subject above it; or a card."""
    if content.card is None:
        text = "\n\n".join(part for part in (content.subject, content.text) if part.strip())
        return {"type": "message", "text": text, "textFormat": "plain"}
    card = {"contentType": "application/vnd.microsoft.card.adaptive", "content": content.card}
    activity = {"type": "message", "attachments": [card]}
    summary = " ".join((content.subject or content.text).split())[:255]
    return {**activity, "summary": summary} if summary else activity


def _id(answer: wire.Answer) -> str:
    """The id that was given, "" without one that can be used."""
    found = answer.json().get("id")
    usable = isinstance(found, str) and found.isprintable() and found.strip(".") and len(found) <= 1000
    return str(found) if usable else ""


def _error(answer: wire.Answer) -> ConnectorError:
    code, words = _said(answer.json())
    status = answer.status
    kind = ERRORS.get(code) or STATUSES.get(status) or (Ambiguous if status >= 500 else MessageRefused)
    said = ": ".join(part for part in (code or f"HTTP {status}", words) if part)
    text = f"{SENTENCES[code]} ({said})" if code in SENTENCES else said
    return kind(text, code=code or f"HTTP {status}", retryAfter=answer.retryAfter)


def _said(body: dict[str, Any]) -> tuple[str, str]:
    """Code and words of `{"error": {"code", "message"}}`, or of a blocked chat's own form, where the message is
    JSON: `{"errorCode": 209, "message": "{\\"subCode\\": …, \\"details\\": …}"}`."""
    error = body.get("error")
    if isinstance(error, dict):
        return str(error.get("code") or ""), str(error.get("message") or "")
    inner = wire.json_object(str(body.get("message") or ""))
    return str(inner.get("subCode") or body.get("errorCode") or ""), str(inner.get("details") or "")

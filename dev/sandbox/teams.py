"""Teams chat over Bot Connector: `POST /v3/conversations` and `POST /v3/conversations/{id}/activities`.

Contract: botbuilder-python, swagger/ConnectorAPI.json. Errors: MicrosoftDocs/msteams-docs, "Build
conversational capability", status codes of agent conversational APIs: `{"error": {"code", "message"}}`, but a
blocked person's comes as `{"errorCode", "message"}` with the subCode inside the message. One chat for a
person and a bot, however often it is opened.
"""

import base64
import hashlib
import json
import re
import time
from itertools import count
from typing import Any

from dev.sandbox import credentials, entra
from dev.sandbox.exchange import Call, Endpoint, ErrorTable, KnownError, Reply, accept, parse_json
from dev.sandbox.recipients import Code, recipients
from dev.sandbox.records import Content
from dev.sandbox.state import Sandbox

LARGEST_BYTES = 100 * 1024  # as UTF-16
RETRY_AFTER_SECONDS = 5
PERSON = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|29:[\w-]{10,}")
ADAPTIVE_CARD = "application/vnd.microsoft.card.adaptive"
NOT_INSTALLED = "ForbiddenOperationException"
MAGIC = recipients("teams")
_activity_ids = count(int(time.time() * 1000))


def _shape(code: Code, known: KnownError) -> Any:
    if code == "MessageWritesBlocked":
        inner = {"subCode": code, "details": known.message, "errorCode": None, "errorSubCode": None}
        return {"errorCode": 209, "message": json.dumps(inner)}
    return {"error": {"code": str(code), "message": known.message}}


ERRORS = ErrorTable(
    {
        "BadArgument": KnownError(400, "Invalid request."),
        "Unauthorized": KnownError(401, "Authorization has been denied for this request."),
        "BotNotRegistered": KnownError(401, "No registration found for this bot."),
        NOT_INSTALLED: KnownError(403, "The bot is not installed in the user's personal scope."),
        "ConversationBlockedByUser": KnownError(403, "User blocked the conversation with the bot."),
        "BotNotInConversationRoster": KnownError(403, "The bot is not part of the conversation roster."),
        "BotDisabledByAdmin": KnownError(403, "The tenant admin disabled this bot."),
        "InvalidBotApiHost": KnownError(403, "Invalid bot api host."),
        "MessageWritesBlocked": KnownError(403, "Thread is blocked from message writes."),
        "ConversationNotFound": KnownError(404, "Conversation not found."),
        "PreconditionFailed": KnownError(412, "Precondition failed, please try again."),
        "MessageSizeTooBig": KnownError(413, "Message size too large."),
        "TooManyRequests": KnownError(429, "API calls quota exceeded! Maximum admitted 1 per 1 second."),
        "InternalServerError": KnownError(500, "Internal server error."),
        "BadGateway": KnownError(502, "Service dependency issue."),
        "ServiceUnavailable": KnownError(503, "Service is unavailable."),
        "GatewayTimeout": KnownError(504, "Gateway timeout."),
    },
    _shape,
    RETRY_AFTER_SECONDS,
)


def _read_conversation(sandbox: Sandbox, call: Call) -> None:
    call.sender = credentials.TEAMS_APP_ID
    call.payload = payload = parse_json(call.body)
    members = payload.get("members") if isinstance(payload, dict) else None
    if isinstance(members, list) and members and isinstance(members[0], dict):
        call.recipient = str(members[0].get("id", ""))


def _converse(sandbox: Sandbox, call: Call) -> Reply:
    if not entra.accepts(call.request.headers.get("Authorization", "")):
        return ERRORS.reply(call, "Unauthorized")
    if problem := _bad_conversation(call):
        return ERRORS.reply(call, "BadArgument", problem)
    if MAGIC.get(call.recipient) == NOT_INSTALLED:
        return ERRORS.reply(call, NOT_INSTALLED)
    pair = f"{credentials.TEAMS_APP_ID} {call.recipient}".encode()
    conversation = "a:1" + base64.urlsafe_b64encode(hashlib.sha512(pair).digest()).decode().rstrip("=")
    known = conversation in sandbox.conversations
    sandbox.conversations.remember(conversation, call.recipient)
    return Reply(200 if known else 201, {"id": conversation})


def _bad_conversation(call: Call) -> str:
    """What is wrong with the parameters, empty if nothing is."""
    payload = call.payload
    if not isinstance(payload, dict):
        return "Request body is not a JSON object."
    bot = payload.get("bot")
    if not isinstance(bot, dict) or bot.get("id") != f"28:{credentials.TEAMS_APP_ID}":
        return "Incorrect bot id: 28: and the app id of the token are expected."
    if not PERSON.fullmatch(call.recipient):
        return "Bad format of member id: an Entra object id or a Teams user id (29:...) is expected."
    channel = payload.get("channelData")
    tenant = channel.get("tenant") if isinstance(channel, dict) else None
    named = tenant.get("id") if isinstance(tenant, dict) else payload.get("tenantId")
    return "" if named == credentials.TEAMS_TENANT_ID else "Incorrect or missing tenant id."


def _read_activity(sandbox: Sandbox, call: Call) -> None:
    call.sender = credentials.TEAMS_APP_ID
    call.recipient = sandbox.conversations.get(call.request.match_info["id"], "")
    call.payload = parse_json(call.body)


def _send(sandbox: Sandbox, call: Call) -> Reply:
    if not entra.accepts(call.request.headers.get("Authorization", "")):
        return ERRORS.reply(call, "Unauthorized")
    if not call.recipient:
        return ERRORS.reply(call, "ConversationNotFound")
    if len(call.body.decode(errors="replace").encode("utf-16-le")) > LARGEST_BYTES:
        return ERRORS.reply(call, "MessageSizeTooBig")
    if problem := _bad_activity(call.payload):
        return ERRORS.reply(call, "BadArgument", problem)
    if call.recipient in MAGIC:
        return ERRORS.reply(call, MAGIC[call.recipient])
    identity, activity = str(next(_activity_ids)), call.payload
    accept(sandbox, call, "teams_chat", identity, Content(activity.get("text") or activity.get("summary")))
    return Reply(201, {"id": identity})


def _bad_activity(activity: object) -> str:
    """What is wrong with the activity, empty if nothing is. Teams shows text, or cards, or both."""
    if not isinstance(activity, dict):
        return "Request body is not a JSON object."
    if activity.get("type") != "message":
        return "Missing or unknown activity type."
    text, attachments = activity.get("text"), activity.get("attachments")
    if text is not None and not isinstance(text, str):
        return "The text must be a string."
    if attachments is not None and not (isinstance(attachments, list) and all(map(_is_card, attachments))):
        return "Unknown attachment type."
    return "" if text or attachments else "Activity must contain text or attachments."


def _is_card(attachment: object) -> bool:
    return (
        isinstance(attachment, dict)
        and attachment.get("contentType") == ADAPTIVE_CARD
        and isinstance(attachment.get("content"), dict)
    )


CONVERSATIONS = "/v3/conversations"
ENDPOINTS = (
    Endpoint("teams", "conversation", "POST", CONVERSATIONS, _read_conversation, _converse, ERRORS),
    Endpoint("teams", "send", "POST", f"{CONVERSATIONS}/{{id}}/activities", _read_activity, _send, ERRORS),
)

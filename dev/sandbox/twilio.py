"""Twilio, SMS: `POST /2010-04-01/Accounts/{sid}/Messages.json` and `GET …/Messages/{sid}.json`.

Contract: twilio-oai, spec/json/twilio_api_v2010.json (`api.v2010.account.message`). It defines no error
bodies; they are as https://www.twilio.com/docs/usage/twilios-response describes: code, message, more_info,
status. Codes: https://www.twilio.com/docs/api/errors.
"""

import base64
import re
import secrets
from email.utils import formatdate
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from dev.sandbox import credentials
from dev.sandbox.exchange import Call, Endpoint, ErrorTable, KnownError, Reply, accept, same
from dev.sandbox.recipients import Code, recipients, senders
from dev.sandbox.records import Content, Message
from dev.sandbox.state import Sandbox
from messaging.segments import count as count_segments

LONGEST_BODY = 1600
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")  # number, short code, name
SERVICE_SID = re.compile(r"MG[0-9a-fA-F]{32}")
AUTHORIZATION = (
    "Basic "
    + base64.b64encode(f"{credentials.TWILIO_ACCOUNT_SID}:{credentials.TWILIO_AUTH_TOKEN}".encode()).decode()
)
MAGIC = recipients("twilio")
MAGIC_SENDERS = senders("twilio")


def _shape(code: Code, known: KnownError) -> Any:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return {"code": code, "message": known.message, "more_info": more, "status": known.status}


ERRORS = ErrorTable(
    {
        20003: KnownError(401, "Authenticate"),
        20404: KnownError(404, "The requested resource was not found"),
        20429: KnownError(429, "Too Many Requests"),
        20500: KnownError(500, "An internal server error has occurred"),
        20503: KnownError(503, "Service is unavailable. Please try again"),
        21211: KnownError(400, "Invalid 'To' Phone Number: {recipient}"),
        21212: KnownError(400, "Invalid From Number (caller ID): {sender}"),
        21408: KnownError(
            400,
            "Permission to send an SMS has not been enabled for the region indicated by the 'To' number:"
            " {recipient}.",
        ),
        21602: KnownError(400, "Message body is required."),
        21603: KnownError(400, "A 'From' phone number is required."),
        21604: KnownError(400, "A 'To' phone number is required."),
        21606: KnownError(
            400,
            "The From phone number {sender} is not a valid, SMS-capable inbound phone number or short code for"
            " your account.",
        ),
        21610: KnownError(400, "Attempt to send to unsubscribed recipient"),
        21611: KnownError(429, "This From number {sender} has exceeded the maximum number of queued messages"),
        21612: KnownError(
            400,
            "The 'To' phone number: {recipient}, is not currently reachable using the 'From' phone number:"
            " {sender} via SMS.",
        ),
        21614: KnownError(400, "'To' number is not a valid mobile number: {recipient}"),
        21617: KnownError(400, "The concatenated message body exceeds the 1600 character limit"),
        21703: KnownError(400, "The Messaging Service contains no phone numbers: {sender}"),
    },
    _shape,
)


def _read(sandbox: Sandbox, call: Call) -> None:
    try:
        call.payload = form = dict(parse_qsl(call.body.decode(), keep_blank_values=True))
    except ValueError:
        call.payload = form = {}
    call.recipient = form.get("To", "")
    call.sender = form.get("From", "") or form.get("MessagingServiceSid", "")


def _read_lookup(sandbox: Sandbox, call: Call) -> None:
    call.operationId = call.request.match_info["sid"]


def _send(sandbox: Sandbox, call: Call) -> Reply:
    code = _unauthorized(call) or _bad_message(call.payload) or MAGIC_SENDERS.get(call.sender)
    code = code or MAGIC.get(call.recipient)
    if code:
        return ERRORS.reply(call, code)
    message = accept(sandbox, call, "sms", "SM" + secrets.token_hex(16), Content(call.payload["Body"]))
    sandbox.sms.remember(message.providerMessageId, str(message.index))
    return Reply(201, _resource(message, sent=False))


def _look_up(sandbox: Sandbox, call: Call) -> Reply:
    if code := _unauthorized(call):
        return ERRORS.reply(call, code)
    message = sandbox.inbox.get(int(sandbox.sms.get(call.operationId, "0")))
    if message is None:
        path = call.request.path
        return ERRORS.reply(call, 20404, f"The requested resource {path} was not found")
    return Reply(200, _resource(message, sent=True))


def _unauthorized(call: Call) -> Code | None:
    given = call.request.headers.get("Authorization", "")
    right_account = call.request.match_info["account"] == credentials.TWILIO_ACCOUNT_SID
    return None if right_account and same(given, AUTHORIZATION) else 20003


def _bad_message(form: dict[str, str]) -> Code | None:
    """The code of what is wrong, in the order in which Twilio looks."""
    to, body = form.get("To", ""), form.get("Body", "")
    sender, service = form.get("From", ""), form.get("MessagingServiceSid", "")
    if not to:
        return 21604
    if not E164.fullmatch(to):
        return 21211
    if not sender and not service:
        return 21603
    if sender and not SENDER.fullmatch(sender):
        return 21212
    if service and not SERVICE_SID.fullmatch(service):
        return 21703
    if not body.strip():
        return 21602
    return 21617 if len(body) > LONGEST_BODY else None


def _resource(message: Message, sent: bool) -> dict[str, Any]:
    """The message as `api.v2010.account.message`.

    Over a messaging service, number of segments and sender are known only once it is sent.
    """
    sid, form = message.providerMessageId, message.raw
    service = form.get("MessagingServiceSid")
    unassigned = service is not None and not form.get("From") and not sent
    uri = f"/2010-04-01/Accounts/{credentials.TWILIO_ACCOUNT_SID}/Messages/{sid}"
    date = _date(int(message.receivedAt))
    return {
        "account_sid": credentials.TWILIO_ACCOUNT_SID,
        "api_version": "2010-04-01",
        "body": message.text,
        "date_created": date,
        "date_sent": date if sent else None,
        "date_updated": date,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": None if unassigned else form.get("From") or credentials.TWILIO_FROM_NUMBER,
        "messaging_service_sid": service,
        "num_media": "0",
        "num_segments": "0" if unassigned else str(count_segments(message.text or "")),
        "price": None,
        "price_unit": "USD",
        "sid": sid,
        "status": "sent" if sent else "accepted" if service else "queued",
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": message.recipient,
        "uri": f"{uri}.json",
    }


@lru_cache(maxsize=16)
def _date(seconds: int) -> str:
    return formatdate(seconds).replace("-0000", "+0000")


MESSAGES = "/2010-04-01/Accounts/{account}/Messages"
ENDPOINTS = (
    Endpoint("twilio", "send", "POST", f"{MESSAGES}.json", _read, _send, ERRORS),
    Endpoint("twilio", "lookup", "GET", f"{MESSAGES}/{{sid}}.json", _read_lookup, _look_up, ERRORS),
)

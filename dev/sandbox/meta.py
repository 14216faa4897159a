"""Meta, WhatsApp Cloud API: `POST /{version}/{phoneNumberId}/messages`, text and templates.

Contract: facebook/openapi, business-messaging-api_v23.0.yaml. Errors:
https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes. The real API
reports some of them (131026, 131047, 131050 …) mostly by webhook, after it has accepted; the sandbox answers
them at once. Free text needs the person to have written within 24 hours: `PUT /whatsapp/inbound` tells the
sandbox so.
"""

import base64
import re
import secrets
from typing import Any

from dev.sandbox import credentials
from dev.sandbox.exchange import Call, Endpoint, ErrorTable, KnownError, Reply, accept, parse_json, same
from dev.sandbox.recipients import Code, recipients
from dev.sandbox.records import Content
from dev.sandbox.state import Sandbox

LONGEST_BODY = 4096
OUTSIDE_WINDOW = 131047
NUMBER = re.compile(r"[1-9][0-9]{6,14}")
NOT_DIGITS = re.compile(r"[\s()+.-]")
AUTHORIZATION = f"Bearer {credentials.META_ACCESS_TOKEN}"
MAGIC = recipients("meta")

TEMPLATES = {  # approved templates: (name, language) -> text; {{n}} are the parameters of its body
    ("hello_world", "en_US"): "Welcome and congratulations! This message shows that you can send messages.",
    ("notification", "en_US"): "{{1}}",
    ("notification", "en"): "{{1}}",
    ("notification", "de"): "{{1}}",
    ("system_errors", "en_US"): "Report of system errors: {{1}}. The most frequent: {{2}}\nThe log tells more.",
    ("audit_login", "en_US"): (
        "Sign-in notice: {{1}}, {{2}}, {{3}}.\nIf you do not recognise this, change the password now."
    ),
    ("test_message", "en_US"): "This is a test. Messages of {{1}} reach you here.",
    ("order_update", "en_US"): "Your order {{1}} is now {{2}}.",
    ("appointment_reminder", "en_US"): "Hello {{1}}, we expect you on {{2}} at {{3}}.",
}
TEMPLATE_NAMES = {name for name, _language in TEMPLATES}
UNFIT = re.compile(r"[\n\t]| {5}")
PLACEHOLDER = re.compile(r"\{\{(\d+)\}\}")


def _shape(code: Code, known: KnownError) -> Any:
    missing_object = code == 100 and known.message.startswith("Unsupported")
    error: dict[str, Any] = {
        "message": known.message if missing_object or code == 190 else f"(#{code}) {known.message}",
        "type": "GraphMethodException" if missing_object else "OAuthException",
        "code": code,
        "fbtrace_id": "A" + secrets.token_urlsafe(16),
    }
    if missing_object:
        error["error_subcode"] = 33
    if known.details:
        error["error_data"] = {"messaging_product": "whatsapp", "details": known.details}
    return {"error": error}


ERRORS = ErrorTable(
    {
        100: KnownError(400, "Invalid parameter"),
        190: KnownError(401, "Invalid OAuth access token - Cannot parse access token"),
        10: KnownError(403, "Application does not have permission for this action"),
        368: KnownError(403, "Temporarily blocked for policies violations"),
        131031: KnownError(403, "Business Account locked", "The business account is locked."),
        130429: KnownError(429, "Rate limit hit", "Message failed to send because of too many requests."),
        4: KnownError(429, "Application request limit reached"),
        80007: KnownError(429, "Rate limit issues", "The WhatsApp Business Account has reached its rate limit."),
        131048: KnownError(
            429, "Spam rate limit hit", "Too many messages of this number were blocked or flagged."
        ),
        131056: KnownError(
            429,
            "(Business Account, Consumer Account) pair rate limit hit",
            "Too many messages from this phone number to the same phone number in a short time.",
        ),
        131000: KnownError(500, "Something went wrong", "Message failed to send because of an unknown error."),
        131016: KnownError(503, "Service unavailable", "The service is temporarily unavailable."),
        131008: KnownError(400, "Required parameter is missing"),
        131009: KnownError(400, "Parameter value is not valid"),
        131026: KnownError(400, "Message undeliverable", "Message Undeliverable."),
        131030: KnownError(
            400,
            "Recipient phone number not in allowed list",
            "Recipient phone number not in allowed list: Add it to the recipient list and try again.",
        ),
        131047: KnownError(
            400,
            "Re-engagement message",
            "Message failed to send because more than 24 hours have passed since the customer last replied.",
        ),
        131049: KnownError(
            400, "Healthy ecosystem engagement", "Not delivered to maintain healthy ecosystem engagement."
        ),
        131050: KnownError(
            400, "User's marketing opt-out", "The recipient has stopped marketing messages from this business."
        ),
        131051: KnownError(400, "Unsupported message type", "Message type is currently not supported."),
        132000: KnownError(400, "Number of parameters does not match the expected number of params"),
        132001: KnownError(404, "Template name does not exist in the translation"),
        132018: KnownError(
            400,
            "There is an issue with the parameters in your template",
            "Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
        ),
    },
    _shape,
)


def _read(sandbox: Sandbox, call: Call) -> None:
    call.sender = call.request.match_info["phone"]
    call.payload = payload = parse_json(call.body)
    if isinstance(payload, dict) and payload.get("to"):
        call.recipient = "+" + NOT_DIGITS.sub("", str(payload["to"]))


def _send(sandbox: Sandbox, call: Call) -> Reply:
    if not same(call.request.headers.get("Authorization", ""), AUTHORIZATION):
        return ERRORS.reply(call, 190)
    if call.sender != credentials.META_PHONE_NUMBER_ID:
        problem = (
            f"Unsupported post request. Object with ID '{call.sender}' does not exist, cannot be loaded due to"
        )
        return ERRORS.reply(call, 100, f"{problem} missing permissions, or does not support this operation.")
    code, message = _bad_message(call)
    if code:
        return ERRORS.reply(call, code, message)
    is_text = call.payload["type"] == "text"
    magic = MAGIC.get(call.recipient)
    if is_text and (magic == OUTSIDE_WINDOW or not sandbox.window(call.recipient)):
        return ERRORS.reply(call, OUTSIDE_WINDOW)
    if magic and magic != OUTSIDE_WINDOW:
        return ERRORS.reply(call, magic)
    text = call.payload["text"]["body"] if is_text else _fill(call.payload["template"])
    wamid = "wamid." + base64.b64encode(b"\x1d\x1b\x4c" + secrets.token_bytes(24)).decode()
    accept(sandbox, call, "whatsapp", wamid, Content(text))
    contact = {"input": str(call.payload["to"]), "wa_id": call.recipient[1:]}
    messages = [{"id": wamid, "message_status": "accepted"}]
    return Reply(200, {"messaging_product": "whatsapp", "contacts": [contact], "messages": messages})


def _bad_message(call: Call) -> tuple[int, str | None]:
    """What is wrong with the message, as code and message; code 0 if nothing is."""
    payload = call.payload
    if not isinstance(payload, dict):
        return 100, "Invalid parameter: the request body is not a JSON object."
    if payload.get("messaging_product") != "whatsapp":
        return 100, "The parameter messaging_product is required."
    if not call.recipient:
        return 100, "The parameter to is required."
    if not NUMBER.fullmatch(call.recipient[1:]):
        return 131009, None
    kind = payload.get("type")
    if kind == "text":
        return _bad_text(payload.get("text"))
    return _bad_template(payload.get("template")) if kind == "template" else (131051, None)


def _bad_text(text: object) -> tuple[int, str | None]:
    body = text.get("body") if isinstance(text, dict) else None
    if not isinstance(body, str) or not body.strip():
        return 100, "The parameter text['body'] is required."
    if len(body) > LONGEST_BODY:
        return 100, f"Param text['body'] must be at most {LONGEST_BODY} characters long."
    return 0, None


def _bad_template(template: object) -> tuple[int, str | None]:
    name, language = _key(template)
    if not name or not language:
        return 100, "The parameters template['name'] and template['language']['code'] are required."
    if (name, language) not in TEMPLATES:
        missing = f"template name ({name}) does not exist in {language}"
        return 132001, f"Template name does not exist in the translation: {missing}"
    wanted, given = set(PLACEHOLDER.findall(TEMPLATES[name, language])), _parameters(template)
    if len(wanted) != len(given):
        return 132000, f"Number of parameters ({len(given)}) does not match the expected number ({len(wanted)})"
    if not all(given):
        return 131008, None
    return (132018, None) if any(map(UNFIT.search, given)) else (0, None)


def _key(template: object) -> tuple[str, str]:
    if not isinstance(template, dict) or not isinstance(template.get("language"), dict):
        return "", ""
    return str(template.get("name") or ""), str(template["language"].get("code") or "")


def _parameters(template: Any) -> list[str]:
    """The texts of the body component's parameters."""
    return [
        str(parameter.get("text", ""))
        for component in _objects(template.get("components"))
        if component.get("type") == "body"
        for parameter in _objects(component.get("parameters"))
    ]


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _fill(template: Any) -> str:
    """The template's text as the recipient reads it."""
    parameters = _parameters(template)
    return PLACEHOLDER.sub(lambda match: parameters[int(match[1]) - 1], TEMPLATES[_key(template)])


PATH = r"/{version:v\d+\.\d+}/{phone:\d+}/messages"
ENDPOINTS = (Endpoint("meta", "send", "POST", PATH, _read, _send, ERRORS),)

"""AuditLogin: who signed in, when and from where, and what to do if you do not recognise it.

triggerData: `{"eventType", "userId", "details", "timestamp"}`; `details` is any object, such as `ip`, `userAgent`
and `device`. Another event type than `login` is reported under its own name. Source: concept, use case 4.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from messaging.models import (
    MessagingChannel,
    MessagingEventParameters,
    MessagingSubscriptionExecutionResult,
    MessagingSubscriptionRegistration,
)
from messaging.rendering import Sender, Words, one_line, render, send_each, sms, when

SHOWN, NAME, VALUE, USER = 20, 40, 200, 64
"""Details in a mail, and characters of a detail's name, of its value, and of a user id."""

TEMPLATE = {"name": "audit_login", "language": "en_US"}
"""For WhatsApp; docs/deploy.md has its text, to be approved. Parameters: what happened, when, from where."""

STEPS = (
    "Change the password now.",
    "Sign out everywhere else, so that nobody stays signed in.",
    "Tell your administrator, and pass this message on.",
)
"""What to do for whoever does not recognise the event."""

LABELS = {"ip": "IP address"}
"""Names of details that do not read well by themselves."""


def execute(
    eventParameters: MessagingEventParameters,
    registrations: Sequence[MessagingSubscriptionRegistration],
    messagingService: Sender,
) -> MessagingSubscriptionExecutionResult:
    """Tell every registration about the event."""
    data = eventParameters.triggerData
    user = one_line(data.get("userId"), USER) or "unknown user"
    event = one_line(data.get("eventType"), NAME) or "login"
    rows, left = details(data.get("details"))
    values = {
        "event": event,
        "user": user,
        "what": f"{user} signed in" if event == "login" else f"{event}: {user}",
        "time": when(data.get("timestamp")),
        "rows": rows,
        "left": left,
        "steps": STEPS,
    }
    return send_each(messagingService, registrations, lambda channel: words_for(channel, values))


def words_for(channel: MessagingChannel, values: dict[str, Any]) -> Words:
    """The message for one channel."""
    if channel == MessagingChannel.EMAIL:
        subject = f"{values['what']}, {values['time']}"
        return Words(subject, render("auditLogin.html", **values), render("auditLogin.txt", **values))
    ip = dict(values["rows"]).get(LABELS["ip"])
    origin = f"from {one_line(ip, 40)}" if ip else ""
    if channel == MessagingChannel.SMS:
        from_ip = f" {origin}" if origin else ""
        return Words("", sms(f"{values['what']}, {values['time']}{from_ip}. Unknown to you? Change the password."))
    if channel == MessagingChannel.WHATSAPP:
        parameters = [values["what"], values["time"], origin or "from an unknown address"]
        return Words("", "", template={**TEMPLATE, "parameters": parameters})
    return Words("", render("auditLoginShort.txt", **values))


def details(given: object) -> tuple[list[tuple[str, str]], int]:
    """Labels and values that can be read, and how many more there are. What is no object is one detail."""
    if not isinstance(given, dict):
        given = {} if given is None else {"details": given}
    shown = list(given.items())[:SHOWN]
    return [(_label(name), _value(value)) for name, value in shown], len(given) - len(shown)


def _label(name: object) -> str:
    """`userAgent` and `user_agent` as `User agent`."""
    words = one_line(name, NAME)
    spaced = re.sub(r"(?<=[a-z])[A-Z](?=[a-z])", lambda letter: f" {letter[0].lower()}", words).replace("_", " ")
    return LABELS.get(words) or spaced[:1].upper() + spaced[1:] or "(no name)"


def _value(value: object) -> str:
    if isinstance(value, dict | list | bool):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return one_line(value, VALUE) or "(empty)"

"""The page for people: the inbox at `/`, one message at `/messages/{index}/view`, the magic recipients at
`/help`.

Rendered here with Jinja2 (autoescape), no script, no foreign asset. The Content-Security-Policy forbids
scripts everywhere; a mail's own HTML is shown in a frame without any rights, where it may bring its own
styles and nothing else.
"""

import json
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dev.sandbox import cards, meta
from dev.sandbox.faults import KINDS
from dev.sandbox.inspection import number, wanted
from dev.sandbox.recipients import MAGIC
from dev.sandbox.records import Filter, Message
from dev.sandbox.state import Sandbox
from messaging.segments import count as count_segments

PAGE_SIZE = 20
REFRESH_SECONDS = 5
SNIPPET = 140
LONG_RECIPIENT = 32
LONGEST_RAW = 100_000
CHANNELS = {"email": "E-mail", "sms": "SMS", "whatsapp": "WhatsApp", "teams_chat": "Teams"}
PROVIDERS = {
    "acs": "Azure Communication Services",
    "twilio": "Twilio",
    "meta": "WhatsApp Cloud API",
    "teams": "Bot Connector",
}
CHANNEL_OF = dict(zip(PROVIDERS, CHANNELS, strict=True))
TEMPLATES = Path(__file__).parent / "templates"
POLICY = "default-src 'none'; style-src 'self'{inline}; img-src data:; form-action 'self'; base-uri 'none'; "
POLICY += "frame-ancestors 'none'"
HEADERS = {
    "Content-Security-Policy": POLICY.format(inline=""),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
# A frame made with srcdoc is bound by the policy of its page. A mail without its styles would not be a mail.
MAIL_HEADERS = HEADERS | {"Content-Security-Policy": POLICY.format(inline=" 'unsafe-inline'")}

environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
environment.globals.update(channels=CHANNELS, providers=PROVIDERS, channel_of=CHANNEL_OF)


def routes(sandbox: Sandbox) -> list[web.RouteDef]:
    """The routes for people."""

    async def inbox(request: web.Request) -> web.Response:
        return _render("inbox.html", _inbox(sandbox, request))

    async def view(request: web.Request) -> web.Response:
        message = sandbox.inbox.get(int(request.match_info["index"]))
        if message is None:
            return _render("missing.html", {}, status=404)
        return _render("message.html", _view(message))

    async def help_(request: web.Request) -> web.Response:
        return _render("help.html", {"magic": MAGIC, "templates": meta.TEMPLATES, "kinds": KINDS})

    async def style(request: web.Request) -> web.FileResponse:
        return web.FileResponse(TEMPLATES / "style.css")

    return [
        web.get("/", inbox),
        web.get(r"/messages/{index:\d{1,15}}/view", view),
        web.get("/help", help_),
        web.get("/style.css", style),
    ]


def _render(name: str, values: dict[str, Any], status: int = 200) -> web.Response:
    # A lone surrogate, which JSON can carry, has no UTF-8.
    body = environment.get_template(name).render(values).encode("utf-8", "replace")
    headers = MAIL_HEADERS if values.get("frame") else HEADERS
    return web.Response(body=body, status=status, content_type="text/html", charset="utf-8", headers=headers)


def _inbox(sandbox: Sandbox, request: web.Request) -> dict[str, Any]:
    """What inbox.html needs: one page of messages, newest first."""
    chosen, page = wanted(request), number(request, "page", 1) or 1
    newest_first = _newest_first(sandbox, chosen)
    start = (page - 1) * PAGE_SIZE
    shown = list(islice(newest_first, start, start + PAGE_SIZE + 1))
    inbox = sandbox.inbox

    def link(**changes: object) -> str:
        query = {"channel": chosen.channel, "recipient": chosen.recipient, "page": ""} | changes
        return "/?" + urlencode({name: value for name, value in query.items() if value})

    return {
        "rows": [_row(message) for message in shown[:PAGE_SIZE]],
        "older": link(page=page + 1) if len(shown) > PAGE_SIZE else None,
        "newer": link(page=page - 1) if page > 1 else None,
        "tabs": [
            (name, title, link(channel=name), inbox.accepted.total() if not name else inbox.accepted[name])
            for name, title in {"": "All", **CHANNELS}.items()
        ],
        "chosen": chosen,
        "dropped": inbox.dropped,
        "requests": sandbox.requests.total,
        "faults": len(sandbox.faults.rules),
        "refresh": REFRESH_SECONDS if page == 1 else None,
    }


def _newest_first(sandbox: Sandbox, chosen: Filter) -> Any:
    return filter(chosen.takes, reversed(sandbox.inbox.messages))


def _row(message: Message) -> dict[str, Any]:
    text = (
        message.text or message.html or " · ".join(block.text for block in cards.blocks(message.raw) if block.text)
    )
    return {
        "message": message,
        "recipient": message.recipient if len(message.recipient) < LONG_RECIPIENT else _middle(message.recipient),
        "subject": message.subject,
        "snippet": " ".join(text[: SNIPPET * 2].split())[:SNIPPET],
        "time": _time(message),
    }


def _middle(recipient: str) -> str:
    """A Teams id begins like the others of its kind; its end tells them apart."""
    return f"{recipient[:9]}…{recipient[-9:]}"


def _view(message: Message) -> dict[str, Any]:
    """What message.html needs. `frame` says that a mail's own HTML is shown."""
    raw = message.raw
    template = raw.get("template") if message.channel == "whatsapp" else None
    teams = message.channel == "teams_chat"
    return {
        "message": message,
        "said": raw.get("text") if teams else message.text,
        "summary": raw.get("summary") if teams else None,  # in the notification only, not in the chat
        "time": _time(message),
        "frame": bool(message.html),
        "cards": cards.blocks(raw) if teams else [],
        "template": f"{template['name']} ({template['language']['code']})" if template else None,
        "segments": count_segments(message.text or "") if message.channel == "sms" else None,
        "raw": json.dumps(raw, indent=2, ensure_ascii=False)[:LONGEST_RAW],
    }


def _time(message: Message) -> datetime:
    return datetime.fromtimestamp(message.receivedAt, UTC)

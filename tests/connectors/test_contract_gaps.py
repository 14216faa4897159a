"""Where providers' OpenAPI files are stricter or laxer than the services; through Prism before the sandbox."""

from typing import Any

import pytest
from aiohttp import ClientSession

from dev.sandbox import Sandbox, serve
from dev.sandbox.caller import Answer, Caller, conversation, whatsapp_template, whatsapp_text
from tests.connectors.cases import delivery
from tests.prism import needs_files
from tests.product import serving

pytestmark = needs_files

ALICE = "+41791234567"
OPAQUE = {"biz_opaque_callback_data": delivery(0)}
USER_AGENT = {"User-Agent": "messaging-service/0.1.0"}


async def meta(ports: dict[str, int], payload: dict[str, Any], headers: dict[str, str]) -> Answer:
    """Meta's answer to a message, through Prism; the window for free text is open."""
    async with serve(Sandbox(window_open=True), ports["sandbox"]), ClientSession(headers=headers) as session:
        return await Caller(f"http://127.0.0.1:{ports['meta']}", session).whatsapp(payload)


ORDER = whatsapp_template(ALICE, "order_update", "A17", "packed")
WITHOUT_POLICY = ORDER | {"template": ORDER["template"] | {"language": {"code": "en_US"}}}
WITHOUT_TYPE = {name: value for name, value in ORDER.items() if name != "recipient_type"}

STRICT = [
    (whatsapp_text() | OPAQUE, USER_AGENT, 422),
    (whatsapp_text(), USER_AGENT, 200),
    (ORDER | OPAQUE, USER_AGENT, 200),
    (WITHOUT_POLICY, USER_AGENT, 422),
    (WITHOUT_TYPE, USER_AGENT, 422),
    (ORDER, {"User-Agent": "Python/3.13"}, 422),
]
"""Where Meta's file is stricter than the service, which takes all of these. It wants `recipient_type`, the
language's policy and a User-Agent of its form: the connector sends them. It knows no `biz_opaque_callback_data` on
free text, which the connector does not send."""


@pytest.mark.parametrize(("payload", "headers", "status"), STRICT)
async def test_metas_file_is_stricter_than_the_service(
    ports: dict[str, int], payload: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    assert (await meta(ports, payload, headers)).status == status


META_LAX = [
    (whatsapp_text() | {"text": {"preview_url": False, "body": "x" * 4097}}, 100),
    (whatsapp_template(ALICE, "order_update", "A17", ""), 131008),
    (whatsapp_template(ALICE, "order_update", "A17", "two\nlines"), 132018),
    (whatsapp_template(ALICE, "order_update", "A17"), 132000),
    (whatsapp_template("nobody", "order_update", "A17", "packed"), 131009),
]
"""What Meta's file lets pass and the service refuses: sizes, empty and many-lined parameters, their number."""


@pytest.mark.parametrize(("payload", "code"), META_LAX)
async def test_metas_file_is_laxer_than_the_service(
    ports: dict[str, int], payload: dict[str, Any], code: int
) -> None:
    answer = await meta(ports, payload, USER_AGENT)
    assert answer.body["error"]["code"] == code


async def teams(ports: dict[str, int], activity: dict[str, Any], token: bool = True) -> Answer:
    """Bot Connector's answer to an activity, through Prism."""
    async with serving(Sandbox(), ports["sandbox"]) as (served, _), ClientSession() as session:
        caller, login = Caller(f"http://127.0.0.1:{ports['teams']}", session), Caller(served.url, session)
        await login.log_in()
        caller.token = login.token
        opened = await caller.connector("", conversation())
        caller.token = login.token if token else ""
        return await caller.connector(f"/{opened.body['id']}/activities", activity)


TEAMS_LAX = [
    ({"type": "message"}, True, 400),
    ({"type": "message", "text": "x" * 60_000}, True, 413),
    ({"type": "message", "attachments": [{"contentType": "text/html", "content": {}}]}, True, 400),
    ({"type": "message", "text": "Text"}, False, 401),
]
"""What Microsoft's file lets pass and the service refuses: it requires no field, has no sizes and no login."""


@pytest.mark.parametrize(("activity", "token", "status"), TEAMS_LAX)
async def test_teams_file_is_laxer_than_the_service(
    ports: dict[str, int], activity: dict[str, Any], token: bool, status: int
) -> None:
    answer = await teams(ports, activity, token)
    assert (answer.status, "sl-violations" in answer.headers) == (status, False)


async def test_teams_file_would_notice_a_wrong_activity(ports: dict[str, int]) -> None:
    answer = await teams(ports, {"type": "message", "text": ["Text"]})
    assert answer.status == 422  # Prism's own; the sandbox would say 400

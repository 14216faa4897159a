"""Connector → Prism → sandbox: what the WhatsApp connector sends and takes keeps to Meta's own OpenAPI file.

Prism answers 422 for a request that breaks the contract, which the connector would tell as refused, and 500 for
such an answer of the sandbox.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession

from dev.sandbox import Sandbox, serve
from dev.sandbox.caller import Answer, Caller, whatsapp_template, whatsapp_text
from dev.sandbox.recipients import MAGIC
from messaging.connectors.base import Message
from messaging.connectors.whatsapp import ConnectorMessagingWhatsapp
from messaging.content import Content, make
from messaging.errors import Ambiguous, ConnectorError, NotAccepted, SenderBlocked
from messaging.http import Http
from tests.prism import needs_files
from tests.product import settings

pytestmark = needs_files

ALICE = "+41791234567"
OPAQUE = {"biz_opaque_callback_data": "fe5df35e-eed6-8823-9a63-3c1479bd4320"}
USER_AGENT = {"User-Agent": "messaging-service/0.1.0"}


def template(name: str, *parameters: str) -> Content:
    return make("", "", template={"name": name, "language": "en_US", "parameters": list(parameters)})


@asynccontextmanager
async def connected(ports: dict[str, int]) -> AsyncIterator[tuple[ConnectorMessagingWhatsapp, Sandbox]]:
    """The connector, whose provider is a Prism before a sandbox."""
    sandbox, http = Sandbox(), Http()
    async with serve(sandbox, ports["sandbox"]):
        url = f"http://127.0.0.1:{ports['meta']}"
        yield ConnectorMessagingWhatsapp(settings("UseDevelopmentStorage=true", url), http), sandbox
    await http.close()


HELLO = template("hello_world")


def to(recipient: str = ALICE, content: Content = HELLO) -> Message:
    return Message(OPAQUE["biz_opaque_callback_data"], recipient, content)


CONTENTS = [
    HELLO,
    template("order_update", "A17", "packed"),
    template("system_errors", 'Grüezi 😀 "quoted"', "<script>\r\n\u2028{{1}}"),
    template("notification", "x" * 1024),
]


@pytest.mark.parametrize("content", CONTENTS, ids=range(len(CONTENTS)))
async def test_a_good_send_keeps_the_contract(ports: dict[str, int], content: Content) -> None:
    async with connected(ports) as (whatsapp, sandbox):
        sent = await whatsapp.send(to(content=content))
    (message,) = sandbox.inbox.messages
    assert sent.providerMessageId == message.providerMessageId


REFUSING = [one for one in MAGIC if one.provider == "meta" and one.code != 131047]


@pytest.mark.parametrize("magic", REFUSING, ids=lambda magic: str(magic.code))
async def test_a_refusal_keeps_the_contract_and_is_understood(ports: dict[str, int], magic: Any) -> None:
    async with connected(ports) as (whatsapp, _):
        with pytest.raises(ConnectorError, match=f"^{magic.code}: "):
            await whatsapp.send(to(magic.address))


@pytest.mark.parametrize(("status", "kind"), [(401, SenderBlocked), (429, SenderBlocked), (503, NotAccepted)])
async def test_a_fault_gets_through_as_it_is(
    ports: dict[str, int], status: int, kind: type[ConnectorError]
) -> None:
    async with connected(ports) as (whatsapp, sandbox):
        sandbox.faults.replace([{"provider": "meta", "status": status, "retryAfter": 7}])
        with pytest.raises(kind) as error:
            await whatsapp.send(to())
    assert error.value.retryAfter == 7


async def test_an_answer_out_of_contract_does_not_get_through(ports: dict[str, int]) -> None:
    async with connected(ports) as (whatsapp, sandbox):
        sandbox.faults.replace([{"provider": "meta", "body": {"messages": [{"id": 5}]}}])
        with pytest.raises(Ambiguous, match="HTTP 500"):
            await whatsapp.send(to())


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


LAX = [
    (whatsapp_text() | {"text": {"preview_url": False, "body": "x" * 4097}}, 100),
    (whatsapp_template(ALICE, "order_update", "A17", ""), 131008),
    (whatsapp_template(ALICE, "order_update", "A17", "two\nlines"), 132018),
    (whatsapp_template(ALICE, "order_update", "A17"), 132000),
    (whatsapp_template("nobody", "order_update", "A17", "packed"), 131009),
]
"""What Meta's file lets pass and the service refuses: sizes, empty and many-lined parameters, their number."""


@pytest.mark.parametrize(("payload", "code"), LAX)
async def test_metas_file_is_laxer_than_the_service(
    ports: dict[str, int], payload: dict[str, Any], code: int
) -> None:
    answer = await meta(ports, payload, USER_AGENT)
    assert answer.body["error"]["code"] == code

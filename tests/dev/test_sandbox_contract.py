"""The sandbox keeps to the providers' own OpenAPI files: Prism stands in front of it and checks both directions.

With `--errors` Prism answers 422 for a request and 500 for an answer that breaks the contract. Where a file
defines no answer for an error status (Twilio, Meta), Prism warns and lets it pass; those bodies are checked
elsewhere.
"""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import ClientSession

from dev.sandbox import Sandbox, serve
from dev.sandbox.caller import PERSON, Answer, Caller, conversation, whatsapp_template
from dev.sandbox.recipients import MAGIC, Magic
from tests.prism import FILES, needs_files

# Meta's file wants a User-Agent of the form name/1.2.3, which aiohttp's is not.
USER_AGENT = {"User-Agent": "messaging-service/1.0.0"}
UNDEFINED_STATUS = "Unable to match the returned status code with those defined in the document"
REFUSED = [m for m in MAGIC if not m.meaning.startswith("202") and not m.address.startswith("From")]

pytestmark = needs_files


class Checked:
    """A caller for each provider, through its Prism. `direct` goes round them all."""

    def __init__(self, session: ClientSession, ports: dict[str, int]) -> None:
        callers = {name: Caller(f"http://127.0.0.1:{port}", session) for name, port in ports.items()}
        self.direct = callers["sandbox"]
        self.acs, self.twilio, self.meta, self.teams = (callers[name] for name in FILES)

    async def send(self, provider: str, recipient: str) -> Answer:
        if provider == "acs":
            return await self.acs.email(f"{recipient}example.com" if recipient.endswith("@") else recipient)
        if provider == "twilio":
            return await self.twilio.sms(recipient)
        if provider == "meta":
            return await self.meta.whatsapp(recipient)
        await self.direct.log_in()
        self.teams.token = self.direct.token
        return await self.teams.teams(recipient)


def through(ports: dict[str, int], *steps: tuple[str, str], fault: dict[str, Any] | None = None) -> list[Answer]:
    """Send to each (provider, recipient) through Prism, perhaps under a fault rule."""

    async def scenario() -> list[Answer]:
        sandbox = Sandbox(check_signature=False, window_open=True)
        async with serve(sandbox, ports["sandbox"]), ClientSession(headers=USER_AGENT) as session:
            checked = Checked(session, ports)
            if fault:
                await checked.direct.put("/faults", fault)
            return [await checked.send(*step) for step in steps]

    return asyncio.run(scenario())


def violations(answer: Answer) -> list[str]:
    """What Prism found, but for an error status that the file does not define."""
    found = json.loads(answer.headers.get("sl-violations", "[]"))
    return [one["message"] for one in found if not one["message"].startswith(UNDEFINED_STATUS)]


RECIPIENTS = {"acs": "alice@example.com", "twilio": "+41791234567", "meta": "+41791234567", "teams": PERSON}


@pytest.mark.parametrize(("provider", "status"), [("acs", 202), ("twilio", 201), ("meta", 200), ("teams", 201)])
def test_good_send_keeps_the_contract(ports: dict[str, int], provider: str, status: int) -> None:
    (answer,) = through(ports, (provider, RECIPIENTS[provider]))
    assert (answer.status, violations(answer)) == (status, []), answer.body


def test_look_ups_templates_and_conversations_keep_the_contract(ports: dict[str, int]) -> None:
    async def scenario() -> None:
        sandbox = Sandbox(check_signature=False)
        async with serve(sandbox, ports["sandbox"]), ClientSession(headers=USER_AGENT) as session:
            checked = Checked(session, ports)
            operations = [
                (await checked.acs.email(f"{word}@example.com")).body["id"]
                for word in ("alice", "suppressed", "running")
            ]
            answers = [await checked.acs.operation(operation) for operation in operations]
            assert [answer.body["status"] for answer in answers] == ["Succeeded", "Failed", "Running"]
            answers.append(
                await checked.meta.whatsapp(whatsapp_template("+41791234567", "order_update", "A17", "packed"))
            )
            await checked.direct.log_in()
            checked.teams.token = checked.direct.token
            answers += [await checked.teams.connector("", conversation()) for _ in range(2)]
        assert [answer.status for answer in answers] == [200, 200, 200, 200, 201, 200]
        assert [violations(answer) for answer in answers] == [[]] * 6

    asyncio.run(scenario())


@pytest.mark.parametrize("magic", REFUSED, ids=lambda magic: f"{magic.provider} {magic.address}")
def test_error_body_keeps_the_contract(ports: dict[str, int], magic: Magic) -> None:
    (answer,) = through(ports, (magic.provider, magic.address))
    assert violations(answer) == []
    assert str(magic.code) in json.dumps(answer.body)


@pytest.mark.parametrize("provider", FILES)
@pytest.mark.parametrize("status", [401, 404, 429, 503])
def test_fault_body_keeps_the_contract(ports: dict[str, int], provider: str, status: int) -> None:
    fault = {"provider": provider, "operation": "send", "status": status}
    (answer,) = through(ports, (provider, RECIPIENTS[provider]), fault=fault)
    assert (answer.status, violations(answer)) == (status, [])


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("acs", {"id": "1", "status": "Running", "error": "none"}),
        ("twilio", {"status": "kwueued"}),
        ("meta", {"messages": [{"id": 5}]}),
        ("teams", {"id": 5}),
    ],
)
def test_prism_would_notice_a_wrong_answer(ports: dict[str, int], provider: str, body: dict[str, Any]) -> None:
    fault = {"provider": provider, "operation": "send", "body": body}
    (answer,) = through(ports, (provider, RECIPIENTS[provider]), fault=fault)
    assert answer.status == 500
    assert "VIOLATIONS" in json.dumps(answer.body)

"""`doctor` names what is wrong, and what to do about it."""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dev.processes import ROOT
from messaging.cli import checks
from messaging.cli import doctor as module
from messaging.errors import SenderBlocked
from messaging.ids import execution_id
from messaging.models import MessagingChannel
from tests.cli.command import Answer, Commands, world
from tests.issuer import issuing
from tests.product import LOCAL_KEY, Product

SMS = MessagingChannel.SMS
TWILIO = ("MESSAGING_TWILIO_ACCOUNT_SID", "MESSAGING_TWILIO_AUTH_TOKEN", "MESSAGING_TWILIO_FROM_NUMBER")
WHATSAPP = ("MESSAGING_WHATSAPP_API_KEY", "MESSAGING_WHATSAPP_PHONE_NUMBER_ID")
ACS = ("MESSAGING_ACS_CONNECTION_STRING", "MESSAGING_ACS_SENDER_EMAIL")
TEAMS = ("MESSAGING_TEAMS_APP_ID", "MESSAGING_TEAMS_APP_SECRET", "MESSAGING_TEAMS_TENANT_ID")


async def problems(cli: Commands, **changed: str | None) -> dict[str, dict[str, Any]]:
    """Doctor's problems by check, after a look at the rules that hold for every answer."""
    told, human = await cli("doctor --json", changed), await cli("doctor", changed)
    findings, (last, *_) = told.document["findings"], human.out.splitlines()[::-1]
    wrong = [one for one in findings if one["level"] == "problem"]
    assert told.err == human.err == ""
    assert (told.code, human.code, told.document["ok"]) == ((1, 1, False) if wrong else (0, 0, True))
    assert last == ("All is well." if not wrong else last) and all(one["todo"] in human.out for one in wrong)
    assert told.document["todo"] == (last if wrong else "")
    if wrong:
        assert wrong[0]["todo"] in last
    assert LOCAL_KEY not in told.out + human.out and "5a4d5a4d5a4d5a4d" not in told.out + human.out
    return {one["check"]: one for one in wrong[::-1]}


async def test_all_is_well(product: Product, cli: Commands) -> None:
    await world(product)
    sender = product.messaging.connectors.get(MessagingChannel.EMAIL).sender
    await product.messaging.operator.end_pause(MessagingChannel.EMAIL, sender, "test")
    assert await problems(cli) == {}
    answer = await cli("doctor --json")
    found = {(one["check"], one["level"]): one["text"] for one in answer.document["findings"]}
    assert found["settings", "ok"] == "all can be used"
    assert found["clock", "ok"] == "within 5 s of storage's"
    assert found["sweeper", "ok"].startswith("1 executions on its list, the oldest ")
    assert found["functions", "ok"] == "2 of 2 files can be used"
    assert await product.messaging.inspection.lengths("messaging-") == {}  # its own queue is not counted
    texts = [one["text"] for one in answer.document["findings"]]
    assert "whatsapp is configured" in texts and "teams_chat is configured" in texts


SETTINGS = [
    ({"MESSAGING_LEASE_SECONDS": "soon"}, "MESSAGING_LEASE_SECONDS: ", "Correct MESSAGING_LEASE_SECONDS"),
    ({TWILIO[0]: "AC1"}, f"{TWILIO[0]}: ", f"Correct {TWILIO[0]}"),
    ({"AzureWebJobsStorage": None}, "AzureWebJobsStorage__accountName must be set", "Set it so"),
    ({"AzureWebJobsStorage": "nonsense"}, "is not the connection string", "Correct AzureWebJobsStorage"),
    ({"MESSAGING_LOCAL_KEY": None}, "needs MESSAGING_LOCAL_KEY", "Set it so"),
]


@pytest.mark.parametrize(("changed", "text", "todo"), SETTINGS)
async def test_a_wrong_setting_is_named(
    cli: Commands, changed: dict[str, str | None], text: str, todo: str
) -> None:
    wrong = await problems(cli, **changed)
    assert wrong.keys() == {"settings"}
    assert text in wrong["settings"]["text"] and todo in wrong["settings"]["todo"]
    other = await cli("poison list", changed)
    assert (other.code, other.out) == (1, "")
    assert text in other.err and other.err.endswith("`python -m messaging doctor` tells more\n")


async def test_an_issuer_without_keys_is_told(cli: Commands) -> None:
    jwt = {"MESSAGING_AUTH": "jwt", "MESSAGING_JWT_ISSUER": "https://x", "MESSAGING_JWT_AUDIENCE": "y"}
    wrong = await problems(cli, **jwt, MESSAGING_JWT_JWKS_URL="http://127.0.0.1:9/keys")
    assert wrong.keys() == {"identity"} and "http://127.0.0.1:9/keys cannot be had" in wrong["identity"]["text"]
    async with issuing() as issuer:
        assert await problems(cli, **jwt, MESSAGING_JWT_JWKS_URL=issuer.url) == {}


async def test_every_wrong_setting_is_named(cli: Commands) -> None:
    answer = await cli("doctor --json", {"MESSAGING_LEASE_SECONDS": "x", "MESSAGING_ACS_ENDPOINT": "http://a.b"})
    wrong = [one["text"].split(":")[0] for one in answer.document["findings"] if one["level"] == "problem"]
    assert sorted(wrong) == ["MESSAGING_ACS_ENDPOINT", "MESSAGING_LEASE_SECONDS"]


async def test_storage_that_is_down_is_told(cli: Commands) -> None:
    down = cli.connection.replace("127.0.0.1:", "127.0.0.1:9/")
    wrong = await problems(cli, AzureWebJobsStorage=down)
    assert wrong.keys() == {"storage"}
    assert wrong["storage"]["text"] == "Storage cannot be reached (ServiceRequestError)"
    other = await cli("deliveries list -m m1", {"AzureWebJobsStorage": down})
    assert (other.code, other.out) == (1, "")
    assert other.err.startswith("Error: Storage cannot be reached") and "Traceback" not in other.err


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK's own, for a 403
@pytest.mark.parametrize(
    ("key", "text"),
    [("b3RoZXI=", "Storage answers 403"), ("%", "Storage answers 403"), ("", "AzureWebJobsStorage: ")],
)
async def test_a_wrong_key_is_told(cli: Commands, key: str, text: str) -> None:
    connection = cli.connection.replace("a2V5", key)
    (wrong,) = (await problems(cli, AzureWebJobsStorage=connection)).values()
    assert wrong["text"].startswith(text)
    other = await cli("poison list", {"AzureWebJobsStorage": connection})
    assert (other.code, other.out) == (1, "") and text in other.err


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_an_account_that_is_not_there_is_told(cli: Commands) -> None:
    connection = re.sub(r"account(\d+)", "nobody", cli.connection)
    (wrong,) = (await problems(cli, AzureWebJobsStorage=connection)).values()
    assert wrong["text"] == "Storage refuses it: ResourceNotFound"
    other = await cli("deliveries list -m m1", {"AzureWebJobsStorage": connection})
    assert (other.code, other.out) == (1, "") and "Storage refuses it: ResourceNotFound" in other.err


CHANNELS = [
    ({TWILIO[1]: None}, "sms lacks MESSAGING_TWILIO_AUTH_TOKEN"),
    ({TWILIO[0]: None, TWILIO[2]: None}, "sms lacks MESSAGING_TWILIO_ACCOUNT_SID, MESSAGING_TWILIO_FROM_NUMBER"),
    ({ACS[1]: ""}, "email lacks MESSAGING_ACS_SENDER_EMAIL"),
    (dict.fromkeys(TWILIO), ""),
    ({WHATSAPP[1]: None}, "whatsapp lacks MESSAGING_WHATSAPP_PHONE_NUMBER_ID"),
    (dict.fromkeys(WHATSAPP), ""),
    ({TEAMS[2]: None}, "teams_chat lacks MESSAGING_TEAMS_TENANT_ID"),
    (dict.fromkeys(TWILIO + ACS + WHATSAPP + TEAMS), "no channel is configured"),
]


@pytest.mark.parametrize(("changed", "text"), CHANNELS)
async def test_a_channel_with_half_of_its_settings_is_a_problem(
    cli: Commands, changed: dict[str, str | None], text: str
) -> None:
    wrong = await problems(cli, **changed)
    assert [one["text"] for one in wrong.values()] == ([text] if text else [])


async def test_messages_of_a_channel_that_is_not_configured_are_a_problem(product: Product, cli: Commands) -> None:
    async with product.messaging.inspection.connect().get_queue_client("messaging-deliveries-sms") as queue:
        await queue.create_queue()
        await queue.send_message("x")
    wrong = await problems(cli, **dict.fromkeys(TWILIO))
    assert wrong["queues"]["text"] == "1 batches of sms, which is not configured"


async def test_poison_is_told_wherever_it_is(product: Product, cli: Commands) -> None:
    product.clock.now = time.time() - 7200
    await product.messaging.poison.keep("messaging-executions", "1", b"{}")
    async with product.messaging.inspection.connect().get_queue_client("messaging-executions-poison") as queue:
        await queue.create_queue()
        await queue.send_message("x")
    wrong = await problems(cli)
    assert wrong["poison"]["text"] == "messages that failed too often: 1, the oldest 2 h ago"
    assert "poison replay" in wrong["poison"]["todo"]
    assert wrong["queues"]["text"] == "1 in messaging-executions-poison, which nobody has taken"


async def test_a_paused_sender_is_told_until_its_pause_is_over(product: Product, cli: Commands) -> None:
    product.clock.now = time.time()
    await product.messaging.pauses.block(SMS, "+15005550006", SenderBlocked(code="20003"))
    wrong = await problems(cli)
    assert wrong["pauses"]["text"].startswith("sms +15005550006: since ") and "20003" in wrong["pauses"]["todo"]
    product.clock.now -= 300
    await product.messaging.operator.end_pause(SMS, "+15005550006", "test")
    await product.messaging.pauses.block(SMS, "+15005550006", SenderBlocked(code="20003"))
    assert await problems(cli) == {}


async def test_a_clock_that_goes_wrong_is_told(cli: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "SKEW", -1.0)
    wrong = await problems(cli)
    assert wrong["clock"]["text"].startswith("this machine is ") and "clock" in wrong["clock"]["todo"]


async def test_a_broken_function_file_is_told(
    cli: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "subSubscriptionX.py").write_text("import nothing_of_that_name")
    monkeypatch.setattr(module, "SUBSCRIPTIONS", tmp_path)
    wrong = await problems(cli)
    assert "ModuleNotFoundError" in wrong["functions"]["text"]


async def test_overdue_work_says_that_no_sweeper_came(product: Product, cli: Commands) -> None:
    product.clock.now = time.time() - 1400
    await product.subscription()
    await product.subscribe("alice")
    execution = await product.execute()
    assert await problems(cli) == {}  # the sweeper may still come
    executions = product.messaging.service.services.executions
    await executions.watch(product.mandateId, replace(execution, id=execution_id(time.time())))  # not yet stored
    product.clock.forward(-300)
    late = await product.execute()
    wrong = await problems(cli)
    assert wrong["sweeper"]["text"] == f"work is overdue, for example of execution {late.id}"
    answer = await cli("doctor")
    assert "3 executions on its list, the oldest 28 min old" in answer.out
    batches = product.messaging.service.services.batches
    (read,) = await batches.of_page(product.mandateId, late.id, 1)
    held = replace(read.batch, owner="w", leaseUntil=time.time() + 60)
    read = await batches.move(product.mandateId, read, held, {})
    assert await problems(cli) == {}  # somebody works on it
    await batches.move(product.mandateId, read, replace(held, owner="", leaseUntil=0.0), {})
    await product.drain()
    assert await problems(cli) == {}


async def test_an_overdue_schedule_says_that_no_tick_came(product: Product, cli: Commands) -> None:
    product.clock.now = time.time() - 7260
    await product.subscription(schedule="0 * * * * *")
    wrong = await problems(cli)
    assert wrong["schedules"]["text"] == "overdue: 1, the longest for 2 h"
    assert "`tick`" in wrong["schedules"]["todo"]
    product.clock.now = time.time()
    await product.messaging.ticker.tick()
    assert await problems(cli) == {}


def answered(command: list[str], environ: dict[str, str]) -> Answer:
    ran = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    return Answer(ran.returncode, ran.stdout, ran.stderr)


def test_as_a_process_it_is_one_sentence_or_one_document(storage: str) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MESSAGING_")}
    local = {"AZURE_FUNCTIONS_ENVIRONMENT": "Development", "MESSAGING_AUTH": "local"}
    environ |= local | {"MESSAGING_LOCAL_KEY": LOCAL_KEY}
    command = [sys.executable, "-m", "messaging"]
    refused = answered([*command, "poison", "list"], environ)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("Error: ") and refused.err.count("\n") == 1
    environ["AzureWebJobsStorage"] = storage
    told = answered([*command, "doctor", "--json"], environ)
    assert (told.code, told.err) == (1, "")
    assert json.loads(told.out)["todo"] == "1 problem: Set those of one; see docs/settings.md."

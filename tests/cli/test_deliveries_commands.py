"""`deliveries` and `executions`: did she get it, and if not, why?"""

import re
import time
from typing import Any

import pytest
import typer

from messaging.cli import deliveries as module
from messaging.errors import Conflict, SenderBlocked
from messaging.executions import Execution
from messaging.messages import BatchMessage
from messaging.models import MessagingChannel
from messaging.operator import Operator
from tests.cli.command import Commands, world
from tests.product import Product, mandate

SMS = MessagingChannel.SMS
LOST = "The connection to the provider broke before it answered"


@pytest.fixture
async def execution(product: Product) -> Execution:
    return await world(product)


async def ids(product: Product, execution: Execution) -> dict[str, str]:
    return {person: one.id for person, one in (await product.deliveries(execution)).items()}


LISTS = [
    ("", {"alice", "refused", "throttled", "sam"}),
    ("--status pending", {"throttled", "sam"}),
    ("--status SENT", {"alice"}),
    ("--state unknown", {"sam"}),
    ("--state deferred", {"throttled"}),
    ("--state failed", {"refused"}),
    ("--state sent --status failed", set()),
    ("--channel sms", {"sam"}),
    ("--channel email --state sent", {"alice"}),
    ("--user alice", {"alice"}),
    ("--subscription SystemErrors", {"alice", "refused", "throttled", "sam"}),
    ("--subscription Other", set()),
    ("--execution {execution}", {"alice", "refused", "throttled", "sam"}),
    ("--since 1h", {"alice", "refused", "throttled", "sam"}),
    ("--since 2099-01-01", set()),
    ("--since 4000000000", set()),
]


async def test_deliveries_are_listed_as_they_are_asked_for(
    product: Product, cli: Commands, execution: Execution
) -> None:
    for options, people in LISTS:
        options = options.format(execution=execution.id)
        answer = await cli(f"deliveries list --mandate {product.mandateId} {options} --json")
        assert (answer.code, answer.err) == (0, ""), options
        assert {one["userId"] for one in answer.document["items"]} == people, options
        assert answer.document["more"] is False
        human = await cli(f"deliveries list -m {product.mandateId} {options}")
        assert human.code == 0
        assert all(person in human.out for person in people), human.out
        assert ("No deliveries." in human.out) == (not people)
        assert "+4179" not in human.out + answer.out and "@example.com" not in human.out + answer.out


async def test_a_short_list_says_that_there_is_more(product: Product, cli: Commands, execution: Execution) -> None:
    for options in ("", "--status pending"):
        answer = await cli(f"deliveries list -m {product.mandateId} --limit 1 {options} --json")
        assert (len(answer.document["items"]), answer.document["more"]) == (1, True)
        human = await cli(f"deliveries list -m {product.mandateId} --limit 1 {options}")
        assert "There may be more than these 1" in human.out


async def test_a_rare_state_is_found_behind_many_others(
    product: Product, cli: Commands, execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOKED_AT", 1)
    answer = await cli(f"deliveries list -m {product.mandateId} --state unknown --json")
    assert [one["userId"] for one in answer.document["items"]] == ["sam"]


SHOWN = [
    ("alice", r"The provider took it at .*Z as [0-9a-f-]{36}\.", "ask the provider"),
    ("refused", r"No: InvalidEmailAddress: .*\.", "It is final"),
    ("throttled", r"Not yet: its sender is paused until .*Z because of TooManyRequests\.", "Remove the cause"),
    ("sam", rf"Nobody knows: {LOST}\.", "`deliveries resolve` or `deliveries retry`"),
]


@pytest.mark.parametrize(("person", "answer", "todo"), SHOWN)
async def test_one_delivery_answers_whether_the_person_got_it(
    product: Product, cli: Commands, execution: Execution, person: str, answer: str, todo: str
) -> None:
    id = (await ids(product, execution))[person]
    told = await cli(f"deliveries show -m {product.mandateId} {id} --json")
    assert (told.code, told.err) == (0, "")
    assert re.fullmatch(answer, told.document["answer"]) and todo in told.document["todo"]
    assert told.document["delivery"]["id"] == id
    of = told.document["execution"]
    assert (of["executionId"], of["phase"]) == (execution.id, "stored")
    assert {"key", "owner", "leaseUntil", "nextAt", "takeovers", "unknown"} <= told.document["batch"].keys()
    human = await cli(f"deliveries show -m {product.mandateId} {id}")
    assert re.search(answer, human.out) and todo in human.out
    for word in (
        id,
        execution.id,
        "4 accepted: 1 sent, 1 failed, 1 deferred, 1 unknown",
        "no owner",
        "0 take-overs",
    ):
        assert word in human.out
    assert "+4179" not in human.out + told.out and "@example.com" not in human.out + told.out


async def test_the_address_is_shown_only_when_asked_for(
    product: Product, cli: Commands, execution: Execution
) -> None:
    id = (await ids(product, execution))["sam"]
    told = await cli(f"deliveries show -m {product.mandateId} {id} --recipient --json")
    assert told.document["delivery"]["recipient"] == "+41790000000"
    human = await cli(f"deliveries show -m {product.mandateId} {id} --recipient")
    assert "+41790000000" in human.out


async def test_a_paused_sender_is_told_with_its_reason(
    product: Product, cli: Commands, execution: Execution
) -> None:
    sender = product.messaging.connectors.get(SMS).sender
    await product.messaging.pauses.block(SMS, sender, SenderBlocked(code="20003"))
    id = (await ids(product, execution))["sam"]
    told = await cli(f"deliveries show -m {product.mandateId} {id} --json")
    pause = told.document["pause"]
    assert (pause["sender"], pause["reason"], pause["failures"]) == (sender, "20003", 1)
    assert pause["until"] > pause["since"] > time.time() - 60
    human = await cli(f"deliveries show -m {product.mandateId} {id}")
    assert f"{sender} is paused since" in human.out and "because of 20003" in human.out
    refused = await cli(f"deliveries retry -m {product.mandateId} {id}")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == "Error: The sender of sms is paused (20003); retry when it is not\n"


async def test_a_retry_queues_the_batch_and_is_sent_once_more(
    product: Product, cli: Commands, execution: Execution
) -> None:
    id = (await ids(product, execution))["sam"]
    told = await cli(f"deliveries retry -m {product.mandateId} {id} --by olivia --json")
    assert (told.code, told.document["state"], told.document["attempts"]) == (0, "queued", 1)
    assert told.document["errorMessage"] == f"Retried by olivia (before: {LOST})"
    assert await product.messaging.inspection.lengths("messaging-") == {"messaging-deliveries-sms": 1}
    for number in (0, 1):
        message = BatchMessage(product.mandateId, execution.id, 1, number)
        product.clock.now = time.time()
        await product.messaging.worker.deliver(message, SMS)
    found = (await product.deliveries(execution))["sam"]
    assert (found.state, found.attempts) == ("sent", 2)
    assert [one.recipient for one in product.sandbox.inbox.messages].count("+41790000000") == 2
    human = await cli(f"deliveries retry -m {product.mandateId} {id}")
    assert (human.code, human.out) == (1, "")
    assert human.err == "Error: The delivery is sent; only an unknown one can be decided\n"


async def test_two_who_move_at_once_are_told(cli: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(*_: Any) -> None:
        raise Conflict("messagingledger: UpdateConditionNotSatisfied")

    monkeypatch.setattr(Operator, "resolve", resolve)
    answer = await cli("deliveries resolve -m m1 x --as sent")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == "Error: Somebody else changed this in the same moment; look again before you repeat it\n"


@pytest.mark.parametrize("verdict", ["sent", "failed"])
async def test_a_resolution_is_final(product: Product, cli: Commands, execution: Execution, verdict: str) -> None:
    id = (await ids(product, execution))["sam"]
    human = await cli(f"deliveries resolve -m {product.mandateId} {id} --as {verdict} --reason 'I asked her'")
    assert (human.code, human.out) == (0, f"It is settled as {verdict}.\n")
    again = await cli(f"deliveries resolve -m {product.mandateId} {id} --as {verdict} --json")
    assert (again.code, again.out) == (1, "")
    assert again.err == f"Error: The delivery is {verdict}; only an unknown one can be decided\n"
    told = await cli(f"deliveries show -m {product.mandateId} {id} --json")
    words = f"Resolved by cli: I asked her (before: {LOST})"
    assert (told.document["delivery"]["state"], told.document["delivery"]["errorMessage"]) == (verdict, words)
    assert words in told.document["answer"]


async def test_on_a_terminal_an_sms_is_asked_for(
    product: Product, cli: Commands, execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def confirm(question: str, **_: Any) -> None:
        asked.append(question)
        raise typer.Abort

    monkeypatch.setattr(module, "on_terminal", lambda: True)
    monkeypatch.setattr(typer, "confirm", confirm)
    id = (await ids(product, execution))["sam"]
    refused = await cli(f"deliveries retry -m {product.mandateId} {id}")
    assert refused.code == 1 and (await product.deliveries(execution))["sam"].state == "unknown"
    assert asked == ["The sms may have left; sending it again may reach the person twice. Send it?"]
    assert (await cli(f"deliveries retry -m {product.mandateId} {id} --yes")).code == 0
    assert len(asked) == 1


async def test_executions_are_listed_and_shown(product: Product, cli: Commands, execution: Execution) -> None:
    for options in ("", "--subscription SystemErrors"):
        listed = await cli(f"executions list -m {product.mandateId} {options} --json")
        (one,) = listed.document["items"]
        assert (one["executionId"], one["accepted"], one["unknown"], one["done"]) == (execution.id, 4, 1, False)
        human = await cli(f"executions list -m {product.mandateId} {options}")
        assert execution.id in human.out and "4 accepted: 1 sent, 1 failed, 1 deferred, 1 unknown" in human.out
    nothing = await cli(f"executions list -m {product.mandateId} --subscription Other")
    assert (nothing.code, nothing.out) == (0, "No executions.\n")
    shown = await cli(f"executions show -m {product.mandateId} {execution.id} --json")
    assert (shown.document["phase"], shown.document["page"]) == ("stored", 2)
    assert shown.document["result"]["messagesSent"] == 4
    (batch,) = shown.document["openBatches"]
    assert (batch["channel"], batch["deferred"], batch["owner"]) == ("email", 1, "")
    human = await cli(f"executions show -m {product.mandateId} {execution.id}")
    for word in ("stored", "messagesSent=4", "1/0", "email", "no owner"):
        assert word in human.out


async def test_a_settled_execution_has_no_open_batches(product: Product, cli: Commands) -> None:
    await product.subscription()
    await product.subscribe("alice")
    execution = await product.execute()
    await product.drain()
    await product.execute()
    human = await cli(f"executions show -m {product.mandateId} {execution.id}")
    assert "No open batches." in human.out and "1 accepted: 1 sent" in human.out
    listed = await cli(f"executions list -m {product.mandateId} --limit 1")
    assert "There are more than these 1" in listed.out


async def test_what_another_mandate_has_is_not_found(
    product: Product, cli: Commands, execution: Execution
) -> None:
    id, stranger = (await ids(product, execution))["sam"], mandate()
    for line, thing in (
        (f"deliveries show {id}", "delivery"),
        (f"deliveries retry {id}", "delivery"),
        (f"deliveries resolve {id} --as sent", "delivery"),
        (f"executions show {execution.id}", "execution"),
    ):
        for more in ("", "--json"):
            answer = await cli(f"{line} --mandate {stranger} {more}")
            assert (answer.code, answer.out) == (1, "")
            assert answer.err == f"Error: There is no such {thing}\n"


USAGE = [
    ("deliveries list", "Missing option '--mandate'"),
    ("deliveries list -m a/b", "must be 1 to 128 letters"),
    ("deliveries list -m m1 --user a --execution b", "at most one of --execution, --subscription and --user"),
    ("deliveries list -m m1 --since yesterday", "must be like 2026-08-22T03:00"),
    ("deliveries list -m m1 --limit 0", "greater than or equal to 1"),
    ("deliveries list -m m1 --state lost", "is not one of"),
    ("deliveries resolve -m m1 x", "Missing option '--as'"),
    ("deliveries resolve -m m1 x --as unknown", "is not one of"),
    ("deliveries retry -m m1 x --by ''", "must be 1 to 256 printable characters"),
    ("nothing", "No such command"),
]


@pytest.mark.parametrize(("line", "words"), USAGE)
async def test_a_wrong_command_line_is_told_with_code_2(line: str, words: str) -> None:
    answer = await Commands("DefaultEndpointsProtocol=http")(line)
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.err and "Traceback" not in answer.err

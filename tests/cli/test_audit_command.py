"""`audit`: who did what, for people and for scripts."""

import time

import pytest

from messaging.cli import audit as module
from messaging.cli.audit import SHOWN
from messaging.models import MessagingAuditEvent
from tests.cli.command import Commands
from tests.product import Product


async def report(product: Product, number: int, userId: str, text: str = "") -> None:
    now = round(time.time(), 3) - 3600 + number
    event = MessagingAuditEvent(
        id=f"e{number}",
        source="/idp",
        type="com.example.login",
        eventType="login",
        userId=userId,
        details={"text": text},
        timestamp=now,
        recordedAt=now,
    )
    await product.messaging.journal.write(product.mandateId, event)


async def test_the_journal_is_listed_and_narrowed(product: Product, cli: Commands) -> None:
    line = f"audit --mandate {product.mandateId}"
    assert (await cli(line)).out == "No audit events.\n"
    product.clock.now = time.time()
    await product.subscription()
    await report(product, 1, "alice", "x" * SHOWN)
    await report(product, 2, "bob\x1b[31m")
    human = (await cli(line)).out
    assert "subscription_created  boss" in human and "done" in human
    assert "…" in human and "x" * SHOWN not in human and "\x1b" not in human
    assert (await cli(f"{line} --json")).document["items"][2]["details"] == {"text": "x" * SHOWN}
    for option, users in (
        ("--user alice", ["alice"]),
        ("--type subscription_created", ["boss"]),
        ("--since 10m", ["boss"]),
        ("--limit 1", ["boss"]),
    ):
        document = (await cli(f"{line} {option} --json")).document
        assert [one["userId"] for one in document["items"]] == users
        assert document["more"] is (option == "--limit 1")
    assert "There may be more than these 1" in (await cli(f"{line} --limit 1")).out


async def test_a_rare_event_is_found_behind_many_others(
    product: Product, cli: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_PAGE", 2)
    for number, userId in enumerate(["alice", *["bob"] * 5]):
        await report(product, number, userId)
    found = (await cli(f"audit --mandate {product.mandateId} --user alice --json")).document
    assert [one["id"] for one in found["items"]] == ["e0"] and found["more"] is False

"""One event, four people, four channels: who received what, and what their records say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dev.demo.scene import ADMIN, CHANNELS, Scene, words

ERRORS = [
    {
        "message": "Connection to the database was lost",
        "level": "ERROR",
        "source": "billing",
        "timestamp": 1764000000,
    },
    {
        "message": "Connection to the database was lost",
        "level": "ERROR",
        "source": "billing",
        "timestamp": 1764000060,
    },
    {"message": "Invoice 4711 has no customer", "level": "WARNING", "source": "invoices", "timestamp": 1764000120},
]
LEDGER = {"accepted": 7, "sent": 5, "failed": 2, "pending": 0}


@dataclass(frozen=True)
class Wish:
    """Somebody's registration, and what is to become of its message.

    `received` is how it begins, "" where none may come; `failure` what the record must say of one that failed.
    """

    userId: str
    channel: str
    config: str
    received: str = ""
    failure: str = ""
    enabled: bool = True


WISHES = [
    Wish("alice", "email", "alice@example.com", "3 system errors: Connection to the database was lost"),
    Wish("alice", "sms", "+41791234567", "3 system errors in 2 groups. 2x billing"),
    Wish("alice", "whatsapp", "+41791234567", "Report of system errors: 3 system errors in 2 groups."),
    Wish("alice", "teams_chat", "5f0c2a1e-7d43-4b60-9c1f-2e8a64d0b7a1", "3 system errors in 2 groups"),
    Wish("bob", "email", "bob@example.com", "3 system errors: Connection to the database was lost"),
    Wish(
        "bob",
        "teams_chat",
        "00000000-0000-4000-8000-000000000403",
        failure="The person has not installed the app in Teams",
    ),
    Wish("carol", "email", "refused.carol@example.com", failure="InvalidEmailAddress"),
    Wish("dave", "email", "dave@example.com", enabled=False),
]


async def play(scene: Scene) -> None:
    scene.title("1. One event, four channels: a system reports three errors")
    await _register(scene)
    before = await scene.last()
    with scene.console.status("Waiting until every message has an outcome"):
        execution = await scene.trigger("SystemErrors", {"errors": ERRORS}, Prefer="wait=30")
    scene.say("The execution's ledger: " + ", ".join(f"{execution[name]} {name}" for name in LEDGER))
    ledger = {name: execution[name] for name in LEDGER}
    scene.expect(ledger == LEDGER, f"the ledger should say {LEDGER}, not {ledger}")
    found = await scene.client.call(ADMIN, "GET", f"/deliveries?executionId={execution['executionId']}")
    arrived = await scene.arrived(before)
    scene.expect(len(arrived) == LEDGER["sent"], f"{LEDGER['sent']} messages should have come, not {len(arrived)}")
    names = ("person", "channel", "received", "status", "provider's id or words")
    scene.table(names, [_row(scene, wish, found["items"], arrived) for wish in WISHES])


async def _register(scene: Scene) -> None:
    scene.say(
        "A mandate offers the subscription SystemErrors; four people register, each for the channels they like"
    )
    await scene.subscription("SystemErrors", "System errors")
    for wish in WISHES:
        made = await scene.subscribe(wish.userId, "SystemErrors", wish.channel, wish.config)
        if not wish.enabled:
            scene.say(f"{wish.userId} switches the registration off")
            await scene.client.call(
                (wish.userId, "user"), "PUT", f"/registrations/{made['id']}", {"enabled": False}
            )
    scene.say("POST /api/messaging/trigger/SystemErrors")


def _row(
    scene: Scene, wish: Wish, deliveries: Sequence[dict[str, Any]], arrived: Sequence[dict[str, Any]]
) -> tuple[str, ...]:
    """What became of one registration's message, as a row, after checking it."""
    records = [one for one in deliveries if (one["userId"], one["channel"]) == (wish.userId, wish.channel)]
    messages = [one for one in arrived if (one["channel"], one["recipient"]) == (wish.channel, wish.config)]
    who = f"{wish.userId}'s {CHANNELS[wish.channel]}"
    scene.expect(len(messages) == bool(wish.received), f"{who}: {len(messages)} messages came")
    scene.expect(len(records) == wish.enabled, f"{who}: there are {len(records)} records")
    received = words(messages[0]) if messages else "–"
    scene.expect(not wish.received or received.startswith(wish.received), f"{who} received: {received}")
    if not records:
        return wish.userId, CHANNELS[wish.channel], received, "none", "registration is off"
    record = records[0]
    status = "SENT" if wish.received else "FAILED"
    scene.expect(record["status"] == status, f"{who} record is {record['status']}, not {status}")
    its_id = messages[0]["providerMessageId"] if messages else None
    scene.expect(record["providerMessageId"] == its_id, f"{who} record has not the provider's id {its_id}")
    said = record["errorMessage"] or ""
    scene.expect(said.startswith(wish.failure), f"{who} record should say {wish.failure!r}, not {said!r}")
    return wish.userId, CHANNELS[wish.channel], received, record["status"], its_id or said

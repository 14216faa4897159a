"""Four people, two channels, one trigger: who received what, and what their records say."""

from dataclasses import dataclass
from typing import Any

from dev.demo.scene import ADMIN, Scene

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


@dataclass(frozen=True)
class Wish:
    """Somebody's registration, and what is to become of its message: a delivery status, or "" for none at all."""

    userId: str
    channel: str
    config: str
    expected: str
    enabled: bool = True


WISHES = [
    Wish("alice", "email", "alice@example.com", "SENT"),
    Wish("alice", "sms", "+41791234567", "SENT"),
    Wish("bob", "email", "bob@example.com", "SENT"),
    Wish("carol", "email", "refused.carol@example.com", "FAILED"),
    Wish("dave", "email", "dave@example.com", "", enabled=False),
]


async def play(scene: Scene) -> None:
    scene.title("1. A system reports three errors to four people")
    await _register(scene)
    with scene.console.status("Waiting until every message has an outcome"):
        execution = await scene.trigger("SystemErrors", {"errors": ERRORS}, Prefer="wait=30")
    counts = ("accepted", "sent", "failed", "pending")
    scene.say("The execution's ledger: " + ", ".join(f"{execution[name]} {name}" for name in counts))
    scene.expect(
        [execution[name] for name in counts] == [4, 3, 1, 0],
        f"the ledger should say 4 accepted, 3 sent, 1 failed, 0 pending: {execution}",
    )
    found = await scene.client.call(ADMIN, "GET", f"/deliveries?executionId={execution['executionId']}")
    deliveries = {(one["userId"], one["channel"]): one for one in found["items"]}
    inbox = {one["recipient"]: one for one in (await scene.client.sandbox())["items"]}
    rows = [_row(wish, deliveries.get((wish.userId, wish.channel)), inbox.get(wish.config)) for wish in WISHES]
    names = ("person", "registered with", "received", "delivery", "provider's id or words")
    scene.table("Who received what", names, rows)
    for wish in WISHES:
        _judge(scene, wish, deliveries.get((wish.userId, wish.channel)), inbox.get(wish.config))


async def _register(scene: Scene) -> None:
    scene.say("A mandate offers the subscription SystemErrors; four people register, by e-mail and by SMS")
    await scene.subscription("SystemErrors", "System errors")
    for wish in WISHES:
        made = await scene.subscribe(wish.userId, "SystemErrors", wish.channel, wish.config)
        if not wish.enabled:
            scene.say(f"{wish.userId} switches the registration off")
            await scene.client.call(
                (wish.userId, "user"), "PUT", f"/registrations/{made['id']}", {"enabled": False}
            )
    scene.say("POST /api/messaging/trigger/SystemErrors")


def _row(wish: Wish, delivery: dict[str, Any] | None, message: dict[str, Any] | None) -> list[str]:
    one, got = delivery or {}, message or {}
    words = one.get("providerMessageId") or one.get("errorMessage") or "registration is off"
    received = got.get("subject") or got.get("text") or "–"
    return [wish.userId, wish.config, received, one.get("status", "none"), words]


def _judge(scene: Scene, wish: Wish, delivery: dict[str, Any] | None, message: dict[str, Any] | None) -> None:
    """Note what is not as it should be for one registration."""
    who, status = f"{wish.userId}'s {wish.channel}", delivery["status"] if delivery else ""
    scene.expect(
        status == wish.expected, f"{who} delivery is {status or 'missing'}, not {wish.expected or 'none'}"
    )
    scene.expect(
        (message is not None) == (wish.expected == "SENT"), f"{who}: {'' if message else 'no '}message came"
    )
    if delivery and status == "SENT":
        scene.expect(bool(delivery["providerMessageId"]), f"{who} delivery has no id of the provider")
    if delivery and status == "FAILED":
        scene.expect(bool(delivery["errorMessage"]), f"{who} delivery does not say why it failed")

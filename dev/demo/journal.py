"""The audit journal: who did what in this demo."""

from datetime import UTC, datetime

from dev.demo.scene import ADMIN, Scene

DONE = (
    ("olivia", "subscription_created", "SystemErrors", "done"),
    ("olivia", "subscription_created", "audit_login", "done"),
    ("olivia", "login", "", ""),
    ("olivia", "subscription_created", "audit_lunch", "done"),
    ("olivia", "subscription_changed", "audit_lunch", "done"),
    ("kitchen", "lunch", "", ""),
    ("olivia", "subscription_changed", "audit_lunch", "done"),
    ("olivia", "subscription_created", "invoices", "done"),
)
"""Who, what, the subscription concerned, and the outcome of an act of the service."""


async def play(scene: Scene) -> None:
    scene.title("6. The audit journal: GET /api/messaging/audit")
    found = await scene.client.call(ADMIN, "GET", "/audit")
    events = found["items"][::-1]
    told = tuple(
        (one["userId"], one["eventType"], one["details"].get("subscriptionId", ""), one["outcome"] or "")
        for one in events
    )
    scene.expect(told == DONE, f"the journal should say {DONE}, not {told}")
    rows = [
        (
            datetime.fromtimestamp(one["recordedAt"], UTC).strftime("%H:%M:%S UTC"),
            who,
            what,
            about,
            one["source"],
            done,
        )
        for one, (who, what, about, done) in zip(events, told, strict=True)
    ]
    scene.table(("when", "who", "what", "subscription", "reported by", "outcome"), rows)

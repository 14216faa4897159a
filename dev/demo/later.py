"""People register before there is a function; it is added later, and only then triggers work."""

from collections.abc import Callable
from pathlib import Path

from dev.client import Refused
from dev.demo import functions
from dev.demo.digest import kept
from dev.demo.scene import Scene


async def play(scene: Scene, app: Path, restart: Callable[[], None]) -> None:
    scene.title("3. People register first, the function comes later")
    await scene.subscription("audit_lunch", "Lunch")
    await scene.subscribe("alice", "audit_lunch", "email", "alice@example.com")
    await scene.subscribe("bob", "audit_lunch", "sms", "+41791234568")
    try:
        await scene.trigger("audit_lunch", {"dish": "soup"})
        scene.expect(False, "a trigger without a function should be refused")
    except Refused as refused:
        scene.say(f"alice and bob are registered for audit_lunch. A trigger is refused: {refused.detail}")
        scene.expect(refused.status == 501, f"a trigger without a function is 501, not {refused.status}")
    await kept(scene, 1)  # the host would lose what it logged in its last two seconds
    functions.add(app, "AuditLunch", functions.LUNCH)
    scene.say("The file subSubscriptionAuditLunch.py is added, and the host restarted")
    restart()
    execution = await scene.trigger("audit_lunch", {"dish": "salad"}, Prefer="wait=30")
    scene.say(f"The same trigger now: {execution['sent']} messages sent")
    scene.expect(execution["sent"] == 2, f"lunch should reach two people: {execution}")

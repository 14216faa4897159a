"""People register before there is a function; it is added later, and only then triggers work."""

import shutil
from collections.abc import Callable
from pathlib import Path

from dev.client import Refused
from dev.demo.scene import Scene
from dev.processes import ROOT

LUNCH = '''"""Lunch: what the kitchen cooks today."""

from messaging.models import MessagingSubscriptionExecutionResult


def execute(eventParameters, registrations, messagingService):
    text = "Today: " + str(eventParameters.triggerData.get("dish", "a surprise"))
    sent = [messagingService.sendMessage("Lunch", text, one).success for one in registrations]
    return MessagingSubscriptionExecutionResult(success=True, messagesSent=sum(sent))
'''


def copy_app(folder: Path) -> Path:
    """The function app in a folder of its own, so that a function can be added without touching the repository."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("function_app.py", "host.json"):
        shutil.copy(ROOT / name, folder)
    (folder / "messaging").symlink_to(ROOT / "messaging")
    shutil.copytree(ROOT / "subscriptions", folder / "subscriptions")
    return folder


async def play(scene: Scene, app: Path, restart: Callable[[], None]) -> None:
    scene.title("2. People register first, the function comes later")
    await scene.subscription("lunch", "Lunch")
    await scene.subscribe("alice", "lunch", "email", "alice@example.com")
    await scene.subscribe("bob", "lunch", "sms", "+41791234568")
    try:
        await scene.trigger("lunch", {"dish": "soup"})
        scene.expect(False, "a trigger without a function should be refused")
    except Refused as refused:
        scene.say(f"alice and bob are registered for lunch. A trigger is refused: {refused.detail}")
        scene.expect(refused.status == 501, f"a trigger without a function is 501, not {refused.status}")
    (app / "subscriptions" / "subSubscriptionLunch.py").write_text(LUNCH)
    scene.say("The file subSubscriptionLunch.py is added, and the host restarted")
    restart()
    execution = await scene.trigger("lunch", {"dish": "soup"}, Prefer="wait=30")
    scene.say(f"The same trigger now: {execution['sent']} messages sent")
    scene.expect(execution["sent"] == 2, f"lunch should reach two people: {execution}")

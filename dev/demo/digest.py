"""The error digest: what was logged as an error is reported once, counted."""

import math
import time

from dev.demo.people import WISHES
from dev.demo.scene import CHANNELS, Scene, wait_for, words
from messaging.models import MandateId

INVOICES = (4711, 4712, 4713)
ALICE = {one.config for one in WISHES if one.userId == "alice"}
EXPECTED = {
    "email": "4 system errors: Invoice 4713 has no customer",
    "sms": "4 system errors in 2 groups. 3x invoices: Invoice 4713 has no customer",
    "whatsapp": "Report of system errors: 4 system errors in 2 groups.",
    "teams_chat": "4 system errors in 2 groups",
}


async def kept(scene: Scene, count: int) -> None:
    """Wait until so many errors are kept, and old enough for a digest. Raises TimeoutError."""
    mandateId, margin = MandateId(scene.client.mandateId), scene.product.settings.error_digest_margin_seconds

    async def enough() -> bool | None:
        until = float(math.floor(time.time() - margin))
        found = [one async for one in scene.product.errors.errors(mandateId, 0.0, until)]
        return True if len(found) >= count else None

    await wait_for(f"the record of {count} errors", enough)


async def play(scene: Scene) -> None:
    scene.title("5. The error digest: what went wrong, once a day")
    await scene.subscription("invoices", "Invoices")
    await scene.subscribe("alice", "invoices", "email", "alice@example.com")
    for number in INVOICES:
        answer = await scene.trigger("invoices", {"invoice": number})
        scene.expect(not answer["success"] and answer["messagesSent"] == 0, f"invoices should fail: {answer}")
    scene.say(
        "The function of invoices logs an error, three times; the service did so once, for the trigger in scene 3"
    )
    await kept(scene, len(INVOICES) + 1)
    before = await scene.last()
    await scene.client.run_timer("error_digest")
    scene.say("POST /admin/functions/error_digest runs its timer, and SystemErrors is executed")
    execution = await scene.settled((await scene.execution("SystemErrors", "schedule", "digest"))["executionId"])
    ledger = (execution["accepted"], execution["sent"], execution["failed"])
    scene.expect(ledger == (7, 5, 2), f"the digest goes to those of scene 1: {execution}")
    arrived = await scene.arrived(before)
    scene.expect(len(arrived) == 5, f"the digest is 5 messages, not {len(arrived)}")
    received = {one["channel"]: one for one in arrived if one["recipient"] in ALICE}
    rows = []
    for channel, text in EXPECTED.items():
        said = words(received[channel]) if channel in received else "nothing"
        scene.expect(said.startswith(text), f"alice's {channel} should begin with {text!r}, not {said!r}")
        rows.append((CHANNELS[channel], said))
    scene.table(("channel", "alice received"), rows)

"""Deleting a subscription of a hundred thousand people: at once for who asks, in the background for the rows."""

import time
from pathlib import Path

from messaging.storage import keys
from messaging.storage.base import Table
from tests.product import mandate
from tests.proof.world import ADMIN, until, world

PEOPLE = 100_000


async def test_a_hundred_thousand_registrations_go(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        mandateId = mandate()
        uuid = await here.subscription(mandateId)
        await here.crowd(mandateId, uuid, [(f"u{n}", "email", f"u{n}@example.com") for n in range(PEOPLE)])
        here.host()
        async with here.client(mandateId) as client:
            mail = {"channel": "email", "channelConfig": "alice@example.com"}
            alice = ("alice", "user")
            mine = await client.call(alice, "POST", "/subscriptions/SystemErrors/subscribe", mail)
            sent = await client.call(alice, "POST", f"/registrations/{mine['id']}/test")
            assert sent["success"]
            began = time.monotonic()
            await client.call(ADMIN, "DELETE", "/subscriptions/SystemErrors")
            answered = time.monotonic() - began
            made = {"subscriptionId": "SystemErrors", "subscriptionLabel": "Anew"}
            await client.call(ADMIN, "POST", "/subscriptions", made)
            anew = await client.call(ADMIN, "GET", "/subscriptions/SystemErrors/registrations")
            assert anew["items"] == [] and anew["nextCursor"] is None
            assert (await client.call(alice, "GET", f"/deliveries/{sent['deliveryId']}"))["state"] == "sent"

        runs: list[int] = []

        async def gone() -> bool:
            runs.append(await here.messaging.deletions.go_on())
            return not runs[-1]

        began = time.monotonic()
        await until(gone, 600, 0)
        took = time.monotonic() - began
        assert sum(runs) == PEOPLE + 1
        assert await here.messaging.tables.range(Table.REGISTRY, mandateId, keys.registrations(uuid), 1) == []
        left = await here.messaging.tables.range(Table.REGISTRY, mandateId, ("!", "~~~"), 10)
        assert len(left) == 2, "the new subscription and its pointer"
        print(
            f"\n{PEOPLE} registrations: the deletion answered after {answered:.2f} s, its rows went in "
            f"{len(runs) - 1} runs and {took:.0f} s ({PEOPLE / took:.0f} registrations/s)"
        )

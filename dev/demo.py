"""`make demo`: the main job on this machine, from nothing to delivered messages and their records.

Ends with 0, or with 1 if anything is not as it should be. On a terminal it shows progress and a table, elsewhere
plain lines.
"""

import asyncio
import signal
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from dev.client import Client
from dev.processes import ChildFailed, PortBusy
from dev.stack import Ports, start

MANDATE = "demo"
ADMIN = ("olivia", "mandate-admin")

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
class Person:
    """Somebody who registers, and what is to become of the message: a delivery status, or "" for none at all."""

    userId: str
    address: str
    expected: str
    enabled: bool = True


PEOPLE = [
    Person("alice", "alice@example.com", "SENT"),
    Person("bob", "bob@example.com", "SENT"),
    Person("carol", "refused.carol@example.com", "FAILED"),
    Person("dave", "dave@example.com", "", enabled=False),
]


class Demo:
    def __init__(self, console: Console, client: Client) -> None:
        self._console = console
        self._client = client
        self.wrong: list[str] = []

    async def run(self) -> None:
        await self._register()
        execution = await self._trigger()
        found = await self._client.call(ADMIN, "GET", f"/deliveries?executionId={execution['executionId']}")
        deliveries = {one["userId"]: one for one in found["items"]}
        inbox = {one["recipient"]: one for one in (await self._client.sandbox())["items"]}
        self._show(deliveries, inbox)
        for person in PEOPLE:
            self._judge(person, deliveries.get(person.userId), inbox.get(person.address))

    async def _register(self) -> None:
        self._say("A mandate offers the subscription SystemErrors, and four people register for it by e-mail")
        new = {"subscriptionId": "SystemErrors", "subscriptionLabel": "System errors"}
        await self._client.call(ADMIN, "POST", "/subscriptions", new)
        for person in PEOPLE:
            who, mail = (person.userId, "user"), {"channel": "email", "channelConfig": person.address}
            made = await self._client.call(who, "POST", "/subscriptions/SystemErrors/subscribe", mail)
            if not person.enabled:
                self._say(f"{person.userId} switches the registration off")
                await self._client.call(who, "PUT", f"/registrations/{made['id']}", {"enabled": False})

    async def _trigger(self) -> dict[str, Any]:
        self._say("A system reports three errors: POST /api/messaging/trigger/SystemErrors")
        with self._console.status("Waiting until every message has an outcome"):
            body = {"eventParameters": {"errors": ERRORS}}
            execution = await self._client.call(ADMIN, "POST", "/trigger/SystemErrors", body, Prefer="wait=30")
        counts = ("accepted", "sent", "failed", "pending")
        self._say("Execution: " + ", ".join(f"{execution[name]} {name}" for name in counts))
        if [execution[name] for name in counts] != [3, 2, 1, 0]:
            self.wrong.append(f"the ledger should say 3 accepted, 2 sent, 1 failed, 0 pending: {execution}")
        return execution

    def _show(self, deliveries: dict[str, Any], inbox: dict[str, Any]) -> None:
        table = Table(title="Who received what")
        for name in ("person", "registered with", "received", "delivery", "provider's id or words"):
            table.add_column(name, overflow="fold")
        for person in PEOPLE:
            one = deliveries.get(person.userId) or {}
            words = one.get("providerMessageId") or one.get("errorMessage") or "registration is off"
            subject = inbox[person.address]["subject"] if person.address in inbox else "–"
            table.add_row(person.userId, person.address, subject, one.get("status", "none"), words)
        if self._console.is_terminal:
            self._console.print(table)
            return
        for row in zip(*(column.cells for column in table.columns), strict=True):
            self._console.print(" | ".join(map(str, row)), soft_wrap=True)

    def _judge(self, person: Person, delivery: dict[str, Any] | None, mail: dict[str, Any] | None) -> None:
        """Note what is not as it should be for one person."""
        status = delivery["status"] if delivery else ""
        if status != person.expected:
            self.wrong.append(
                f"{person.userId}'s delivery is {status or 'missing'}, not {person.expected or 'none'}"
            )
        if (mail is not None) != (person.expected == "SENT"):
            self.wrong.append(f"{person.userId} {'received' if mail else 'did not receive'} a mail")
        if delivery and status == "SENT" and not delivery["providerMessageId"]:
            self.wrong.append(f"{person.userId}'s delivery has no id of the provider")
        if delivery and status == "FAILED" and not delivery["errorMessage"]:
            self.wrong.append(f"{person.userId}'s delivery does not say why it failed")

    def _say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)


async def _demo(console: Console, stack: ExitStack, log: list[str]) -> list[str]:
    with console.status("Starting") as status:

        def say(text: str) -> None:
            status.update(text)
            if not console.is_terminal:
                console.print(text)

        running = await asyncio.to_thread(start, stack, Ports(), None, say, log.append)
    async with Client(running, MANDATE) as client:
        demo = Demo(console, client)
        await demo.run()
        return demo.wrong


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console, log = Console(), list[str]()
    try:
        with ExitStack() as stack:
            wrong = asyncio.run(_demo(console, stack, log))
    except (ChildFailed, PortBusy) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Stopped; everything that was started is ended.")
    except Exception:
        console.print("\n".join(log[-40:]), soft_wrap=True)
        raise
    if wrong:
        console.print("\n".join(log[-40:]), soft_wrap=True)
        sys.exit("Not as it should be:\n- " + "\n- ".join(wrong))
    console.print("All as it should be.")


if __name__ == "__main__":
    main()

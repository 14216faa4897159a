"""What `doctor` looks at in storage. Each check answers findings; none raises for what it is there to find."""

import time
from collections import deque
from dataclasses import dataclass
from uuid import uuid4

from messaging import ids, messages
from messaging.bootstrap import Messaging
from messaging.cli.common import plain_errors
from messaging.cli.output import lasting, when
from messaging.cli.pauses import paused
from messaging.delivery import Batch
from messaging.errors import IssuerUnavailable, StorageError, StorageUnavailable
from messaging.executions import Execution, Phase
from messaging.identity import operator
from messaging.models import MessagingChannel
from messaging.storage import keys
from messaging.storage.base import Delete, Row, Table, Upsert, Work

SKEW = 5.0
"""Seconds that this machine's clock may differ from storage's; leases rely on clocks."""

SWEEP_SLACK = 600.0
"""Seconds in which the sweeper, which runs every 5 minutes, gets to what is overdue."""

TICK_SLACK = 700.0
"""Seconds in which the tick, which runs every minute, gets to what is due or drops what belongs to nobody."""

OLDEST = 20
"""Executions of the sweeper's list that are looked into."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`level` is ok, note (nothing to do) or problem; `todo` is what to do about a problem."""

    check: str
    level: str
    text: str
    todo: str = ""


def ok(check: str, text: str) -> Finding:
    return Finding(check, "ok", text)


def note(check: str, text: str) -> Finding:
    return Finding(check, "note", text)


def problem(check: str, text: str, todo: str) -> Finding:
    return Finding(check, "problem", text, todo)


async def check_storage(product: Messaging) -> list[Finding]:
    """A write and a read of a table row and of a queue message, and the clock."""
    todo = "See that AzureWebJobsStorage names the right account, that its key or role is valid, and the network."
    try:
        started = time.monotonic()
        with plain_errors():
            await _row_round_trip(product)
        tables = ok("storage", f"tables: written and read in {(time.monotonic() - started) * 1000:.0f} ms")
        started = time.monotonic()
        with plain_errors():
            ahead = await product.inspection.round_trip()
        queues = ok("storage", f"queues: written and read in {(time.monotonic() - started) * 1000:.0f} ms")
    except StorageError as error:
        return [problem("storage", str(error), todo)]
    if abs(ahead) <= SKEW:
        return [tables, queues, ok("clock", f"within {SKEW:.0f} s of storage's")]
    direction = "behind" if ahead > 0 else "ahead of"
    clock = f"this machine is {lasting(abs(ahead))} {direction} storage"
    return [tables, queues, problem("clock", clock, "Set this machine's clock; leases and retries rely on it.")]


async def check_queues(product: Messaging) -> list[Finding]:
    lengths = await product.inspection.lengths("messaging-")
    told = ", ".join(f"{name.removeprefix('messaging-')} {length}" for name, length in lengths.items())
    findings = [ok("queues", told or "none made yet")]
    for name, length in lengths.items():
        if name.endswith("-poison") and length:
            todo = "Start the function app: its poison functions keep these messages for `poison list`."
            findings.append(problem("queues", f"{length} in {name}, which nobody has taken", todo))
    for channel in MessagingChannel:
        waiting, missing = lengths.get(messages.deliveries(channel), 0), product.settings.missing(channel)
        if waiting and missing:
            todo = f"Set {', '.join(missing)}."
            findings.append(problem("queues", f"{waiting} batches of {channel}, which is not configured", todo))
    return findings


async def check_poison(product: Messaging) -> list[Finding]:
    kept = await product.poison.listed(1000)
    if not kept:
        return [ok("poison", "none kept")]
    oldest = lasting(time.time() - min(one.at for one in kept))
    count = "1000 or more" if len(kept) == 1000 else len(kept)
    text = f"messages that failed too often: {count}, the oldest {oldest} ago"
    return [problem("poison", text, "`poison list`, then `poison replay` or `poison drop` each.")]


async def check_identity(product: Messaging) -> Finding:
    """Whether callers of the API can be recognised: an issuer must give its keys."""
    try:
        await product.identity.ready()
    except IssuerUnavailable:
        url = product.settings.jwt_jwks_url
        todo = "See that MESSAGING_JWT_JWKS_URL is the issuer's jwks_uri and can be reached from here."
        return problem("identity", f"the issuer's keys at {url} cannot be had", todo)
    return ok("identity", f"callers are recognised by MESSAGING_AUTH={product.settings.auth}")


async def check_pauses(product: Messaging) -> list[Finding]:
    findings = []
    for pause in await paused(product):
        who = f"{pause.channel} {pause.sender or '(a sender that is not configured here)'}"
        if pause.until <= time.time():
            findings.append(note("pauses", f"{who}: over since {when(pause.until)}, the next message tries"))
            continue
        text = f"{who}: since {when(pause.since)} until {when(pause.until)} because of {pause.reason}"
        todo = f"Look {pause.reason} up at the provider and remove its cause; a used-up quota passes by itself."
        findings.append(problem("pauses", text, todo))
    return findings or [ok("pauses", "no sender is paused")]


async def check_sweeper(product: Messaging) -> list[Finding]:
    """How long the sweeper's list is, and whether something on it is overdue that a sweeper would have moved."""
    count, oldest = 0, deque[Row](maxlen=OLDEST)
    first = "0"
    while rows := await product.tables.range(Table.WORK, Work.EXECUTION, (first, "g"), 1000):
        count, first = count + len(rows), keys.after(rows[-1].key)
        oldest.extend(rows)
    if not count:
        return [ok("sweeper", "its list is empty: every execution is settled")]
    age = lasting(time.time() - ids.created_at(_id(oldest[-1])))
    told = ok("sweeper", f"{count} executions on its list, the oldest {age} old")
    late = [_id(row) for row in oldest if await _is_late(product, row)]
    if not late:
        return [told]
    todo = "See that the function app runs, and that its timer `sweep` does; it queues again what was lost."
    return [told, problem("sweeper", f"work is overdue, for example of execution {late[-1]}", todo)]


async def check_schedules(product: Messaging) -> list[Finding]:
    """Whether something is due that a tick would have executed."""
    span = keys.due_schedules(time.time() - TICK_SLACK)
    late = await product.tables.range(Table.WORK, Work.SCHEDULE, span, 1000)
    if not late:
        return [ok("schedules", "none is overdue")]
    age = lasting(time.time() - int(_id(late[0])))
    count = "1000 or more" if len(late) == 1000 else len(late)
    todo = "See that the function app runs, and that its timer `tick` does; it makes up for the latest due time."
    return [problem("schedules", f"overdue: {count}, the longest for {age}", todo)]


async def _row_round_trip(product: Messaging) -> None:
    """The row stands beside the sweeper's cursor, which no list reads. Raises StorageError."""
    key, token = f"doctor-{uuid4()}", uuid4().hex
    await product.tables.commit(Table.WORK, Work.SWEEP, [Upsert(key, {"token": token})])
    row = await product.tables.get(Table.WORK, Work.SWEEP, key)
    await product.tables.commit(Table.WORK, Work.SWEEP, [Delete(key)])
    if row is None or row["token"] != token:
        raise StorageUnavailable("Storage took a row and does not have it")


def _id(row: Row) -> str:
    return row.key.split("~", 1)[0]


async def _is_late(product: Messaging, row: Row) -> bool:
    """Whether a sweeper would have moved something of this execution by now."""
    limit = time.time() - product.settings.sweep_after_seconds - SWEEP_SLACK

    def lost(moving: Execution | Batch) -> bool:
        return moving.nextAt < limit and moving.leaseUntil < limit

    executionId, mandate = row.key.split("~", 1)
    mandateId, services = operator(mandate).mandateId, product.service.services
    execution = await services.executions.get(mandateId, executionId)
    if execution is None or execution.phase is Phase.PREPARING:
        return ids.created_at(executionId) < limit and (execution is None or execution.leaseUntil < limit)
    if execution.phase is Phase.ACCEPTED and lost(execution):
        return True
    async for stored in services.batches.unsettled(mandateId, executionId):
        if lost(stored.batch):
            return True
    return False

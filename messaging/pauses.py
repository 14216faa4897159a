"""Pauses of senders, seen by all instances: a row for each sender that a provider does not serve right now.

Credentials, quota and blocked senders concern every message alike, so nobody goes on trying message by message.
When a pause is over, one batch tries one message; its success ends the pause, its failure prolongs it.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from messaging.errors import Conflict, SenderBlocked
from messaging.models import MessagingChannel
from messaging.storage import keys
from messaging.storage.base import Delete, Insert, Merge, Row, Table, Tables, Work, repeated

logger = logging.getLogger(__name__)

LONGEST = 3600.0
"""Seconds: pauses double up to this. A provider's own Retry-After may be longer."""


@dataclass(frozen=True, slots=True)
class Pause:
    channel: MessagingChannel
    sender: str
    reason: str
    """The provider's code for it; never its text, which may name a recipient."""
    since: float
    until: float
    failures: int
    """How often in a row the sender was found blocked."""
    probeUntil: float
    """Until when somebody is trying whether the pause can end."""
    etag: str


class Pauses:
    def __init__(self, tables: Tables, first: float, clock: Callable[[], float] = time.time) -> None:
        self._tables = tables
        self._first = first
        self._clock = clock

    async def get(self, channel: MessagingChannel, sender: str) -> Pause | None:
        row = await self._tables.get(Table.WORK, Work.PAUSE, keys.pause(channel.value, sender))
        return _pause(row, sender) if row else None

    async def block(self, channel: MessagingChannel, sender: str, error: SenderBlocked) -> float:
        """Pause the sender, or prolong its pause, and answer until when.

        Failures of messages that were under way together count as one.
        """
        key, now = keys.pause(channel.value, sender), self._clock()

        async def move() -> float:
            pause = await self.get(channel, sender)
            if pause and pause.until > now and not error.retryAfter:
                return pause.until
            failures = pause.failures + 1 if pause and pause.until <= now else 1
            wait = max(min(self._first * 2.0 ** min(failures - 1, 10), LONGEST), error.retryAfter or 0)
            until = max(now + wait, pause.until if pause else 0)
            values = {"until": until, "failures": failures, "reason": error.code, "probeUntil": 0.0}
            if pause:
                await self._commit(Merge(key, values, pause.etag))
                return until
            await self._commit(Insert(key, {**values, "channel": channel.value, "sender": sender, "since": now}))
            logger.error("The sender of channel %s is paused for %.0f s: %s", channel.value, wait, error.code)
            return until

        return await repeated(move)

    async def take_probe(self, pause: Pause, seconds: float) -> bool:
        """Whether we are the one who tries if an over pause can end; nobody else is for `seconds`."""
        now = self._clock()
        if pause.probeUntil > now:
            return False
        key = keys.pause(pause.channel.value, pause.sender)
        try:
            await self._commit(Merge(key, {"probeUntil": now + seconds}, pause.etag))
        except Conflict:
            return False
        return True

    async def end(self, channel: MessagingChannel, sender: str) -> None:
        """The provider serves the sender again."""
        pause = await self.get(channel, sender)
        if pause is None or pause.until > self._clock():
            return
        try:
            await self._commit(Delete(keys.pause(channel.value, sender), pause.etag))
        except Conflict:
            return  # paused anew meanwhile
        logger.warning("The sender of channel %s goes on", channel.value)

    async def _commit(self, operation: Insert | Merge | Delete) -> None:
        await self._tables.commit(Table.WORK, Work.PAUSE, [operation])


def _pause(row: Row, sender: str) -> Pause:
    names = ("reason", "since", "until", "failures", "probeUntil")
    return Pause(
        channel=MessagingChannel(row["channel"]),
        sender=sender,
        etag=row.etag,
        **{name: row[name] for name in names},
    )

"""The queue trigger: the real host's loop and what becomes of each message.

Receive up to batch_size messages, start them all, receive again when no more than new_batch_threshold still
run. After an empty look the pause grows from 100 ms, roughly doubling, to max_polling_interval. A message whose
function succeeds is deleted; one that fails waits visibility_timeout and, after max_dequeue_count tries, moves
to the poison queue. A failed message of a poison queue stays invisible for the rest of its lease.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable

from azure.core.exceptions import AzureError

from dev.host.clock import stopped_within
from dev.host.functions import QueueTrigger
from dev.host.hostjson import QueueRules
from dev.host.messages import Message, StoredQueue, body, metadata, reason
from dev.host.protos import TypedData
from dev.host.worker import Call, Outcome

log = logging.getLogger("host.queues")
SHORTEST_PAUSE = 0.1  # seconds


class Backoff:
    """The pause after looking into a queue without finding anything, in seconds."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._pause = 0.0
        self._doublings = 0

    def next(self, found_since: bool) -> float:
        """The next pause; `found_since` says whether there were messages after the last pause."""
        if found_since:
            self._pause = 0.0
            self._doublings = 0
        if self._pause < self._longest:
            increment = random.uniform(0.8, 1.2) * 2 ** (self._doublings - 1) if self._doublings else 0  # noqa: S311
            self._pause = min(SHORTEST_PAUSE * (1 + increment), self._longest)
            self._doublings += 1
        return self._pause


class QueueListener:
    """Serves one queue function. `run` calls the function."""

    def __init__(
        self, trigger: QueueTrigger, rules: QueueRules, run: Callable[[Call], Awaitable[Outcome]]
    ) -> None:
        self._trigger = trigger
        self._rules = rules
        self._run = run
        self._queue = StoredQueue(trigger.connection, trigger.queue)
        self._running: set[asyncio.Task[None]] = set()
        self._down = False

    async def prepare(self) -> None:
        """Create the queue. Storage that does not answer is logged, not raised: the loop will come back to it."""
        try:
            await self._queue.create()
        except AzureError as error:
            self._note_outage(error)

    async def listen(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set and all running messages have ended; cancelling gives the running ones up."""
        backoff = Backoff(self._rules.max_polling_interval)
        found_since = False
        try:
            while not stop.is_set():
                batch = await self._receive()
                if not batch:
                    await stopped_within(stop, backoff.next(found_since))
                    found_since = False
                    continue
                found_since = True
                self._running.update(asyncio.create_task(self._process(message)) for message in batch)
                await self._wait_for_running(self._rules.new_batch_threshold)
            await self._wait_for_running(0)
        finally:
            for task in self._running:
                task.cancel()
            await self._queue.close()

    async def _wait_for_running(self, most: int) -> None:
        while len(self._running) > most:
            _, self._running = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    async def _receive(self) -> list[Message]:
        try:
            batch = await self._queue.receive(self._rules.batch_size, self._rules.message_lease)
        except AzureError as error:
            self._note_outage(error)
            return []
        if self._down:
            log.info("queue %s: storage answers again", self._trigger.queue)
            self._down = False
        return batch

    def _note_outage(self, error: AzureError) -> None:
        if not self._down:
            log.warning("queue %s: storage does not answer, trying on: %s", self._trigger.queue, reason(error))
        self._down = True

    async def _process(self, message: Message) -> None:
        try:
            await self._work_on(message)
        except AzureError as error:
            log.warning("queue %s: message %s comes again, %s", self._trigger.queue, message.id, reason(error))
        except Exception:
            log.exception("queue %s: message %s", self._trigger.queue, message.id)

    async def _work_on(self, message: Message) -> None:
        count, most = message.dequeue_count, self._rules.max_dequeue_count
        if count > most:  # the process died each time, so no failure was ever recorded
            await self._give_up(message, f"it was taken {count} times")
            return
        try:
            content = body(message, self._rules.base64)
        except ValueError:
            await self._give_up(message, "it is not base64")
            return
        if await self._run_leased(message, content):
            await self._queue.delete(message)
        elif count >= most or not self._queue.has_poison:
            await self._give_up(message, f"it failed {count} times")
        else:
            await self._queue.release(message, self._rules.visibility_timeout)

    async def _give_up(self, message: Message, why: str) -> None:
        queue = self._trigger.queue
        if self._queue.has_poison:
            log.warning("queue %s: message %s goes to poison, %s", queue, message.id, why)
            await self._queue.move_to_poison(message)
        else:
            log.warning("queue %s: message %s stays invisible for now, %s", queue, message.id, why)

    async def _run_leased(self, message: Message, content: bytes) -> bool:
        """Call the function while the lease is renewed; whether it succeeded."""
        try:
            data = TypedData(bytes=content) if self._trigger.binary else TypedData(string=content.decode())
        except UnicodeDecodeError as error:
            log.error("%s failed: the message is not UTF-8 text: %s", self._trigger.function.name, error)
            return False
        done = asyncio.Event()
        renewal = asyncio.create_task(self._renew(message, done))
        try:
            outcome = await self._run(Call(self._trigger.parameter, data, metadata(message, content)))
            return outcome.ok
        finally:
            done.set()  # a renewal under way is awaited, for its receipt is the valid one
            with contextlib.suppress(asyncio.CancelledError):
                await renewal

    async def _renew(self, message: Message, done: asyncio.Event) -> None:
        interval = half = self._rules.message_lease / 2
        while not await stopped_within(done, interval):
            try:
                if not await self._queue.renew(message, self._rules.message_lease):
                    return
                interval = half
            except AzureError as error:
                log.warning(
                    "queue %s: lease of %s not renewed: %s", self._trigger.queue, message.id, reason(error)
                )
                interval = max(interval / 2, 0.5)

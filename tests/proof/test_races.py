"""Many at once, many times: one claim of a batch, one execution of a key."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from messaging.bootstrap import build
from messaging.errors import InProgress
from messaging.messages import BatchMessage
from messaging.models import MessagingChannel
from tests.product import Product, running

WORKERS, BATCHES, KEYS = 8, 200, 100


async def test_a_queue_message_given_to_eight_workers_is_claimed_once(
    storage: str, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    async with running(storage, tmp_path) as product:
        await product.subscription()
        for n in range(3):
            await product.subscribe(f"u{n}")
        others = [_another(product) for _ in range(WORKERS)]
        for _ in range(BATCHES):
            execution = await product.execute()
            message = BatchMessage(product.mandateId, execution.id, 1, 0)
            await asyncio.gather(*(one.worker.deliver(message, MessagingChannel.EMAIL) for one in others))
            assert {one.attempts for one in (await product.deliveries(execution)).values()} == {1}
        for one in others:
            await one.close()
        posts = sum(seen.operation == "send" for seen in product.sandbox.requests.requests)
        assert posts == len(product.sandbox.inbox.messages) == 3 * BATCHES
        tell(f"{BATCHES} batches, each given to {WORKERS} workers at once: {posts} posts, {3 * BATCHES} messages")


async def test_a_second_call_with_the_same_key_during_the_first_is_the_same_execution(
    storage: str, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    async with running(storage, tmp_path) as product:
        await product.subscription()
        await product.subscribe("alice")
        told = 0
        for n in range(KEYS):
            calls = (product.execute(idempotencyKey=f"k{n}", bodyHash="h") for _ in range(2))
            answers: list[Any] = await asyncio.gather(*calls, return_exceptions=True)
            ids = {answer.id for answer in answers if not isinstance(answer, BaseException)}
            failures = [answer for answer in answers if isinstance(answer, BaseException)]
            assert len(ids) == 1 and all(isinstance(failure, InProgress) for failure in failures)
            told += len(failures)
        await product.drain()
        assert len(product.sandbox.inbox.messages) == KEYS
        tell(f"{KEYS} keys, each used by two calls at once: {KEYS} executions, {told} calls told to come back")


def _another(product: Product) -> Any:
    """One more process's product on the same storage, with the same clock."""
    swaps: Any = {"queues": product.queues, "subscriptions": product.functions, "clock": product.clock}
    return build(product.messaging.settings, **swaps)

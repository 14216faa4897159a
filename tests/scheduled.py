"""What tests of schedules share: the rows, and the due times that were executed."""

import json
from datetime import datetime
from typing import Any

from messaging.batches import EVENT, Batches
from messaging.bootstrap import Messaging
from messaging.inputs import SubscriptionChange
from messaging.schedules import Scheduled, _scheduled
from messaging.storage.base import Partition, Table, Work
from messaging.storage.memory import MemoryTables
from tests.inbound import executions
from tests.product import Product


def at(text: str) -> float:
    """A local time with its offset, as UTC seconds."""
    return datetime.fromisoformat(text).timestamp()


async def rows(messaging: Messaging) -> list[Scheduled]:
    found = await messaging.tables.range(Table.WORK, Work.SCHEDULE, ("0", "~"), 1000)
    return [_scheduled(row) for row in found]


async def live(product: Product, subscriptionId: str = "SystemErrors") -> list[int]:
    """The due times of the rows that the subscription names."""
    found = await product.messaging.registry.find(product.mandateId, subscriptionId)
    return [row.due for row in await rows(product.messaging) if found and row.name == found.scheduleRow]


async def executed(product: Product) -> list[float]:
    """The due times that were executed, in their order; each execution says that a schedule made it."""
    found = []
    for one in await executions(product):
        assert (one.trigger, one.createdBy) == ("schedule", "schedule")
        found.append(await scheduled_for(product, one.executionId))
    return sorted(found)


async def scheduled_for(product: Product, executionId: str) -> float:
    """The due time that an execution's function is told; 0 where nobody is registered."""
    text = await Batches(product.messaging.tables).text(product.mandateId, executionId, EVENT)
    due: float = json.loads(text or '{"scheduledFor": 0}')["scheduledFor"]
    return due


async def change(product: Product, **fields: Any) -> None:
    await product.messaging.registry.updateSubscription(
        product.principal(), "SystemErrors", SubscriptionChange(**fields)
    )


class Killed(BaseException):
    """The process is gone."""


class Mortal(MemoryTables):
    """The twin, whose caller dies at the n-th transaction from now, before or after it is done.

    What the journal of audit events is told does not count.
    """

    def __init__(self) -> None:
        super().__init__()
        self.left = 0
        self.done = False

    def kill(self, number: int, *, done: bool) -> None:
        self.left, self.done = number, done

    async def commit(self, table: Table, partition: Partition, operations: Any) -> list[str]:
        if table is Table.JOURNAL:
            return await super().commit(table, partition, operations)
        self.left -= 1
        if self.left == 0 and not self.done:
            raise Killed
        answer = await super().commit(table, partition, operations)
        if self.left == 0:
            raise Killed
        return answer

"""What a queue message that others wrote has left behind."""

from messaging.cursors import Asked
from messaging.models import MessagingExecution
from messaging.storage.base import Row, Table, Work
from tests.product import Product


async def executions(product: Product) -> list[MessagingExecution]:
    return list((await product.messaging.history.getAllExecutions(product.principal(), Asked(1000))).items)


async def poison(product: Product) -> list[Row]:
    return await product.messaging.tables.range(Table.WORK, Work.POISON, ("!", "~"), 1000)

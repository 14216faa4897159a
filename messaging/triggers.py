"""The Functions of queues and timers: each parses its message and calls the service. A test pins the bindings.

A message of our own queues that does not parse raises, so the host moves it to the queue's poison queue, whose
function keeps it. What others write is refused at once (inbound.py).
"""

from collections.abc import Awaitable, Callable

import azure.functions as func

from messaging import events, messages, workflow
from messaging.bootstrap import Messaging, build
from messaging.connectors import CONNECTORS
from messaging.inbound import Read
from messaging.messages import BatchMessage, PageMessage
from messaging.models import MessagingChannel
from messaging.settings import Settings

CONNECTION = "AzureWebJobsStorage"

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
_built: list[Messaging] = []


def messaging() -> Messaging:
    """The product of this process, wired on first use."""
    if not _built:
        _built.append(build(Settings.from_environment()))
    return _built[0]


def on_queue(name: str, queue: str, work: Callable[[func.QueueMessage], Awaitable[None]]) -> None:
    """A function that works on the messages of a queue, and one that keeps those that failed too often."""

    async def handle(message: func.QueueMessage) -> None:
        await work(message)

    async def keep(message: func.QueueMessage) -> None:
        await messaging().poison.keep(queue, message.id or "", message.get_body())

    for function, its_name, its_queue in ((handle, name, queue), (keep, f"{name}_poison", f"{queue}-poison")):
        trigger = blueprint.queue_trigger(arg_name="message", queue_name=its_queue, connection=CONNECTION)
        blueprint.function_name(its_name)(trigger(function))


def delivering(channel: MessagingChannel) -> Callable[[func.QueueMessage], Awaitable[None]]:
    async def deliver(message: func.QueueMessage) -> None:
        await messaging().worker.deliver(BatchMessage.from_json(message.get_json()), channel)

    return deliver


async def prepare_page(message: func.QueueMessage) -> None:
    await messaging().pages.prepare(PageMessage.from_json(message.get_json()))


def taking(queue: str, read: Read) -> Callable[[func.QueueMessage], Awaitable[None]]:
    async def take(message: func.QueueMessage) -> None:
        await messaging().inbound.take(queue, message.id or "", message.get_body(), read)

    return take


for one in CONNECTORS:
    on_queue(f"deliver_{one.value}", messages.deliveries(one), delivering(one))
on_queue("prepare_page", messages.EXECUTIONS, prepare_page)
on_queue("workflow_action", workflow.QUEUE, taking(workflow.QUEUE, workflow.read))
on_queue("system_event", events.QUEUE, taking(events.QUEUE, events.read))


@blueprint.function_name("sweep")
@blueprint.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
async def sweep(timer: func.TimerRequest) -> None:
    await messaging().sweeper.sweep()
    await messaging().deletions.go_on()

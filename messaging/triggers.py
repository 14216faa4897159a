"""The Functions of queues: each parses its message and calls the service. Bindings are pinned by a test.

A message that is none of ours raises, so the host sets it aside in the queue's poison queue.
"""

import azure.functions as func

from messaging import messages
from messaging.bootstrap import Messaging, build
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


@blueprint.function_name("deliver_email")
@blueprint.queue_trigger(
    arg_name="message", queue_name=messages.deliveries(MessagingChannel.EMAIL), connection=CONNECTION
)
async def deliver_email(message: func.QueueMessage) -> None:
    await messaging().worker.deliver(BatchMessage.from_json(message.get_json()), MessagingChannel.EMAIL)


@blueprint.function_name("prepare_page")
@blueprint.queue_trigger(arg_name="message", queue_name=messages.EXECUTIONS, connection=CONNECTION)
async def prepare_page(message: func.QueueMessage) -> None:
    await messaging().pages.prepare(PageMessage.from_json(message.get_json()))

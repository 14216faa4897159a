"""The Functions of HTTP, queues and timers: each hands its request or message on. A test pins the bindings.

A message of our own queues that does not parse raises, so the host moves it to the queue's poison queue, whose
function keeps it. What others write is refused at once (inbound.py).
"""

from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import quote, unquote_to_bytes, urlsplit, urlunsplit

import azure.functions as func

from messaging import events, messages, workflow
from messaging.acting import act_for, door
from messaging.bootstrap import Messaging, build
from messaging.connectors import CONNECTORS
from messaging.messages import BatchMessage, PageMessage
from messaging.models import MessagingChannel
from messaging.settings import Settings

CONNECTION = "AzureWebJobsStorage"

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
_built: list[Messaging] = []


def messaging() -> Messaging:
    """The product of this process, wired on first use; what is logged as an error is kept from then on."""
    if not _built:
        _built.append(build(Settings.from_environment()))
        _built[0].errorlog.attach()
    _built[0].errorlog.start()
    return _built[0]


async def answer(product: Messaging, request: func.HttpRequest) -> func.HttpResponse:
    """Let the API answer. The first request imports it: queue and timer instances never pay for FastAPI."""
    from messaging.api.app import asgi

    try:
        readable = _decodable(request)
    except ValueError:  # of a Host that names no host or port
        return func.HttpResponse(status_code=400)
    adapter = func.AsgiMiddleware(partial(asgi, product))  # type: ignore[no-untyped-call]
    response: func.HttpResponse = await adapter.handle_async(readable)
    return response


def _decodable(request: func.HttpRequest) -> func.HttpRequest:
    """The request with its path as the adapter can read it.

    It fails on bytes that are not UTF-8: they become U+FFFD, which no route and no id contains. And it drops what
    follows a `;`.
    """
    url = urlsplit(request.url)
    _ = url.port  # raises where the adapter would
    path = quote(unquote_to_bytes(url.path).decode(errors="replace"))
    address = urlunsplit(url._replace(path=path))
    return func.HttpRequest(request.method, address, headers=request.headers, body=request.get_body())


@blueprint.function_name("api")
@blueprint.route(
    route="{*route}",
    trigger_arg_name="request",
    methods=list(func.HttpMethod),
    auth_level=func.AuthLevel.ANONYMOUS,
)
async def api(request: func.HttpRequest) -> func.HttpResponse:
    with door("api"):
        return await answer(messaging(), request)


def on_queue(name: str, queue: str, work: Callable[[func.QueueMessage], Awaitable[None]]) -> None:
    """A function that works on the messages of a queue, and one that keeps those that failed too often."""

    async def handle(message: func.QueueMessage) -> None:
        with door(name):
            await work(message)

    async def keep(message: func.QueueMessage) -> None:
        with door(f"{name}_poison"):
            await messaging().poison.keep(queue, message.id or "", message.get_body())

    for function, its_name, its_queue in ((handle, name, queue), (keep, f"{name}_poison", f"{queue}-poison")):
        trigger = blueprint.queue_trigger(arg_name="message", queue_name=its_queue, connection=CONNECTION)
        blueprint.function_name(its_name)(trigger(function))


def delivering(channel: MessagingChannel) -> Callable[[func.QueueMessage], Awaitable[None]]:
    async def deliver(message: func.QueueMessage) -> None:
        batch = BatchMessage.from_json(message.get_json())
        act_for(batch.mandateId)
        await messaging().worker.deliver(batch, channel)

    return deliver


async def prepare_page(message: func.QueueMessage) -> None:
    page = PageMessage.from_json(message.get_json())
    act_for(page.mandateId)
    await messaging().pages.prepare(page)


async def take_action(message: func.QueueMessage) -> None:
    await messaging().inbound.take(workflow.QUEUE, message.id or "", message.get_body(), workflow.read)


async def take_events(message: func.QueueMessage) -> None:
    bodies = events.split(message.get_body())
    await messaging().inbound.take_each(events.QUEUE, message.id or "", bodies, events.read)


for one in CONNECTORS:
    on_queue(f"deliver_{one.value}", messages.deliveries(one), delivering(one))
on_queue("prepare_page", messages.EXECUTIONS, prepare_page)
on_queue("workflow_action", workflow.QUEUE, take_action)
on_queue("system_event", events.QUEUE, take_events)


@blueprint.function_name("sweep")
@blueprint.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
async def sweep(timer: func.TimerRequest) -> None:
    with door("sweep"):
        await messaging().sweeper.sweep()
        await messaging().deletions.go_on()


@blueprint.function_name("tick")
@blueprint.timer_trigger(arg_name="timer", schedule="0 * * * * *")
async def tick(timer: func.TimerRequest) -> None:
    with door("tick"):
        await messaging().ticker.tick()


async def error_digest(timer: func.TimerRequest) -> None:
    with door("error_digest"):
        await messaging().digest.run()


def at_times_of(settings: Settings) -> None:
    """The functions whose schedule is a setting; function_app.py calls it, once.

    Not `%MESSAGING_ERROR_DIGEST_SCHEDULE%`: the host refuses to start where such a setting does not exist.
    """
    trigger = blueprint.timer_trigger(arg_name="timer", schedule=settings.error_digest_schedule)
    blueprint.function_name("error_digest")(trigger(error_digest))

"""Did the person get it, and if not, why? One delivery with everything that decides about it, and what to do."""

from dataclasses import asdict, dataclass
from typing import Any

from messaging.access import Principal
from messaging.batches import batch_key
from messaging.bootstrap import Messaging
from messaging.cli.output import when
from messaging.delivery import Batch, State
from messaging.executions import Execution, Phase
from messaging.models import MessagingDelivery, MessagingExecution
from messaging.pauses import Pause

LATE = 120.0
"""Seconds overdue from which it is said that no worker has come."""

Answer = tuple[str, str]
"""What became of the message, and what to do about it ("" for nothing)."""


@dataclass(frozen=True, slots=True)
class Story:
    delivery: MessagingDelivery
    batch: Batch
    execution: Execution
    counted: MessagingExecution
    pause: Pause | None
    missing: list[str]
    """Settings that the channel lacks."""
    recipient: str


async def gather(product: Messaging, principal: Principal, deliveryId: str) -> Story:
    """Raises NotFound."""
    found = await product.operator.find(principal, deliveryId)
    delivery = await product.history.getDelivery(principal, deliveryId)
    counted = await product.history.getExecution(principal, delivery.executionId)
    execution = await product.service.services.executions.get(principal.mandateId, delivery.executionId)
    assert execution is not None  # getExecution has read it
    missing = product.settings.missing(delivery.channel)
    pause = None
    if not missing:
        pause = await product.pauses.get(delivery.channel, product.connectors.get(delivery.channel).sender)
    return Story(delivery, found.stored.batch, execution, counted, pause, missing, found.item.recipient)


def batch_document(batch: Batch) -> dict[str, Any]:
    """A batch for scripts: its lock and its counts, never its recipients."""
    names = ("page", "number", "creationDate", "nextAt", "owner", "leaseUntil", "takeovers", "once")
    counts = {state.value: batch.count(state) for state in State}
    return {
        "key": batch_key(batch),
        "channel": batch.channel.value,
        **{name: getattr(batch, name) for name in names},
        "accepted": len(batch.items),
        **counts,
    }


def pause_document(pause: Pause) -> dict[str, Any]:
    return {name: value for name, value in asdict(pause).items() if name != "etag"}


def answer(story: Story, now: float) -> Answer:
    """The story in a sentence, and the next step."""
    delivery, batch = story.delivery, story.batch
    why = delivery.errorMessage or "no reason was recorded"
    if delivery.state == State.SENT:
        return _sent(delivery)
    if delivery.state == State.FAILED:
        return f"No: {why}.", "It is final. Remove the reason, then trigger again: that is a new message."
    if delivery.state == State.UNKNOWN:
        doing = "Ask the person or look into the provider's log, then `deliveries resolve` or `deliveries retry`."
        return f"Nobody knows: {why}.", doing
    if batch.page >= story.execution.page and story.execution.phase in (Phase.PREPARING, Phase.ACCEPTED):
        return "Not yet: its execution is still being prepared.", "Look again in a minute."
    if delivery.state == State.SENDING:
        if batch.leased(now):
            return f"It is being sent; the worker's lease ends {when(batch.leaseUntil)}.", "Look again then."
        return "The worker was lost while sending it; the next one takes over.", _late(batch.leaseUntil, now)
    return _waiting(story, now)


def _sent(delivery: MessagingDelivery) -> Answer:
    if not delivery.providerMessageId and delivery.errorMessage:
        return f"Yes, as an operator says. {delivery.errorMessage}.", ""
    took = f"The provider took it at {when(delivery.sentAt)} as {delivery.providerMessageId}."
    return took, "If it did not arrive, ask the provider about this id."


def _waiting(story: Story, now: float) -> Answer:
    """Queued or deferred: what it waits for."""
    delivery, batch, pause = story.delivery, story.batch, story.pause
    failed = f"{delivery.errorMessage}; " if delivery.errorMessage else ""
    if failed and delivery.state == State.DEFERRED:
        failed = f"attempt {delivery.attempts} failed ({delivery.errorMessage}), "
    if story.missing:
        names = ", ".join(story.missing)
        return f"Not yet: its channel is not configured here; missing {names}.", "Set it, then it goes by itself."
    if pause and pause.until > now:
        said = f"Not yet: its sender is paused until {when(pause.until)} because of {pause.reason}."
        return said, "Remove the cause at the provider; then it goes on by itself."
    if batch.leased(now):
        return f"Not yet: {failed}a worker is busy with its batch.", "Look again in a minute."
    due = delivery.retryAt or batch.nextAt
    if due > now:
        return f"Not yet: {failed}it is tried again at {when(due)}.", ""
    return f"Not yet: {failed}it is due since {when(due)} and waits for a worker.", _late(due, now)


def _late(since: float, now: float) -> str:
    """What to do about something that should have happened."""
    if now - since < LATE:
        return "Look again in a minute."
    return "No worker has come: is the function app running? `doctor` tells more; the sweeper mends it in time."

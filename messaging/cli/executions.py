"""`executions`: the runs of subscriptions, what they count, and what is still open."""

from typing import Annotated

import typer

from messaging.access import Principal
from messaging.bootstrap import Messaging
from messaging.cli.common import Json, Limit, Mandate, group, run
from messaging.cli.deliveries import ledger_line
from messaging.cli.output import Line, facts, progress, show, table, when
from messaging.cli.story import batch_document
from messaging.cursors import Asked
from messaging.delivery import Batch, State
from messaging.errors import NotFound
from messaging.executions import Execution, Phase
from messaging.identity import operator
from messaging.models import MessagingExecution
from messaging.storage import keys
from messaging.storage.base import together

app = group("The runs of subscriptions.")

SHOWN = 20
"""Open batches that people are shown."""


@app.command("list")
def list_(
    mandate: Mandate,
    subscription: Annotated[str | None, typer.Option(metavar="ID", help="Of one subscription.")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Executions, newest first."""

    async def work(product: Messaging) -> tuple[list[MessagingExecution], bool]:
        principal = operator(mandate)
        with progress("Counting deliveries"):
            if subscription is not None:
                return await _of_subscription(product, principal, subscription, limit)
            page = await product.history.getAllExecutions(principal, Asked(limit))
            return list(page.items), page.nextCursor is not None

    found, more = run(work)
    names = ("id", "created", "subscription", "trigger", "by", "done", "deliveries")
    rows = [
        (one.executionId, when(one.creationDate), one.subscriptionId, one.trigger, one.createdBy, one.done)
        + (ledger_line(one.model_dump()),)
        for one in found
    ]
    parts: list[Line] = table(names, rows) if found else ["No executions."]
    parts += [f"There are more than these {limit}; see --limit."] if more else []
    show({"items": [one.model_dump(mode="json") for one in found], "more": more}, parts, as_json)


@app.command("show")
def show_(
    mandate: Mandate,
    id: Annotated[str, typer.Argument(metavar="ID", help="The execution's id.")],
    as_json: Json = False,
) -> None:
    """One execution: its ledger, how far it is, its function's result, and its open batches."""

    async def work(product: Messaging) -> tuple[MessagingExecution, Execution, list[Batch]]:
        principal = operator(mandate)
        counted = await product.history.getExecution(principal, id)
        execution = await product.service.services.executions.get(principal.mandateId, id)
        if execution is None:
            raise NotFound("There is no such execution")
        with progress("Reading batches"):
            unsettled = product.service.services.batches.unsettled(principal.mandateId, id)
            return counted, execution, [stored.batch async for stored in unsettled]

    counted, execution, batches = run(work)
    document = counted.model_dump(mode="json") | {
        **{name: getattr(execution, name) for name in ("page", "nextAt", "owner", "leaseUntil", "takeovers")},
        "phase": execution.phase.value,
        "result": execution.result.model_dump(mode="json"),
        "openBatches": [batch_document(batch) for batch in batches],
    }
    show(document, _human(counted, execution, batches), as_json)


async def _of_subscription(
    product: Messaging, principal: Principal, subscriptionId: str, limit: int
) -> tuple[list[MessagingExecution], bool]:
    span = keys.below(keys.of_subscription(subscriptionId))
    ids = await product.service.services.executions.within(principal.mandateId, span, limit + 1)
    found = await together(product.history.getExecution(principal, one) for one in ids[:limit])
    return found, len(ids) > limit


def _human(counted: MessagingExecution, execution: Execution, batches: list[Batch]) -> list[Line]:
    result = execution.result.model_dump(mode="json")
    held = f"owner {execution.owner}, lease until {when(execution.leaseUntil)}" if execution.owner else "no owner"
    shown: dict[str, object] = {
        "execution": execution.id,
        "subscription": execution.subscriptionId,
        "created": f"{when(execution.creationDate)} by {execution.createdBy}, {execution.trigger}",
        "phase": execution.phase,
        "done": counted.done,
        "ledger": ledger_line(counted.model_dump()),
        "next page": f"{execution.page}, due {when(execution.nextAt)}"
        if execution.phase is Phase.ACCEPTED
        else "",
        "lock": f"{held}, {execution.takeovers} take-overs",
        "result": ", ".join(f"{name}={value!r}" for name, value in result.items() if value is not None),
    }
    if not batches:
        return [*facts(shown), "", "No open batches."]
    names = ("open batch", "channel", "queued", "sending", "deferred", "due", "lease until", "take-overs")
    rows = [
        (f"{batch.page}/{batch.number}", batch.channel)
        + tuple(batch.count(state) for state in (State.QUEUED, State.SENDING, State.DEFERRED))
        + (when(batch.nextAt), when(batch.leaseUntil), batch.takeovers)
        for batch in batches[:SHOWN]
    ]
    rest = [f"and {len(batches) - SHOWN} more"] if len(batches) > SHOWN else []
    return [*facts(shown), "", *table(names, rows), *rest]

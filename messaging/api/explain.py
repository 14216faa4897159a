"""Why did this person get, or not get, the last execution's message?"""

from typing import Annotated

from fastapi import APIRouter, Query

from messaging.api.common import App, Caller
from messaging.api.rate_limit import counted
from messaging.explain import Question
from messaging.models import MessagingChannel, MessagingExplanation
from messaging.rate_limit import Kind

router = APIRouter(prefix="/api/messaging/explain", tags=["deliveries"], dependencies=[counted(Kind.OTHER)])


@router.get("")
async def explain(
    app: App,
    caller: Caller,
    subscriptionId: Annotated[str, Query(max_length=64)],
    channel: MessagingChannel,
    userId: Annotated[str | None, Query(min_length=1, max_length=256, description="You, if left out")] = None,
) -> MessagingExplanation:
    """One reason and one sentence; with the delivery, where there is one. A User may ask about themselves."""
    return await app.explain.explain(caller, Question(subscriptionId, userId or caller.userId, channel))

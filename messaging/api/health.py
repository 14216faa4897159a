"""Is the service able to work? For load balancers and monitors: no identity, no secrets."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from messaging.api.common import App
from messaging.errors import StorageUnavailable
from messaging.models import MessagingChannel
from messaging.storage.base import Table, Work

router = APIRouter(prefix="/api/health", tags=["health"])


class Health(BaseModel):
    """`channels` tells which are configured; one that is not does not make the service unhealthy."""

    status: Literal["ok", "unavailable"]
    storage: Literal["ok", "unavailable"]
    channels: dict[MessagingChannel, Literal["configured", "not configured"]]


@router.get("", responses={503: {"model": Health, "description": "Storage cannot be reached"}})
async def health(app: App, response: Response) -> Health:
    """200 while storage can be reached, else 503."""
    try:
        await app.tables.get(Table.WORK, Work.SWEEP, "health")
        storage: Literal["ok", "unavailable"] = "ok"
    except StorageUnavailable:
        storage = "unavailable"
        response.status_code = 503
    return Health(
        status=storage,
        storage=storage,
        channels={
            one: "configured" if app.settings.configured(one) else "not configured" for one in MessagingChannel
        },
    )

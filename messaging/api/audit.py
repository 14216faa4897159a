"""The audit journal; for Admins and Mandate-Admins."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from messaging.api.common import App, Caller, Listed, ListQuery
from messaging.api.rate_limit import counted
from messaging.journal import AuditFilter
from messaging.models import MessagingAuditEvent
from messaging.rate_limit import Kind

router = APIRouter(prefix="/api/messaging/audit", tags=["audit"], dependencies=[counted(Kind.OTHER)])


def _filter(
    eventType: Annotated[str | None, Query(max_length=64)] = None,
    userId: Annotated[str | None, Query(max_length=256)] = None,
    since: Annotated[float | None, Query(ge=0, le=1e11, description="UTC seconds, inclusive")] = None,
) -> AuditFilter:
    return AuditFilter(eventType, userId, since)


@router.get("")
async def list_audit_events(
    app: App, caller: Caller, asked: ListQuery, wanted: Annotated[AuditFilter, Depends(_filter)]
) -> Listed[MessagingAuditEvent]:
    """Who did what in the mandate, newest first: reported events, and the administrative acts of this service.

    A page holds at most 200; it may be short or empty while nextCursor is set.
    """
    return Listed.of(await app.journal.getAuditEvents(caller, wanted, asked))

"""Executions with their ledgers; for Admins and Mandate-Admins."""

from fastapi import APIRouter

from messaging.api.common import App, Caller, Listed, ListQuery
from messaging.api.rate_limit import counted
from messaging.models import MessagingExecution
from messaging.rate_limit import Kind

router = APIRouter(prefix="/api/messaging/executions", tags=["executions"], dependencies=[counted(Kind.OTHER)])


@router.get("")
async def list_executions(app: App, caller: Caller, asked: ListQuery) -> Listed[MessagingExecution]:
    """The mandate's executions, newest first."""
    return Listed.of(await app.history.getAllExecutions(caller, asked))


@router.get("/{executionId}")
async def get_execution(app: App, caller: Caller, executionId: str) -> MessagingExecution:
    """One execution: how many of its messages are in which state, counted now."""
    return await app.history.getExecution(caller, executionId)

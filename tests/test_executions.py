"""Executions as rows: what is written is what is read, also from before a column came."""

from dataclasses import replace

from messaging.executions import Execution, Phase, Result, from_row
from messaging.ids import execution_id
from messaging.models import TriggerKind
from messaging.storage.base import Row

EXECUTION = Execution(
    id=execution_id(1_800_000_000.0),
    subscriptionId="News",
    subscriptionUuid="s",
    trigger=TriggerKind.HTTP,
    createdBy="boss",
    phase=Phase.ACCEPTED,
    key="k~News~a",
    bodyHash="h",
    page=4,
    openFrom=3,
    first="a",
    last="b",
    nextAt=1.0,
    owner="o",
    leaseUntil=2.0,
    takeovers=1,
    result=Result(success=False, messagesSent=7, errorMessage="no", extra=[1]),
    etag="e",
)


def test_what_is_written_is_read_again() -> None:
    assert from_row(Row(f"x~{EXECUTION.id}", EXECUTION.columns(), "e")) == EXECUTION


def test_a_row_from_before_a_column_came_has_its_default() -> None:
    values = EXECUTION.columns()
    del values["openFrom"]
    assert from_row(Row(f"x~{EXECUTION.id}", values, "e")) == replace(EXECUTION, openFrom=1)

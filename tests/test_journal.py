"""The audit journal: one row an event, newest first, on Azurite."""

from dataclasses import replace
from typing import Any

import pytest

from messaging.access import Role
from messaging.cursors import Asked, Page
from messaging.errors import Forbidden, InvalidInput
from messaging.journal import LONGEST_PAGE, AuditFilter
from messaging.models import MessagingAuditEvent
from messaging.storage.memory import MemoryTables
from tests.product import Product, mandate


def event(number: int = 1, **more: object) -> MessagingAuditEvent:
    given = {
        "id": f"e{number}",
        "source": "/idp",
        "type": "com.example.login",
        "eventType": "login",
        "userId": "alice",
        "details": {"n": number},
        "timestamp": 1_800_000_000.0 + number / 1000,
        "recordedAt": 1_800_000_001.0,
    }
    return MessagingAuditEvent.model_validate({**given, **more})


async def listed(
    product: Product, wanted: AuditFilter | None = None, asked: Asked | None = None
) -> Page[MessagingAuditEvent]:
    journal = product.messaging.journal
    return await journal.getAuditEvents(product.principal(), wanted or AuditFilter(), asked or Asked(1000))


async def test_an_event_is_kept_once_whatever_its_repeat_says(product: Product) -> None:
    journal, mandateId = product.messaging.journal, product.mandateId
    first = event()
    assert await journal.write(mandateId, first) == first.timestamp
    for repeat in (first, event(timestamp=5.0), event(details={"n": 99})):
        assert await journal.write(mandateId, repeat) == first.timestamp
    assert (await listed(product)).items == [first]


@pytest.mark.parametrize(
    "details", [{}, {"text": "ü" * 24_000}, {"text": "\N{PILE OF POO}" * 12_000, "nul": "\0"}]
)
async def test_whatever_a_queue_message_holds_comes_back_as_it_was(
    product: Product, details: dict[str, str]
) -> None:
    await product.messaging.journal.write(product.mandateId, event(details=details))
    (kept,) = (await listed(product)).items
    assert kept.details == details


async def test_details_that_are_no_json_are_refused(product: Product) -> None:
    with pytest.raises(InvalidInput, match="data.details"):
        await product.messaging.journal.write(product.mandateId, event(details={"n": float("inf")}))
    assert (await listed(product)).items == []


async def test_the_list_is_newest_first_filtered_and_goes_on(product: Product) -> None:
    for number in range(6):
        about = {"userId": "alice" if number % 2 else "bob", "eventType": "login" if number < 3 else "logout"}
        await product.messaging.journal.write(product.mandateId, event(number, **about))

    async def ids(**wanted: Any) -> list[str]:
        return [one.id for one in (await listed(product, AuditFilter(**wanted))).items]

    assert await ids() == ["e5", "e4", "e3", "e2", "e1", "e0"]
    assert await ids(userId="bob") == ["e4", "e2", "e0"]
    assert await ids(eventType="login") == ["e2", "e1", "e0"]
    assert await ids(eventType="login", userId="bob", since=1_800_000_000.001) == ["e2"]
    assert await ids(since=event(4).timestamp) == ["e5", "e4"]

    first = await listed(product, asked=Asked(4))
    second = await listed(product, asked=Asked(4, first.nextCursor))
    assert [one.id for one in [*first.items, *second.items]] == await ids()
    assert second.nextCursor is None
    with pytest.raises(InvalidInput, match="cursor"):
        await listed(product, AuditFilter(userId="bob"), Asked(4, first.nextCursor))


async def test_a_page_is_bounded(twin: tuple[Product, MemoryTables]) -> None:
    product, _ = twin
    for number in range(LONGEST_PAGE + 1):
        await product.messaging.journal.write(product.mandateId, event(number))
    page = await listed(product)
    assert len(page.items) == LONGEST_PAGE and page.nextCursor


async def test_it_is_for_admins_and_stays_in_its_mandate(product: Product) -> None:
    await product.messaging.journal.write(product.mandateId, event())
    assert (await listed(replace(product, mandateId=mandate()))).items == []
    person = product.principal("alice", Role.USER)
    with pytest.raises(Forbidden):
        await product.messaging.journal.getAuditEvents(person, AuditFilter(), Asked(10))

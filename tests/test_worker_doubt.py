"""A mail that may have left: the provider is asked before anything is posted again, and nothing arrives twice."""

import pytest

from tests.product import Product
from tests.test_worker import accepted, fault, only, posts


@pytest.mark.parametrize("kind", ["acceptThenDrop", "acceptThenStatus", "malformedJson"])
async def test_a_mail_that_may_have_left_is_asked_for_and_never_sent_twice(product: Product, kind: str) -> None:
    execution = await accepted(product)
    fault(product, kind=kind, times=1, operation="send")
    await product.drain()
    delivery = await only(product, execution)
    assert (delivery.state, len(product.sandbox.inbox.messages)) == ("deferred", 1)
    assert delivery.retryAt
    product.clock.now = delivery.retryAt
    await product.drain()
    delivery = await only(product, execution)
    assert (delivery.state, delivery.attempts) == ("sent", 1)
    assert (posts(product), len(product.sandbox.inbox.messages)) == (1, 1)


async def test_a_mail_that_never_came_is_sent_again_under_the_same_id(product: Product) -> None:
    execution = await accepted(product)
    fault(product, kind="reset", times=1, operation="send")
    await product.drain()
    delivery = await only(product, execution)
    assert delivery.retryAt and delivery.state == "deferred"
    product.clock.now = delivery.retryAt
    await product.drain()
    delivery = await only(product, execution)
    assert (delivery.state, delivery.attempts, posts(product)) == ("sent", 2, 2)
    (message,) = product.sandbox.inbox.messages
    assert message.operationId == delivery.id


async def test_what_was_in_doubt_once_is_asked_for_before_each_further_send(product: Product) -> None:
    execution = await accepted(product)
    product.sandbox.faults.replace(
        [
            {"provider": "acs", "kind": "reset", "times": 1, "operation": "send"},
            {"provider": "acs", "status": 429, "times": 1, "operation": "send"},
        ]
    )
    await product.drain()
    for _ in range(2):
        retryAt = (await only(product, execution)).retryAt
        assert retryAt
        product.clock.now = retryAt + 30
        await product.drain()
    assert (await only(product, execution)).state == "sent"
    asked = [seen.operation for seen in product.sandbox.requests.requests]
    assert asked == ["send", "lookup", "send", "lookup", "send"]


async def test_a_question_that_fails_is_asked_again_before_anything_is_sent(product: Product) -> None:
    execution = await accepted(product)
    product.sandbox.faults.replace(
        [
            {"provider": "acs", "kind": "acceptThenDrop", "times": 1, "operation": "send"},
            {"provider": "acs", "status": 503, "times": 1, "operation": "lookup"},
        ]
    )
    await product.drain()
    for expected in ("deferred", "sent"):
        delivery = await only(product, execution)
        assert delivery.retryAt
        product.clock.now = delivery.retryAt
        await product.drain()
        assert (await only(product, execution)).state == expected
    assert (posts(product), len(product.sandbox.inbox.messages)) == (1, 1)

"""The service: executing subscriptions, for whoever may, once per idempotency key.

Source: concept, "Service-Architektur"; the checks come in the order of its listing.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Unpack

from messaging import ids
from messaging.access import Action, Principal, require
from messaging.batches import EVENT, Batches
from messaging.direct import Direct
from messaging.errors import (
    Conflict,
    InProgress,
    InvalidInput,
    KeyReused,
    StorageUnavailable,
    SubscriptionFunctionBroken,
    SubscriptionFunctionNotFound,
    SubscriptionNotFound,
)
from messaging.executions import ACCEPTED, Execution, Executions, Phase, Result
from messaging.functions import Functions
from messaging.models import (
    MandateId,
    MessagingEventParameters,
    MessagingSendResult,
    MessagingSubscriptionRegistration,
    TriggerKind,
)
from messaging.outbox import Options
from messaging.pages import Pages
from messaging.registrations import Registrations
from messaging.registry import Registry
from messaging.storage import keys
from messaging.storage.base import Row

logger = logging.getLogger(__name__)

Earlier = tuple[Row, Execution]
"""The idempotency row of a key, and the execution that it names."""

MAX_EVENT = 262_144
"""Bytes of a trigger's data, as JSON."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """Who executes a subscription, and how.

    `idempotencyKey` makes repeats the same execution; with a `bodyHash` a repeat must have the same body.
    `background` answers as soon as the execution is accepted, before its first page is prepared.
    """

    principal: Principal
    kind: TriggerKind
    idempotencyKey: str | None = None
    bodyHash: str = ""
    background: bool = False


@dataclass(frozen=True, slots=True)
class Services:
    """What the service works with."""

    registry: Registry
    executions: Executions
    batches: Batches
    functions: Functions
    pages: Pages
    registrations: Registrations
    direct: Direct


class MessagingService:
    def __init__(self, services: Services, clock: Callable[[], float] = time.time) -> None:
        self.services = services
        self._clock = clock

    async def executeSubscription(
        self, subscriptionId: str, eventParameters: MessagingEventParameters, trigger: Trigger
    ) -> Execution:
        """Execute a subscription's function and accept what it sends; the answer's `result` is the function's.

        When it is answered, everything is stored and will be sent; with phase ACCEPTED further pages are to come.
        Raises SubscriptionNotFound (a ValueError), SubscriptionFunctionNotFound (a FileNotFoundError),
        SubscriptionFunctionBroken, Forbidden, KeyReused and InProgress: nothing was sent by this call. After
        StorageUnavailable with an executionId the execution may have been accepted.
        """
        require(trigger.principal, Action.TRIGGER)
        mandateId = trigger.principal.mandateId
        event = event_json(eventParameters)
        key = keys.idempotency(subscriptionId, trigger.idempotencyKey) if trigger.idempotencyKey else ""
        earlier = await self._earlier(mandateId, key, trigger.bodyHash)
        if earlier and earlier[1].phase in ACCEPTED:
            return earlier[1]
        subscription = await self.services.registry.find(mandateId, subscriptionId)
        if subscription is None:
            raise SubscriptionNotFound(subscriptionId)
        execution = Execution(
            id=ids.execution_id(self._clock()),
            subscriptionId=subscriptionId,
            subscriptionUuid=subscription.id,
            trigger=trigger.kind,
            createdBy=trigger.principal.userId,
            phase=Phase.PREPARING,
            key=key,
            bodyHash=trigger.bodyHash,
        )
        try:
            if not subscription.enabled:
                logger.warning("Subscription %s is disabled, skipping execution", subscriptionId)
                disabled = Result(success=False, errorMessage="Subscription is disabled")
                return await self._settle(mandateId, replace(execution, result=disabled), earlier)
            return await self._execute(trigger, execution, event, earlier)
        except Conflict:
            return await self._lost(mandateId, key, trigger.bodyHash)

    async def sendMessage(
        self,
        subject: str,
        message: str,
        registration: MessagingSubscriptionRegistration,
        principal: Principal,
        **options: Unpack[Options],
    ) -> MessagingSendResult:
        """Send one message now, outside any function, and answer what really became of it.

        It goes to the stored address of a registration that the principal may read (else NotFound), as an
        execution of one. Nothing is tried later: transient errors are failed, what may have left stays unknown.
        """
        stored = await self.services.registrations.getRegistration(principal, registration.id)
        return await self.services.direct.send(principal, stored, (subject, message), options)

    async def sendTest(self, principal: Principal, registrationId: str) -> MessagingSendResult:
        """Send a test message to one's own registration, now, and answer what really became of it.

        Raises NotFound, or Forbidden for another person's registration.
        """
        stored = await self.services.registrations.getOwn(principal, registrationId)
        return await self.services.direct.send_test(principal, stored)

    async def _execute(
        self, trigger: Trigger, execution: Execution, event: str, earlier: Earlier | None
    ) -> Execution:
        """The listing's way for an enabled subscription: registrations, function, then the first page."""
        mandateId, subscriptionId = trigger.principal.mandateId, execution.subscriptionId
        bounds, active = await self.services.pages.read(mandateId, execution.subscriptionUuid)
        if not active and bounds == keys.registrations(execution.subscriptionUuid):
            logger.info("No active registrations for subscription %s", subscriptionId)
            return await self._settle(mandateId, execution, earlier)
        await self._require_function(subscriptionId)
        await self.services.executions.watch(mandateId, execution)
        execution = replace(execution, first=bounds[0], last=bounds[1])
        if trigger.background:
            return await self._accept(mandateId, execution, event, earlier)
        owner, leaseUntil = self.services.pages.lease()
        held = replace(execution, owner=owner, leaseUntil=leaseUntil)
        begun = await self.services.executions.begin(mandateId, held, earlier)
        await self.services.batches.put_contents(mandateId, begun.id, {EVENT: event})
        parameters = MessagingEventParameters(triggerData=json.loads(event))
        try:
            return await self.services.pages.run(mandateId, begun, parameters, active)
        except StorageUnavailable as error:
            error.executionId = begun.id
            raise

    async def _settle(self, mandateId: MandateId, execution: Execution, earlier: Earlier | None) -> Execution:
        """An execution that sends nothing: stored all the same, so that a repeat gets the same answer."""
        return await self.services.executions.begin(mandateId, replace(execution, phase=Phase.STORED), earlier)

    async def _accept(
        self, mandateId: MandateId, execution: Execution, event: str, earlier: Earlier | None
    ) -> Execution:
        """Commit with page one still to come."""
        await self.services.batches.put_contents(mandateId, execution.id, {EVENT: event})
        accepted = replace(execution, phase=Phase.ACCEPTED, nextAt=self._clock())
        begun = await self.services.executions.begin(mandateId, accepted, earlier)
        try:
            await self.services.pages.queue_page(mandateId, begun)
        except StorageUnavailable:
            logger.warning("Execution %s is accepted but not yet queued; the sweeper will do it", begun.id)
        return begun

    async def _require_function(self, subscriptionId: str) -> None:
        try:
            await self.services.functions.load(subscriptionId)
        except SubscriptionFunctionNotFound as error:
            logger.error("%s", error)
            raise
        except SubscriptionFunctionBroken as error:
            logger.exception("%s", error)
            raise

    async def _earlier(self, mandateId: MandateId, key: str, bodyHash: str) -> Earlier | None:
        """What the key stands for so far: None, an accepted execution, or one that ended before it was accepted.

        Raises KeyReused for another body, InProgress while somebody prepares it.
        """
        earlier = await self.services.executions.of_key(mandateId, key) if key else None
        if earlier is None:
            return None
        row, execution = earlier
        if bodyHash and row["bodyHash"] != bodyHash:
            raise KeyReused
        if execution.phase is Phase.PREPARING and self._clock() < execution.leaseUntil:
            raise InProgress(execution.leaseUntil - self._clock())
        return earlier

    async def _lost(self, mandateId: MandateId, key: str, bodyHash: str) -> Execution:
        """Somebody else moved our execution: with a key it is theirs to answer, else its lease had run out."""
        earlier = await self._earlier(mandateId, key, bodyHash)
        if earlier and earlier[1].phase in ACCEPTED:
            return earlier[1]
        raise StorageUnavailable("The execution took too long and was given up; nothing was sent")


def event_json(event: MessagingEventParameters) -> str:
    """The trigger's data as it is stored. Raises InvalidInput for what is not JSON, not text, or too much."""
    try:
        text = json.dumps(event.triggerData, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        size = len(text.encode())
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInput("eventParameters", f"must be JSON with valid text ({type(error).__name__})") from None
    if size > MAX_EVENT:
        raise InvalidInput("eventParameters", f"has {size} bytes; {MAX_EVENT} are allowed")
    return text

"""Many registered people at once, in few transactions: for proofs and measurements that need thousands."""

import time
from collections.abc import Sequence
from uuid import uuid4

from messaging.bootstrap import Messaging
from messaging.models import MandateId, MessagingChannel, MessagingSubscriptionRegistration
from messaging.registrations import rows_of
from messaging.storage.base import Table, together

PEOPLE_A_TRANSACTION = 33  # a registration is three rows
AT_A_TIME = 8


async def register(
    messaging: Messaging, subscription: tuple[MandateId, str, str], people: Sequence[tuple[str, str, str]]
) -> None:
    """Register (userId, channel, channelConfig) people for the subscription (mandateId, subscriptionId, UUID)."""
    mandateId, subscriptionId, uuid = subscription
    now = time.time()
    made = [
        MessagingSubscriptionRegistration(
            id=str(uuid4()),
            subscriptionId=subscriptionId,
            userId=userId,
            channel=MessagingChannel(channel),
            channelConfig=config,
            creationDate=now,
            lastModified=now,
        )
        for userId, channel, config in people
    ]
    rows = [rows_of(uuid, one) for one in made]
    step = PEOPLE_A_TRANSACTION
    chunks = [[row for its in rows[at : at + step] for row in its] for at in range(0, len(rows), step)]
    for at in range(0, len(chunks), AT_A_TIME):
        few = chunks[at : at + AT_A_TIME]
        await together(messaging.tables.commit(Table.REGISTRY, mandateId, one) for one in few)

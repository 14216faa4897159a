"""What a subscription's function would send: run as the service runs it, for a made-up person on each channel.

Nothing is stored, nothing is sent, and no settings are needed.
"""

import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Unpack

from messaging import ids
from messaging.connectors import CONNECTORS, kind
from messaging.content import Content
from messaging.errors import UnsupportedOption
from messaging.functions import Functions, call
from messaging.models import (
    MessagingChannel,
    MessagingEventParameters,
    MessagingSendResult,
    MessagingSubscriptionExecutionResult,
    MessagingSubscriptionRegistration,
)
from messaging.outbox import Options, Outbox
from messaging.segments import count

SECONDS = 60
"""How long a function has to answer here."""

ADDRESSES = {
    MessagingChannel.EMAIL: "alice@example.com",
    MessagingChannel.SMS: "+41790000000",
    MessagingChannel.WHATSAPP: "+41790000000",
    MessagingChannel.TEAMS_CHAT: "5a4d0000-0000-4000-8000-0000000000ab",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One call of sendMessage: the content that the channel would get, or why it refuses it."""

    channel: MessagingChannel
    content: Content | None
    refused: str | None

    def document(self) -> dict[str, Any]:
        """As JSON; an SMS with the parts that it is billed as."""
        parts = {"segments": count(self.content.text)} if self.content and self._is_sms() else {}
        said = {name: value for name, value in asdict(self.content).items() if value} if self.content else {}
        return {
            "channel": self.channel.value,
            **said,
            **parts,
            **({"refused": self.refused} if self.refused else {}),
        }

    def _is_sms(self) -> bool:
        return self.channel is MessagingChannel.SMS


async def preview(
    path: Path, event: dict[str, Any], channels: Sequence[MessagingChannel]
) -> tuple[MessagingSubscriptionExecutionResult, list[Shown]]:
    """Run a file's `execute` and answer its result and every message. What it prints goes to stderr.

    Raises SubscriptionFunctionNotFound, SubscriptionFunctionBroken, FunctionFailed.
    """
    name = path.stem.removeprefix("subSubscription")
    registrations = [_registration(name, one) for one in channels]
    outbox = _Recording(registrations)
    arguments = (MessagingEventParameters(triggerData=event), registrations, outbox)
    with redirect_stdout(sys.stderr):
        result = await call(await Functions(path.parent).load(name), arguments, SECONDS)
    return result, outbox.shown


def channels() -> list[MessagingChannel]:
    """Every channel that has a connector."""
    return list(CONNECTORS)


def _registration(subscriptionId: str, channel: MessagingChannel) -> MessagingSubscriptionRegistration:
    now = time.time()
    return MessagingSubscriptionRegistration(
        id=f"sample-{channel.value}",
        subscriptionId=subscriptionId,
        userId="alice",
        channel=channel,
        channelConfig=ADDRESSES[channel],
        creationDate=now,
        lastModified=now,
    )


class _Checks:
    """Each channel's own rules, whether it is configured here or not."""

    def check(self, channel: MessagingChannel, content: Content) -> None:
        kind(channel).check(content)


class _Recording(Outbox):
    """An outbox that remembers what it was asked to send, the refused included."""

    def __init__(self, registrations: Sequence[MessagingSubscriptionRegistration]) -> None:
        super().__init__(ids.execution_id(time.time()), registrations, _Checks())
        self.shown: list[Shown] = []

    def sendMessage(
        self,
        subject: str,
        message: str,
        registration: MessagingSubscriptionRegistration,
        **options: Unpack[Options],
    ) -> MessagingSendResult:
        channel = registration.channel
        try:
            result = super().sendMessage(subject, message, registration, **options)
        except UnsupportedOption as error:
            self.shown.append(Shown(channel, None, str(error)))
            raise
        content = Content.from_json(self.contents()[self.messages[-1].content]) if result.success else None
        self.shown.append(Shown(channel, content, result.errorMessage))
        return result

"""What a subscription's function sends into: it takes messages at once and does no I/O.

The messages leave together, after the function has answered and they are stored.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypedDict, Unpack

from messaging import content, ids
from messaging.content import Content
from messaging.delivery import Prepared
from messaging.errors import InvalidInput, MessagingError, UnsupportedOption
from messaging.models import MessagingChannel, MessagingSendResult, MessagingSubscriptionRegistration


class Options(TypedDict, total=False):
    """What sendMessage takes beyond the concept's three: each is refused where a channel cannot use it."""

    text: str | None
    """The plain-text alternative of an HTML message."""
    template: dict[str, Any] | None
    """A provider's approved template: `{"name", "language", "parameters": [...]}`."""
    card: dict[str, Any] | None
    """An Adaptive Card, for Teams; the message is then what a notification says."""


class Channels(Protocol):
    """What the outbox asks of the connectors."""

    def check(self, channel: MessagingChannel, content: Content) -> None:
        """Raise InvalidInput if the channel is not configured or cannot send this content.

        UnsupportedOption if it was given an option that the channel cannot use.
        """
        ...


class Outbox:
    """One page of one execution. The same in `def execute` and in `async def execute`."""

    def __init__(
        self, executionId: str, registrations: Sequence[MessagingSubscriptionRegistration], channels: Channels
    ) -> None:
        self._executionId = executionId
        self._registrations = {registration.id: registration for registration in registrations}
        self._channels = channels
        self._made: dict[tuple[Any, ...], tuple[str, Content]] = {}
        self._ordinals: dict[str, int] = {}
        self._closed = False
        self.messages: list[Prepared] = []

    def sendMessage(
        self,
        subject: str,
        message: str,
        registration: MessagingSubscriptionRegistration,
        **options: Unpack[Options],
    ) -> MessagingSendResult:
        """Take a message for a registration of this page; `deliveryId` in the answer is final.

        `success` means accepted into this execution. What cannot be sent at all (channel not configured, empty
        message, foreign registration) is `success=False` with the reason; an option that the channel cannot use
        raises UnsupportedOption. `text` is the alternative of an HTML message, `template` a provider template
        `{"name", "language", "parameters": [...]}`, `card` an Adaptive Card. Source: concept, `sendMessage`.
        """
        if self._closed:
            raise MessagingError("The function's time is over: this message is not sent")
        known = self._registrations.get(registration.id)
        if known is None:
            return _refused("The registration is not one of those that this execution was given")
        try:
            digest, made = self._content(subject, message, options)
            self._channels.check(known.channel, made)
        except UnsupportedOption:
            raise
        except InvalidInput as error:
            return _refused(str(error))
        ordinal = self._ordinals.get(known.id, 0)
        self._ordinals[known.id] = ordinal + 1
        deliveryId = ids.delivery_id(self._executionId, known.id, ordinal)
        self.messages.append(Prepared(deliveryId, known, digest))
        return MessagingSendResult(success=True, deliveryId=deliveryId)

    def contents(self) -> dict[str, str]:
        """The distinct contents of the messages, as JSON by digest."""
        used = {message.content for message in self.messages}
        return {digest: made.to_json() for digest, made in self._made.values() if digest in used}

    def close(self) -> None:
        """Take nothing more: a function's thread may still run after its time."""
        self._closed = True

    def _content(self, subject: str, message: str, options: Options) -> tuple[str, Content]:
        """The same message to a thousand people is made and hashed once."""
        text, template, card = options.get("text"), options.get("template"), options.get("card")
        key = (subject, message, text, repr(template), repr(card))
        if not all(isinstance(part, str | None) for part in key):
            content.make(subject, message, text)  # says which one is no text
        if key not in self._made:
            made = content.make(subject, message, text, template, card)
            self._made[key] = (made.digest(), made)
        return self._made[key]


def _refused(reason: str) -> MessagingSendResult:
    return MessagingSendResult(success=False, errorMessage=reason)

"""What every connector is: the base owns the order, a provider's file fills the blanks.

A connector takes one message to one recipient. It answers the provider's id for it, or raises one of the five
kinds of ConnectorError; "no" as a bool would not tell which. SDK retries are off: the batch owns retries.
Source: concept, "Connector-Architektur".
"""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from traceback import format_tb
from typing import Any, ClassVar, Protocol

from messaging.content import Content
from messaging.errors import Ambiguous, ConnectorError, InvalidInput, NotAccepted, UnsupportedOption
from messaging.models import MessagingChannel

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """One message on its way: the delivery that it is, the recipient and the content."""

    deliveryId: str
    recipient: str
    content: Content


@dataclass(frozen=True, slots=True)
class Sent:
    """What a provider took: its id for the message, and the parts that it is billed as, where there are such."""

    providerMessageId: str
    segments: int = 0


class Memory(Protocol):
    """What a connector remembers for all processes: a short text for a name. It may forget, and never raises."""

    async def get(self, channel: MessagingChannel, name: str) -> str | None: ...

    async def put(self, channel: MessagingChannel, name: str, text: str) -> None: ...


class Outdated(Exception):
    """The provider took nothing, because what the send was prepared with holds no more; `error` if it stays so."""

    def __init__(self, error: ConnectorError) -> None:
        super().__init__(str(error))
        self.error = error


class Connector(ABC):
    channel: ClassVar[MessagingChannel]
    canAsk: ClassVar[bool] = False
    """The provider can tell whether it took a message: `look_up` is there."""
    groupSize: ClassVar[int] = 16
    """Messages in flight at a time for one batch."""
    takesTemplate: ClassVar[bool] = False
    testTemplate: ClassVar[dict[str, Any] | None] = None
    """Where only templates can be sent: the one of a test message; its parameter is the subscription's id."""
    takesCard: ClassVar[bool] = False
    remembers: ClassVar[bool] = False
    """It is made with a Memory as its third argument."""

    def __init__(self, timeout: float) -> None:
        """Made in a thread as well as in the event loop: clients are made at the first call."""
        self._timeout = timeout

    @property
    @abstractmethod
    def sender(self) -> str:
        """The address, number or account that sends: what a provider limits and blocks."""

    @classmethod
    def check(cls, content: Content) -> None:
        """Raise InvalidInput if this content cannot be sent here, UnsupportedOption for an option without use."""
        if content.template is not None and not cls.takesTemplate:
            raise UnsupportedOption("template", f"the channel {cls.channel.value} has no templates")
        if content.card is not None and not cls.takesCard:
            raise UnsupportedOption("card", f"the channel {cls.channel.value} has no cards")
        cls._check(content)

    async def send(self, message: Message) -> Sent:
        """Give the message to the provider and answer what it took.

        Raises a ConnectorError; Ambiguous when the provider did not answer in time. Preparing has half of the
        time, so that a send that is begun has the other half; it is done once more if the send finds it outdated.
        """
        began = asyncio.get_running_loop().time()
        try:
            return await self._prepared(message, began)
        except Outdated:
            pass
        try:
            return await self._prepared(message, began)
        except Outdated as outdated:
            raise outdated.error from None

    async def look_up(self, deliveryId: str) -> str | None:
        """The provider's id for a message that it took, None if it never came. Raises a ConnectorError."""
        return await self._asked(self._look_up(deliveryId), asyncio.get_running_loop().time())

    async def _prepared(self, message: Message, began: float) -> Sent:
        try:
            await self._asked(self._prepare(message), began, 0.5)
        except Ambiguous as error:  # whatever happened, the message has not left
            raise NotAccepted(str(error), code=error.code, retryAfter=error.retryAfter) from None
        return await self._asked(self._send(message), began)

    async def _asked[T](self, call: Coroutine[Any, Any, T], began: float, share: float = 1) -> T:
        """The call's answer, within its share of the time.

        No answer in time, and a bug of ours on the way, leave open what the provider did.
        """
        seconds = self._timeout * share
        try:
            async with asyncio.timeout_at(began + seconds):
                return await call
        except (ConnectorError, Outdated):
            raise
        except TimeoutError:
            raise Ambiguous(f"The provider did not answer within {seconds:g} seconds") from None
        except Exception as error:
            # the traceback without the exception's text, which may hold the recipient
            where = "".join(format_tb(error.__traceback__))
            logger.error("Channel %s: %s in its connector\n%s", self.channel.value, type(error).__name__, where)
            raise Ambiguous(f"The connector failed unexpectedly ({type(error).__name__})") from error

    @classmethod
    def _check(cls, content: Content) -> None:
        if not content.text.strip() and content.template is None:
            raise InvalidInput("message", "has no text")

    async def _prepare(self, message: Message) -> None:  # noqa: B027 - most need nothing
        """See to what a send needs before, as a login. Whatever it raises, nothing has left."""

    @abstractmethod
    async def _send(self, message: Message) -> Sent: ...

    async def _look_up(self, deliveryId: str) -> str | None:
        raise NotImplementedError(f"{self.channel} cannot tell")  # canAsk is False

    async def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Let go of what the connector holds."""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks for, a number or a date (RFC 9110); None without a usable one."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        then = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return max(0.0, then.timestamp() - time.time())

"""Our own queue messages: ids, never contents. What they point at is read from its row."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from messaging.models import MandateId, MessagingChannel
from messaging.storage import keys

EXECUTIONS = "messaging-executions"
SYSTEM_EVENTS = "messaging-system-events"


def deliveries(channel: MessagingChannel) -> str:
    """The channel's own queue: a slow channel must not hold up another."""
    return f"messaging-deliveries-{channel.value.replace('_', '-')}"


@dataclass(frozen=True, slots=True)
class BatchMessage:
    """A batch is due."""

    mandateId: MandateId
    executionId: str
    page: int
    batch: int

    @property
    def key(self) -> str:
        return keys.batch(self.executionId, self.page, self.batch)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "BatchMessage":
        """Raises KeyError, TypeError or ValueError for a message that is not ours."""
        mandateId = MandateId(str(body["mandateId"]))
        return cls(mandateId, str(body["executionId"]), int(body["page"]), int(body["batch"]))


@dataclass(frozen=True, slots=True)
class PageMessage:
    """A page of an execution is to be prepared."""

    mandateId: MandateId
    executionId: str
    page: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "PageMessage":
        """Raises KeyError, TypeError or ValueError for a message that is not ours."""
        return cls(MandateId(str(body["mandateId"])), str(body["executionId"]), int(body["page"]))

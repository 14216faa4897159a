"""What the sandbox remembers: the messages that were taken, and every request that was made. Both are
bounded."""

import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any, NamedTuple


class Content(NamedTuple):
    """What a message says, as far as its channel knows it; the fields are those of `Message`."""

    text: str | None = None
    html: str | None = None
    subject: str | None = None
    note: str | None = None


@dataclass(slots=True)
class Message:
    """One message that a provider took.

    `channel` is email, sms, whatsapp or teams_chat; `provider` acs, twilio, meta or teams. Several recipients of
    one e-mail are joined with ", ". `raw` is the request as parsed, `size` its bytes. `index` counts from 1 and
    is never used again; `receivedAt` is UTC seconds. `note` says what the provider found out later, as that the
    address is suppressed.
    """

    provider: str
    channel: str
    sender: str
    recipient: str
    providerMessageId: str
    raw: Any
    size: int
    text: str | None = None
    html: str | None = None
    subject: str | None = None
    operationId: str | None = None
    note: str | None = None
    index: int = 0
    receivedAt: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The message as `GET /messages` shows it."""
        return {name: getattr(self, name) for name in MESSAGE_FIELDS}


MESSAGE_FIELDS = tuple(field.name for field in fields(Message))


class Filter(NamedTuple):
    """Which messages are wanted; an empty field means any. `since` is the index after which they begin."""

    provider: str = ""
    channel: str = ""
    recipient: str = ""
    since: int = 0

    def takes(self, message: Message) -> bool:
        """Whether the message is wanted; one of several recipients is enough."""
        return (
            (not self.channel or message.channel == self.channel)
            and (not self.provider or message.provider == self.provider)
            and (not self.recipient or self.recipient in message.recipient.split(", "))
        )


class Inbox:
    """The newest messages: at most `most` of them and `most_bytes` of requests.

    `accepted` counts all since the start, by channel.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self.most = most
        self.most_bytes = most_bytes
        self.messages: deque[Message] = deque()
        self.accepted: Counter[str] = Counter()
        self.bytes = 0
        self.last = 0

    @property
    def dropped(self) -> int:
        """How many were taken but are no longer kept."""
        return self.accepted.total() - len(self.messages)

    def add(self, message: Message) -> None:
        """Keep the message; from here on it has its index."""
        self.last += 1
        message.index = self.last
        message.receivedAt = time.time()
        self.messages.append(message)
        self.accepted[message.channel] += 1
        self.bytes += message.size
        while len(self.messages) > self.most or self.bytes > self.most_bytes:
            self.bytes -= self.messages.popleft().size

    def select(self, wanted: Filter) -> Iterator[Message]:
        """The wanted messages, oldest first."""
        if not self.messages:
            return iter(())
        skip = max(0, wanted.since + 1 - self.messages[0].index)
        return filter(wanted.takes, islice(self.messages, skip, None))

    def get(self, index: int) -> Message | None:
        """The message with this index, if it is still kept."""
        position = index - self.messages[0].index if self.messages else -1
        return self.messages[position] if 0 <= position < len(self.messages) else None

    def clear(self) -> None:
        """Forget the messages and the counts. Indexes go on."""
        self.messages.clear()
        self.accepted.clear()
        self.bytes = 0


class Seen(NamedTuple):
    """One request to a provider. `status` 0 means that it got no answer; `stored` that it added a message."""

    at: float
    provider: str
    operation: str
    recipient: str
    operationId: str
    status: int
    stored: bool


class RequestLog:
    """The newest requests, at most `most` of them."""

    def __init__(self, most: int) -> None:
        self.requests: deque[Seen] = deque(maxlen=most)
        self.total = 0

    def add(self, seen: Seen) -> None:
        """Remember one request."""
        self.total += 1
        self.requests.append(seen)

    def clear(self) -> None:
        """Forget everything."""
        self.requests.clear()
        self.total = 0

    def summary(self) -> dict[str, Any]:
        """Counts of the kept requests, and who was sent to how often.

        `sends` counts requests, `stored` messages, by recipient and by operation id: `max` is the highest
        number, `repeated` how many have more than one, `top` the ten highest. A test for doubles wants
        `stored` max 1.
        """
        answers = Counter((seen.provider, seen.operation, seen.status) for seen in self.requests)
        sends = [seen for seen in self.requests if seen.operation == "send"]
        stored = [seen for seen in sends if seen.stored]
        return {
            "total": self.total,
            "dropped": self.total - len(self.requests),
            "counts": [
                {"provider": provider, "operation": operation, "status": status, "count": count}
                for (provider, operation, status), count in sorted(answers.items())
            ],
            "sends": _repeats(sends),
            "stored": _repeats(stored),
        }


def _repeats(seen: list[Seen]) -> dict[str, Any]:
    by_recipient = Counter(one.recipient for one in seen if one.recipient)
    by_operation = Counter(one.operationId for one in seen if one.operationId)
    return {
        name: {
            "max": max(counts.values(), default=0),
            "repeated": sum(count > 1 for count in counts.values()),
            "top": dict(counts.most_common(10)),
        }
        for name, counts in (("recipient", by_recipient), ("operationId", by_operation))
    }

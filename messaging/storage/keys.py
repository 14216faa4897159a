"""Every RowKey of every table, and the ranges that lists read. The PartitionKey is the mandateId.

`~` separates: it sorts after every other character that a key holds, so `prefix~` to `prefix~~` is
exactly the rows below a prefix. Execution and delivery ids begin with inverted milliseconds, so newest comes
first wherever they stand in a key (ids.py). A person is the first 128 bits of SHA-256(userId): any user id
makes a valid key, and no key tells who it is.
"""

from hashlib import sha256

from messaging import ids

Span = tuple[str, str]


def below(prefix: str) -> Span:
    """The range of every key that begins with `prefix~`."""
    return f"{prefix}~", f"{prefix}~~"


def after(key: str) -> str:
    """The smallest key greater than `key`: where a list goes on."""
    return f"{key}!"


def function_name(subscriptionId: str) -> str:
    """`audit_login` -> `AuditLogin`: the part of the function's file name, one subscription per file.

    Source: concept, "Subscription-Funktionen".
    """
    return "".join(part[:1].upper() + part[1:] for part in subscriptionId.split("_"))


def person(userId: str) -> str:
    return sha256(userId.encode()).hexdigest()[:32]


# messagingregistry


def subscription(subscriptionId: str) -> str:
    return f"s~{function_name(subscriptionId)}"


def pointer(uuid: str) -> str:
    """A subscription or a registration by its id."""
    return f"i~{uuid}"


def registration(subscriptionUuid: str, userId: str, channel: str) -> str:
    return f"r~{subscriptionUuid}~{person(userId)}~{channel}"


def registrations(subscriptionUuid: str) -> Span:
    return below(f"r~{subscriptionUuid}")


def person_registration(userId: str, subscriptionUuid: str, channel: str) -> str:
    return f"p~{person(userId)}~{subscriptionUuid}~{channel}"


def person_registrations(userId: str) -> Span:
    return below(f"p~{person(userId)}")


# messagingledger


def execution(executionId: str) -> str:
    return f"x~{executionId}"


def idempotency(subscriptionId: str, key: str) -> str:
    return "k~" + sha256(f"{subscriptionId}\n{key}".encode()).hexdigest()


def of_subscription(subscriptionId: str) -> str:
    """The prefix of a subscription's executions."""
    return f"h~{subscriptionId}"


def subscription_execution(subscriptionId: str, executionId: str) -> str:
    return f"{of_subscription(subscriptionId)}~{executionId}"


def content(executionId: str, digest: str) -> str:
    return f"c~{executionId}~{digest}"


def batch(executionId: str, page: int, number: int) -> str:
    return f"b~{executionId}~{page:06d}~{number:04d}"


def batches(executionId: str, page: int | None = None) -> Span:
    return below(f"b~{executionId}" if page is None else f"b~{executionId}~{page:06d}")


def delivery(deliveryId: str) -> str:
    return f"d~{deliveryId}"


def deliveries(executionId: str) -> Span:
    """The deliveries of an execution: they share its first 60 bits, 18 characters of the id's text.

    Another execution of the same millisecond and the same 12 bits would be in it too; readers skip its rows.
    """
    return f"d~{executionId[:18]}", f"d~{executionId[:18]}~"


def of_person(userId: str) -> str:
    """The prefix of a person's deliveries."""
    return f"u~{person(userId)}"


def person_delivery(userId: str, deliveryId: str) -> str:
    return f"{of_person(userId)}~{deliveryId}"


def person_execution(userId: str, executionId: str) -> Span:
    """A person's deliveries of an execution, as `deliveries`."""
    return f"{of_person(userId)}~{executionId[:18]}", f"{of_person(userId)}~{executionId[:18]}~"


# messagingjournal


def audit(timestamp: float, source: str, eventId: str) -> str:
    """An audit event, newest first."""
    return f"a~{ids.inverted(timestamp)}~{_event(source, eventId)}"


def audits(since: float | None) -> Span:
    """The audit events of `since` (UTC seconds, inclusive) and later, or all."""
    first, last = below("a")
    return first, last if since is None else f"a~{ids.older_than(since)}"


def audit_pointer(source: str, eventId: str) -> str:
    """Where the row of an event is, whatever time a repeat of the event names."""
    return f"i~{_event(source, eventId)}"


def _event(source: str, eventId: str) -> str:
    return sha256(f"{source}\n{eventId}".encode()).hexdigest()[:32]


# messaginglimits


def session_limit(session: str, kind: str) -> str:
    """A bucket of a session; which one it is, only its hash tells."""
    return f"s~{sha256(session.encode()).hexdigest()[:32]}~{kind}"


def trigger_limit(subscriptionId: str) -> str:
    return f"t~{subscriptionId}"


# messagingwork


def work_execution(mandateId: str, executionId: str) -> str:
    return f"{executionId}~{mandateId}"


def work_deletion(mandateId: str, subscriptionUuid: str) -> str:
    return f"{subscriptionUuid}~{mandateId}"


def work_schedule(due: int, name: str) -> str:
    """A schedule row by its due time (whole UTC seconds), and its own name."""
    return f"{due:011d}~{name}"


def due_schedules(now: float) -> Span:
    """The schedule rows that are due at a time."""
    return "0", f"{int(now) + 1:011d}"


def poison(queue: str, messageId: str) -> str:
    return f"{queue}~{messageId}"


def pause(channel: str, sender: str) -> str:
    return f"{channel}~{sha256(sender.encode()).hexdigest()[:32]}"


def memory(channel: str, name: str) -> str:
    return f"{channel}~{sha256(name.encode()).hexdigest()[:32]}"


def work_digest(mandateId: str) -> str:
    return mandateId


# messagingjournal


def error(at: float, id: str) -> str:
    """A logged error, by the time when it was written (UTC seconds)."""
    return f"e~{_milliseconds(at)}~{id}"


def errors(first: float, last: float) -> Span:
    """The errors written from `first` until before `last`."""
    return f"e~{_milliseconds(first)}", f"e~{_milliseconds(last)}"


def _milliseconds(at: float) -> str:
    return f"{round(at * 1000):014d}"

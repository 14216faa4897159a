"""Faults on demand: rules that make a provider fail. `PUT /faults` takes a list of them, or one.

A rule is an object; all fields but `provider` may be left out:

    provider    acs, twilio, meta, teams, or * for all
    operation   send, lookup, token, conversation, discovery; left out: all
    recipient   only this one; * and ? are wildcards, as in "*@example.com"
    sender      only this one, with wildcards too
    kind        what happens, see KINDS; left out: status
    status      the HTTP status of the error, 400 to 599
    code        the provider's error code; the status then follows from it, and the other way round
    body        answered instead of the provider's own body: an object, or a text
    retryAfter  the Retry-After header: seconds, or a date as text
    delay       seconds between doing and answering, at most 120; for timeout: how long the request is held
    times       how often the rule applies; left out: always

The first rule that fits is played. A request that no rule fits is answered normally.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any, Protocol

PROVIDERS = ("acs", "twilio", "meta", "teams", "*")
OPERATIONS = ("send", "lookup", "token", "conversation", "discovery")
LONGEST = 120.0

KINDS = {
    "status": "Answers the error and accepts nothing. Without status and code: the true answer, late or altered.",
    "reset": "Closes the connection without an answer and accepts nothing.",
    "timeout": "Holds the request open (delay, at most and by default 120 s), accepts nothing, then closes.",
    "acceptThenDrop": "Accepts, then closes the connection without an answer.",
    "acceptThenStatus": "Accepts, then answers the error (500 unless status or code says otherwise).",
    "slow": "The true answer, or the error that status or code names, bit by bit over delay (5 s).",
    "malformedJson": "The true answer, or the named error, cut off in the middle.",
    "wrongContentType": "The status of the true answer, or of the named error, with an HTML page as its body.",
}


class Target(Protocol):
    """What a rule looks at in a request."""

    @property
    def provider(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def recipient(self) -> str: ...
    @property
    def sender(self) -> str: ...


@dataclass(slots=True)
class Rule:
    """One rule, checked. `used` counts how often it was played."""

    provider: str
    operation: str | None = None
    recipient: str | None = None
    sender: str | None = None
    kind: str = "status"
    status: int | None = None
    code: int | str | None = None
    body: Any = None
    retryAfter: int | float | str | None = None
    delay: float = 0.0
    times: int | None = None
    used: int = 0

    @property
    def refuses(self) -> bool:
        """Whether the rule names an error, so that nothing is accepted (but for acceptThenStatus)."""
        return self.status is not None or self.code is not None

    def fits(self, target: Target) -> bool:
        """Whether the rule is for this request and not used up."""
        return (
            self.provider in ("*", target.provider)
            and self.operation in (None, target.operation)
            and (self.recipient is None or fnmatchcase(target.recipient, self.recipient))
            and (self.sender is None or fnmatchcase(target.sender, self.sender))
            and (self.times is None or self.used < self.times)
        )

    def as_json(self) -> dict[str, Any]:
        """The rule as `GET /faults` shows it, without the fields that were left out."""
        values = {name: getattr(self, name) for name in FIELDS}
        return {name: value for name, value in values.items() if value is not None}


FIELDS = tuple(field.name for field in fields(Rule))


class Faults:
    """The rules in force. Falsy when there are none, which is the fast way."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def __bool__(self) -> bool:
        return bool(self.rules)

    def replace(self, given: object) -> None:
        """Put these rules (a list, or one) in place of all others. Raises ValueError naming the mistake."""
        self.rules = [parse(one) for one in (given if isinstance(given, list) else [given])]

    def take(self, target: Target) -> Rule | None:
        """The rule to play for this request; it counts as used."""
        for rule in self.rules:
            if rule.fits(target):
                rule.used += 1
                return rule
        return None


def parse(given: object) -> Rule:
    """One rule from JSON. Raises ValueError with a sentence that names the field and what it must be."""
    if not isinstance(given, dict):
        raise ValueError("A fault rule is a JSON object.")
    unknown = sorted(set(given) - (set(FIELDS) - {"used"}))
    if unknown:
        raise ValueError(f"A fault rule has no field {unknown[0]}. It has: {', '.join(FIELDS[:-1])}.")
    for name, fine, rule in _checks(given):
        if given.get(name) is not None and not fine:
            raise ValueError(f"{name} must be {rule}.")
    if "provider" not in given:
        raise ValueError("provider is missing: acs, twilio, meta, teams, or * for all.")
    return Rule(**given)


def _checks(given: dict[str, Any]) -> Iterable[tuple[str, bool, str]]:
    delay, times, status = given.get("delay"), given.get("times"), given.get("status")
    yield "provider", given.get("provider") in PROVIDERS, f"one of {', '.join(PROVIDERS)}"
    yield "operation", given.get("operation") in OPERATIONS, f"one of {', '.join(OPERATIONS)}"
    yield "kind", given.get("kind") in KINDS, f"one of {', '.join(KINDS)}"
    yield "recipient", isinstance(given.get("recipient"), str), "a text"
    yield "sender", isinstance(given.get("sender"), str), "a text"
    yield "status", _whole(status) and 400 <= int(status or 0) <= 599, "a whole number from 400 to 599"
    yield "code", isinstance(given.get("code"), str) or _whole(given.get("code")), "a whole number or a text"
    yield "retryAfter", isinstance(given.get("retryAfter"), str | int | float), "seconds, or a date as text"
    yield "delay", _number(delay) and 0 <= float(delay or 0) <= LONGEST, f"seconds from 0 to {LONGEST:g}"
    yield "times", _whole(times) and int(times or 0) >= 1, "a whole number from 1"


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> bool:
    return isinstance(value, float) or _whole(value)

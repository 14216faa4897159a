"""What happens after a send that failed: a pure decision by kind of error, attempts and age."""

from dataclasses import dataclass

from messaging.delivery import Outcome, State
from messaging.errors import Ambiguous, ConnectorError, MessageRefused, RecipientRefused

LONGEST_WAIT = 3600.0
"""Seconds: back-off stops growing here. A provider's own Retry-After may be longer."""


@dataclass(frozen=True, slots=True)
class Policy:
    first: float
    """Seconds until the first retry; doubled each time."""
    giveUp: float
    """Seconds after acceptance when the last attempt is made."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A send that failed: `number` counts from 1, `acceptedAt` and `now` are UTC seconds."""

    number: int
    acceptedAt: float
    now: float
    canAsk: bool
    """The provider can tell whether it took a message."""
    asking: bool = False
    """What failed was the question whether an earlier send had arrived."""


def decide(error: ConnectorError, attempt: Attempt, policy: Policy, jitter: float) -> Outcome:
    """The outcome of a failed send. `jitter` is a number from 0 to 1 that spreads retries.

    Permanent errors fail. Ambiguous ones are asked for later where the provider can tell, else they are unknown.
    Everything else waits: exponentially, never shorter than the provider asks; one last attempt is made
    when the message reaches the age at which it is given up.
    """
    message = str(error)
    maybe = isinstance(error, Ambiguous) or attempt.asking
    if isinstance(error, RecipientRefused | MessageRefused):
        return Outcome(State.FAILED, message)
    if maybe and not attempt.canAsk:
        return Outcome(State.UNKNOWN, message)
    last = attempt.acceptedAt + policy.giveUp
    if attempt.now >= last:
        return Outcome(State.UNKNOWN if maybe else State.FAILED, message)
    wait = max(_backoff(attempt.number, policy.first, jitter), error.retryAfter or 0)
    return Outcome(State.DEFERRED, message, at=min(attempt.now + wait, last), ask=maybe)


def _backoff(number: int, first: float, jitter: float) -> float:
    """Doubling from `first`, half of it spread by chance."""
    whole = min(first * 2.0 ** min(number - 1, 20), LONGEST_WAIT)
    return whole * (0.5 + 0.5 * jitter)

"""For which mandate the code acts right now, so that what it logs reaches that mandate's people and no others.

The doors (a call, a queue message, a timer) begin with nobody; whoever has read a mandateId says so. Tasks and
threads that are started meanwhile inherit it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from messaging.models import MandateId

logger = logging.getLogger(__name__)

_mandate: ContextVar[MandateId | None] = ContextVar("mandate", default=None)


def mandate() -> MandateId | None:
    """The mandate for which we act, None if it is not known."""
    return _mandate.get()


def act_for(mandateId: MandateId) -> None:
    """From here on, until the block around it ends, we act for this mandate."""
    _mandate.set(mandateId)


@contextmanager
def acting_for(mandateId: MandateId | None) -> Iterator[None]:
    """Within the block we act for this mandate, or for one that `act_for` names later."""
    token = _mandate.set(mandateId)
    try:
        yield
    finally:
        _mandate.reset(token)


@contextmanager
def door(name: str) -> Iterator[None]:
    """Around one invocation of a function: what escapes it is logged for its mandate; the host only counts it."""
    with acting_for(None):
        try:
            yield
        except Exception:
            logger.exception("The function %s failed", name)
            raise

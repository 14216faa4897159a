"""Who may do what, as one table. Source: concept, "RBAC-Berechtigungsmodell".

Service, registry and history ask here; routes do not. Role refusals come before look-ups, so that they tell
nothing about what exists. Everything is within the principal's mandate: an Admin's is the one that was named.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum, auto

from messaging.errors import Forbidden
from messaging.models import MandateId


class Role(IntEnum):
    """Each role may do what the lower ones may."""

    USER = 1
    MANDATE_ADMIN = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: made by identity.py only. `session` is what rate limits count by."""

    userId: str
    mandateId: MandateId
    role: Role
    session: str


class Action(Enum):
    READ_SUBSCRIPTIONS = auto()
    CHANGE_SUBSCRIPTION = auto()
    CHANGE_SYSTEM_SUBSCRIPTION = auto()
    TRIGGER = auto()
    OWN_REGISTRATIONS = auto()
    READ_ALL_REGISTRATIONS = auto()
    OWN_DELIVERIES = auto()
    READ_ALL_DELIVERIES = auto()
    READ_EXECUTIONS = auto()
    READ_AUDIT = auto()


LOWEST: dict[Action, Role] = {
    Action.READ_SUBSCRIPTIONS: Role.USER,
    Action.CHANGE_SUBSCRIPTION: Role.MANDATE_ADMIN,
    Action.CHANGE_SYSTEM_SUBSCRIPTION: Role.ADMIN,
    Action.TRIGGER: Role.MANDATE_ADMIN,
    Action.OWN_REGISTRATIONS: Role.USER,
    Action.READ_ALL_REGISTRATIONS: Role.MANDATE_ADMIN,
    Action.OWN_DELIVERIES: Role.USER,
    Action.READ_ALL_DELIVERIES: Role.MANDATE_ADMIN,
    Action.READ_EXECUTIONS: Role.MANDATE_ADMIN,
    Action.READ_AUDIT: Role.MANDATE_ADMIN,
}


def may(principal: Principal, action: Action) -> bool:
    return principal.role >= LOWEST[action]


def require(principal: Principal, action: Action) -> None:
    """Raise Forbidden if the principal's role may not do this at all."""
    if not may(principal, action):
        raise Forbidden("Your role may not do this")

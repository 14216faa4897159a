"""Print a bearer token for local life: `make token USER=alice MANDATE=m1 ROLE=user|mandate-admin|admin`."""

import argparse
import sys
import time

from dev.stack import local_key
from messaging.access import Principal, Role
from messaging.identity import local_token
from messaging.models import MANDATE_ID, MandateId

ROLES = {"user": Role.USER, "mandate-admin": Role.MANDATE_ADMIN, "admin": Role.ADMIN}
DAY = 24 * 3600


def token(userId: str, mandateId: str, role: str) -> str:
    """A token that the local host takes, valid for a day."""
    principal = Principal(userId, MandateId(mandateId), ROLES[role], f"{mandateId}-{userId}")
    return local_token(local_key(), principal, time.time() + DAY)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make token", description=__doc__)
    parser.add_argument("--user", required=True, help="USER: who the token speaks for")
    parser.add_argument("--mandate", required=True, help="MANDATE: the tenant")
    parser.add_argument("--role", required=True, choices=ROLES, help="ROLE")
    given = parser.parse_args()
    if not MANDATE_ID.fullmatch(given.mandate) or not given.user:
        sys.exit("USER must not be empty and MANDATE must be letters, digits and . _ : @ + -")
    print(token(given.user, given.mandate, given.role))


if __name__ == "__main__":
    main()

"""Azure's own login (App Service authentication, "Easy Auth"): it checks the caller and adds a header.

The header is believed because settings.py refuses MESSAGING_AUTH=easyauth where Azure does not say that its login
is on: only then does Azure take the header away from what a caller sends.
Source: learn.microsoft.com, "Work with user identities in Azure App Service authentication".
"""

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from messaging.errors import InvalidToken, Unauthenticated

HEADER = "x-ms-client-principal"
LONGEST = 65_536

_SHORT = {
    "http://schemas.microsoft.com/identity/claims/objectidentifier": "oid",
    "http://schemas.microsoft.com/identity/claims/tenantid": "tid",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier": "sub",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/role": "roles",
}
"""Names that .NET gives to the token's claims on the way."""


class EasyAuth:
    """What Azure's login says about the caller; bearer tokens are not looked at."""

    async def claims(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """The claims by Azure's names and by the token's own; one that stands several times as a list.

        Raises Unauthenticated without the header, InvalidToken if it cannot be read.
        """
        text = headers.get(HEADER)
        if not text:
            raise Unauthenticated("Nobody is signed in")
        document = _decoded(text)
        pairs = document.get("claims") if isinstance(document, dict) else None
        if not isinstance(pairs, list):
            raise InvalidToken("Azure's login sent no claims")
        found: dict[str, Any] = {}
        for pair in pairs:
            if not (isinstance(pair, dict) and all(isinstance(pair.get(one), str) for one in ("typ", "val"))):
                raise InvalidToken("Azure's login sent a claim without type or value")
            name: str = pair["typ"]
            short = "roles" if name == document.get("role_typ") else _SHORT.get(name, name)
            for one in {name, short}:  # settings may name either
                found.setdefault(one, []).append(pair["val"])
        return {name: values if len(values) > 1 else values[0] for name, values in found.items()}

    async def ready(self) -> None:
        """Azure answers for it."""


def _decoded(text: str) -> Any:
    try:
        if len(text) > LONGEST:
            raise ValueError
        return json.loads(b64decode(text, validate=True))
    except (ValueError, RecursionError):
        raise InvalidToken("What Azure's login sent cannot be read") from None

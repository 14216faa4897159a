"""One local server that answers as the four providers do, so that the real SDKs run without an account.

It serves Azure Communication Services e-mail (`acs.py`), Twilio SMS (`twilio.py`), the WhatsApp Cloud API of
Meta (`meta.py`) and Teams, that is Bot Connector (`teams.py`) with its Entra login (`entra.py`). What a
provider takes lands in an inbox that programs read at `/messages` and people at `/`. Local only, never
deployed; nothing leaves the machine.

Read in this order: `recipients.py` (addresses that fail on purpose), `exchange.py` (what the providers share),
one provider, `faults.py` (failing on demand), `handling.py` (the order in which every request is treated),
`server.py` (the routes, and serving).

In a terminal: `python -m dev.sandbox`. In a test:

    sandbox = Sandbox()
    async with serve(sandbox) as served:
        ...  # talk to served.url
    assert [message.recipient for message in sandbox.inbox.messages] == ["alice@example.com"]
"""

from dev.sandbox.server import Served, create_app, serve
from dev.sandbox.state import Sandbox

__all__ = ["Sandbox", "Served", "create_app", "serve"]

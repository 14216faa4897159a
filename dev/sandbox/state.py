"""Everything a running sandbox knows, in one object."""

import time
from collections import OrderedDict

from dev.sandbox.faults import Faults
from dev.sandbox.records import Inbox, RequestLog

MOST_MESSAGES = 50_000
MOST_BYTES = 512 * 1024 * 1024
MOST_REQUESTS = 200_000
WINDOW_SECONDS = 24 * 3600
EVERYBODY = "*"


class Recent(OrderedDict[str, str]):
    """Names to values, at most `most` of them; the oldest goes first."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def remember(self, name: str, value: str) -> None:
        """Add or replace one."""
        self[name] = value
        if len(self) > self.most:
            self.popitem(last=False)


class Sandbox:
    """The state behind the server. One event loop uses it; it needs no locks.

    `check_signature=False` is for a proxy in front that rewrites the JSON body, as Prism does: ACS's
    signature over the bytes cannot hold then. `window_open=True` starts with the WhatsApp window open for
    everybody.
    """

    def __init__(self, *, check_signature: bool = True, window_open: bool = False) -> None:
        self.check_signature = check_signature
        self.inbox = Inbox(MOST_MESSAGES, MOST_BYTES)
        self.requests = RequestLog(MOST_REQUESTS)
        self.faults = Faults()
        self.operations = Recent(MOST_REQUESTS)  # ACS: operation id -> the status a look-up answers
        self.conversations = Recent(MOST_REQUESTS)  # Teams: conversation id -> person
        self.sms = Recent(MOST_MESSAGES)  # Twilio: message SID -> index in the inbox
        self.inbound: dict[str, float] = {}  # WhatsApp: number, or * -> UTC seconds of the last message from there
        if window_open:
            self.wrote(EVERYBODY)

    def wrote(self, number: str, at: float | None = None) -> None:
        """Note that this person (E.164, or * for everybody) has written to us, which opens the 24-hour window."""
        self.inbound[number] = time.time() if at is None else at

    def window(self, number: str) -> bool:
        """Whether this person has written within 24 hours, so that free text may be sent."""
        last = max(self.inbound.get(number, 0.0), self.inbound.get(EVERYBODY, 0.0))
        return time.time() - last < WINDOW_SECONDS

    def clear(self) -> None:
        """Forget all: messages, requests, faults and what the providers know. Indexes go on."""
        self.inbox.clear()
        self.requests.clear()
        self.faults.rules = []
        for recent in (self.operations, self.conversations, self.sms):
            recent.clear()
        self.inbound.clear()

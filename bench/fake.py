"""`python -m bench.fake`: the providers as lean as they can be, so that they are never the bottleneck.

It answers `POST /emails:send` as ACS and `POST …/Messages.json` as Twilio does when all goes well, and checks
nothing; the sandbox (dev/sandbox) is the one that checks. `GET /latency/50` sets the answer's delay in
milliseconds and forgets what came before, `GET /seen` tells how many messages came, and when.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from uuid import uuid4


@dataclass
class Seen:
    latency: float = 0.0
    count: int = 0
    first: float = 0.0
    last: float = 0.0

    def forget(self, latency: float) -> None:
        self.latency, self.count, self.first, self.last = latency, 0, 0.0, 0.0

    def note(self) -> None:
        self.last = time.time()
        self.first = self.first or self.last
        self.count += 1


class Provider(asyncio.Protocol):
    """One connection. A request is complete when its head and its Content-Length bytes are there."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end]
            whole = end + 4 + int(_header(head, b"content-length") or 0)
            if len(self._read) < whole:
                return
            self._read = self._read[whole:]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        path = head.split(b" ", 2)[1]
        if path.startswith(b"/emails:send"):
            self._seen.note()
            operation = _header(head, b"operation-id").decode() or str(uuid4())
            self._later(_reply(202, {"id": operation, "status": "Succeeded", "error": None}))
        elif path.endswith(b"/Messages.json"):
            self._seen.note()
            self._later(_reply(201, {"sid": f"SM{uuid4().hex}", "status": "queued"}))
        elif path.startswith(b"/latency/"):
            self._seen.forget(int(path[9:]) / 1000)
            self._transport.write(_reply(200, {}))
        else:
            seen = {"count": self._seen.count, "first": self._seen.first, "last": self._seen.last}
            self._transport.write(_reply(200, seen))

    def _later(self, reply: bytes) -> None:
        if self._seen.latency:
            asyncio.get_running_loop().call_later(self._seen.latency, self._transport.write, reply)
        else:
            self._transport.write(reply)


def _header(head: bytes, name: bytes) -> bytes:
    lower = head.lower()
    at = lower.find(b"\r\n" + name + b":")
    if at < 0:
        return b""
    start = at + len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else len(head)].strip()


def _reply(status: int, body: object) -> bytes:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


async def _serve(ended: Callable[[], bool]) -> None:
    seen = Seen()
    server = await asyncio.get_running_loop().create_server(lambda: Provider(seen), "127.0.0.1", 0, backlog=2048)
    print(f"ready http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    while not ended():
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    import uvloop

    from dev.processes import parent_has_gone

    sys.exit(uvloop.run(_serve(parent_has_gone)))

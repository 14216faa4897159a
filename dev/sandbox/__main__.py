"""`python -m dev.sandbox`: serve the sandbox until SIGTERM or SIGINT, or until whoever started it is gone.

Prints one line when it serves: `ready http://127.0.0.1:7080`, and the https address behind it where TLS is
on.
"""

import argparse
import asyncio
import errno
import gc
import os
import signal
import sys
from pathlib import Path

from dev.sandbox import Sandbox, recipients, serve

PARENT_CHECK_SECONDS = 0.5
DEFAULT_STATE = Path(".local/sandbox")


def main() -> int:
    """Run until told to end. Exit code 1 when a port is in use."""
    options = _parser().parse_args()
    gc.freeze()  # what is loaded now stays, and the collector need not look at it for every batch of messages
    try:
        asyncio.run(_run(options))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        ports = f"port {options.port}" + (f" or {options.tls_port}" if options.tls_port is not None else "")
        print(f"The sandbox cannot start: {ports} is in use. Choose another, 0 picks a free one.", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dev.sandbox",
        description="Answers as ACS, Twilio, Meta and Teams do, on 127.0.0.1, and shows what was sent.",
        epilog=recipients.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=7080, help="port for http; 0 picks a free one (7080)")
    parser.add_argument(
        "--tls-port", type=int, help="port for https, which the Teams login needs; 0 picks a free one"
    )
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, help="directory for ca.pem (%(default)s)")
    parser.add_argument(
        "--window-open", action="store_true", help="WhatsApp: act as if everybody had just written"
    )
    return parser


async def _run(options: argparse.Namespace) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    _watch_parent(os.getppid(), ended)
    sandbox = Sandbox(window_open=options.window_open)
    async with serve(sandbox, options.port, options.tls_port, options.state) as served:
        print("ready", *filter(None, (served.url, served.login_url)), flush=True)
        await ended.wait()


def _watch_parent(parent: int, ended: asyncio.Event) -> None:
    """Set `ended` once the process that started us is gone (we then belong to another); else look again."""
    if os.getppid() != parent:
        ended.set()
    else:
        asyncio.get_running_loop().call_later(PARENT_CHECK_SECONDS, _watch_parent, parent, ended)


if __name__ == "__main__":
    sys.exit(main())

"""Command line of the local host: `python -m dev.host --help`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from dev.host.app import Options, run
from dev.host.errors import HostError
from dev.processes import ROOT

STATE = ROOT / ".local" / "host"


def main() -> None:
    """Serve until SIGTERM, SIGINT or the end of the parent; exit code 0, or 1 when the app cannot be served."""
    options = _options()
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
    )
    logging.getLogger("azure").setLevel(logging.WARNING)
    try:
        ended = asyncio.run(run(options))
    except HostError as error:
        sys.exit(f"dev.host: {error}")
    if not ended:
        logging.getLogger("host").warning("stopped with functions still running")
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)  # as in Azure: nobody asks the app to close, and a function's thread cannot be ended otherwise


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m dev.host", description="Run the function app locally.")
    parser.add_argument(
        "--app", type=Path, default=ROOT, help="folder of function_app.py (default: repository root)"
    )
    parser.add_argument("--port", type=int, default=7071, help="HTTP port on 127.0.0.1, 0 for a free one (7071)")
    parser.add_argument("--no-http", action="store_true", help="serve queues and timers only")
    parser.add_argument("--state", type=Path, default=STATE, help=f"folder for what timers remember ({STATE})")
    parser.add_argument("--message-lease", type=_seconds, help="lease of a received message in seconds (600)")
    parser.add_argument("--visibility-timeout", type=_seconds_or_0, help="seconds between two tries (host.json)")
    parser.add_argument("--max-polling", type=float, help="longest pause at an empty queue in seconds (2)")
    parser.add_argument("--shutdown-grace", type=float, default=10.0, help="seconds for what runs to end (10)")
    parser.add_argument("--timers-every", type=_seconds, help="run every timer at this interval, in seconds")
    given = parser.parse_args()
    return Options(
        app=given.app.resolve(),
        port=None if given.no_http else given.port,
        state=given.state.resolve(),
        message_lease=given.message_lease,
        visibility_timeout=given.visibility_timeout,
        max_polling=given.max_polling,
        shutdown_grace=given.shutdown_grace,
        timers_every=given.timers_every,
    )


def _seconds(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _seconds_or_0(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return value


if __name__ == "__main__":
    main()

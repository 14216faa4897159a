"""Start everything, play the scenes, end with 0, or with 1 if anything is not as it should be."""

import argparse
import asyncio
import signal
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from dev import pictures
from dev.client import Client
from dev.demo import crowd, digest, functions, journal, later, people, ways
from dev.demo.scene import Scene
from dev.processes import ChildFailed, PortBusy
from dev.stack import LOCAL, Layout, Stack, restart, start
from messaging.bootstrap import build
from messaging.settings import Settings

MANDATE = "demo"
APP = LOCAL / "demo" / "app"

PACE = {
    "MESSAGING_RATE_LIMIT_SESSION": "6000",
    "MESSAGING_RATE_LIMIT_STORAGE": "memory",
    "MESSAGING_ERROR_DIGEST_MARGIN_SECONDS": "1",
}
"""The demo looks more often than a person does, has one instance, and waits for no error that comes late."""


@dataclass
class Stage:
    console: Console
    stack: ExitStack
    log: list[str] = field(default_factory=list)

    def start(self) -> Stack:
        """Start storage, sandbox and host; on a terminal in one line that changes."""
        with self.console.status("Starting") as status:

            def say(text: str) -> None:
                status.update(text)
                if not self.console.is_terminal:
                    self.console.print(text)

            layout = Layout(app=functions.copy_app(APP))
            return start(self.stack, layout, say, self.log.append, **PACE)


async def _play(stage: Stage, running: Stack) -> list[str]:
    given: dict[str, Any] = {**running.settings}
    async with Client(running, MANDATE) as client:
        product = build(Settings(**given))
        try:
            scene = Scene(stage.console, client, product)
            await people.play(scene)
            await crowd.play(scene)
            await later.play(scene, APP, lambda: restart(running))
            await ways.play(scene)
            await digest.play(scene)
            await journal.play(scene)
        finally:
            await product.close()
        return scene.wrong


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="python -m dev.demo", description=__doc__)
    parser.add_argument("--picture", type=Path, help="save there how the sandbox's page looks in the end (PNG)")
    picture = parser.parse_args().picture
    console = Console()
    try:
        with ExitStack() as stack:
            stage = Stage(console, stack)
            running = stage.start()
            wrong = asyncio.run(_play(stage, running))
            if picture:
                pictures.photograph_page(running.sandbox, picture.resolve())
    except (ChildFailed, PortBusy) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Stopped; everything that was started is ended.")
    except Exception:
        console.print("\n".join(stage.log[-40:]), soft_wrap=True)
        raise
    if wrong:
        console.print("\n".join(stage.log[-40:]), soft_wrap=True)
        sys.exit("Not as it should be:\n- " + "\n- ".join(wrong))
    console.print("\nAll as it should be.")


if __name__ == "__main__":
    main()

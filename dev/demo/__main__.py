"""Start everything, play the scenes, end with 0, or with 1 if anything is not as it should be."""

import asyncio
import signal
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field

from rich.console import Console

from dev.client import Client
from dev.demo import crowd, later, people
from dev.demo.scene import Scene
from dev.processes import ChildFailed, PortBusy
from dev.stack import LOCAL, Layout, Stack, restart, start

MANDATE = "demo"
APP = LOCAL / "demo" / "app"

PACE = {"MESSAGING_RATE_LIMIT_SESSION": "6000", "MESSAGING_RATE_LIMIT_STORAGE": "memory"}
"""The demo looks more often than a person does, and has one instance."""


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

            layout = Layout(app=later.copy_app(APP))
            return start(self.stack, layout, say, self.log.append, **PACE)


async def _play(stage: Stage, running: Stack) -> list[str]:
    async with Client(running, MANDATE) as client:
        scene = Scene(stage.console, client)
        await people.play(scene)
        await later.play(scene, APP, lambda: restart(running))
        await crowd.play(scene)
        return scene.wrong


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console()
    try:
        with ExitStack() as stack:
            stage = Stage(console, stack)
            wrong = asyncio.run(_play(stage, stage.start()))
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

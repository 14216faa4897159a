"""Pictures of the mails, from example data, as a browser shows them: `python -m dev.pictures`.

Writes docs/pictures/*.png. With a folder, `python -m dev.pictures FOLDER` writes them there as they look on a wide
and a narrow window, in light and dark mode. `python -m dev.demo --picture docs/pictures/sandbox.png` makes that of
the sandbox's page after the demo. Needs Chromium; the program is CHROMIUM, if it is not `chromium`.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from messaging import ids
from messaging.content import Content
from messaging.models import MessagingChannel, MessagingEventParameters, MessagingSubscriptionRegistration
from messaging.outbox import Outbox
from subscriptions import subSubscriptionAuditLogin, subSubscriptionSystemErrors

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
NOW = 1_795_501_740.0
"""24 Nov 2026, 06:29 UTC."""

FUNCTIONS = {"system-errors": subSubscriptionSystemErrors, "audit-login": subSubscriptionAuditLogin}

TRACE = """Traceback (most recent call last):
  File "/app/billing/invoices.py", line 212, in close
    total = await self.ledger.total(invoice)
  File "/app/billing/ledger.py", line 88, in total
    async with self.pool.acquire(timeout=30) as connection:
  File "/app/.venv/lib/python3.13/site-packages/asyncpg/pool.py", line 861, in _acquire
    return await asyncio.wait_for(_acquire_impl(), timeout=timeout)
  File "/usr/lib/python3.13/asyncio/tasks.py", line 507, in wait_for
    async with timeouts.timeout(timeout):
  File "/usr/lib/python3.13/asyncio/timeouts.py", line 116, in __aexit__
    raise TimeoutError from exc_val
TimeoutError"""

EXAMPLES: dict[str, dict[str, Any]] = {
    "system-errors": {
        "timestamp": NOW,
        "errors": [
            *(
                {
                    "level": "ERROR",
                    "source": "billing.invoices",
                    "message": f"Invoice {4700 + number} not closed: no database connection within 30 s",
                    "timestamp": NOW - 12_000 + 500 * number,
                    "trace": TRACE,
                }
                for number in range(1, 22)
            ),
            {
                "level": "WARNING",
                "source": "connectors.acs",
                "message": "429 Too Many Requests from the e-mail provider, next try in 60 s",
                "count": 9,
                "first": "2026-11-24T01:02:00Z",
                "last": "2026-11-24T05:47:00Z",
            },
            *(
                {
                    "level": "CRITICAL",
                    "source": "storage.tables",
                    "message": f"Mandate {mandate}: write refused, the account is over its limit <503>",
                    "timestamp": NOW - 800,
                }
                for mandate in ("m17", "m4", "m230")
            ),
            "Unexpected answer from https://hooks.example.com/intake: <html><body>Bad gateway</body></html>",
        ],
    },
    "audit-login": {
        "eventType": "login",
        "userId": "mara.keller@example.com",
        "timestamp": NOW,
        "details": {
            "ip": "203.0.113.47",
            "location": "Zürich, Switzerland",
            "device": "iPhone 17, iOS 20.1",
            "userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 20_1 like Mac OS X) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Version/20.1 Mobile/15E148 Safari/604.1",
            "method": "Password and authenticator app",
        },
    },
}
"""The trigger's data of each picture's mail."""


class _Everything:
    """Every channel takes everything."""

    def check(self, channel: MessagingChannel, content: Content) -> None: ...


def message(name: str, data: dict[str, Any], channel: MessagingChannel = MessagingChannel.EMAIL) -> Content:
    """What one of FUNCTIONS sends over a channel when it is triggered with `data`."""
    registration = MessagingSubscriptionRegistration(
        id="r",
        subscriptionId="S",
        userId="alice",
        channel=channel,
        channelConfig="alice@example.com",
        creationDate=NOW,
        lastModified=NOW,
    )
    outbox = Outbox(ids.execution_id(NOW), [registration], _Everything())
    event = MessagingEventParameters(triggerData=data)
    FUNCTIONS[name].execute(event, [registration], outbox)
    return Content.from_json(*outbox.contents().values())


def photograph(html: str, target: Path, width: int = 680, *, dark: bool = False) -> None:
    """Save how a browser window of this width shows a mail, down to the mail's end."""
    with tempfile.TemporaryDirectory() as folder:
        mail, frame = Path(folder, "mail.html"), Path(folder, "frame.html")
        mail.write_text(html)
        frame.write_text(
            "<!doctype html><body style='margin:0'><iframe src='mail.html' style='display:block;border:0;"
            f"width:{width}px;height:200px' onload='document.title = this.style.height = "
            'this.contentDocument.documentElement.scrollHeight + "px"\'></iframe>'
        )
        mode = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        switches = [mode, "--allow-file-access-from-files", frame.as_uri()]
        height = re.search(r"<title>(\d+)px</title>", _chromium(folder, "--dump-dom", *switches))
        if height is None:
            raise RuntimeError("Chromium did not tell how high the mail is")
        _chromium(folder, f"--screenshot={target}", f"--window-size={width},{height[1]}", *switches)


def photograph_page(url: str, target: Path, size: tuple[int, int] = (1000, 760)) -> None:
    """Save how a browser window of this size, width and height, shows a page on this machine."""
    with tempfile.TemporaryDirectory() as folder:
        window = f"--window-size={size[0]},{size[1]}"
        _chromium(folder, "--blink-settings=preferredColorScheme=1", f"--screenshot={target}", window, url)


def _chromium(folder: str, *switches: str) -> str:
    """Run Chromium once, with a profile of its own, and answer what it writes."""
    quiet = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking "
    quiet += "disable-component-update disable-sync hide-scrollbars force-device-scale-factor=2"
    command = [os.environ.get("CHROMIUM", "chromium"), *(f"--{one}" for one in quiet.split())]
    profile = f"--user-data-dir={folder}/profile"
    done = subprocess.run([*command, profile, *switches], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def main() -> None:
    """Make the pictures."""
    for name, data in EXAMPLES.items():
        html = message(name, data).html
        if len(sys.argv) == 1:
            photograph(html, PICTURES / f"{name}.png")
            continue
        for width in (680, 400):
            for dark in (False, True):
                look = Path(sys.argv[1], f"{name}-{width}-{'dark' if dark else 'light'}.png")
                photograph(html, look.resolve(), width, dark=dark)


if __name__ == "__main__":
    main()

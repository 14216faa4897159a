"""`python -m bench [--quick] [--rounds N] [PART …]`: measure, print what came out, write JSON, plot and page.

What is measured replaces what an earlier run has measured of the same part; other parts stay. A quick run writes
to .local/bench, a full one to docs/performance and into docs/performance.md.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import report, tables
from bench.celery_way import Missing, redis_server
from bench.measure import rounded
from bench.parts import FULL, PARTS, QUICK, Size
from bench.plot import draw
from bench.site import site
from dev.processes import ROOT

PAGE = ROOT / "docs" / "performance.md"


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


async def measure(parts: list[str], size: Size, file: Path) -> dict[str, Any]:
    """Measure the parts; each is in the file as soon as it is measured."""
    results: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    runs = results.setdefault("runs", {})
    async with site() as here:
        for name in parts:
            began = {"at": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "load": os.getloadavg()[0]}
            results[name] = rounded(await PARTS[name](here, size, say))
            runs[name] = rounded({**began, "cores": os.cpu_count(), "python": platform.python_version()})
            results["goals"] = report.goals(results)
            file.write_text(json.dumps(results, indent=1) + "\n")
    return results


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all without any")
    parser.add_argument("--quick", action="store_true", help="few messages and one round, in .local/bench")
    parser.add_argument("--rounds", type=int, help="how often each way is measured")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    try:
        redis_server()
    except Missing as error:
        sys.exit(str(error))
    size = QUICK if given.quick else FULL
    size = replace(size, rounds=given.rounds or size.rounds)
    folder = ROOT / ".local" / "bench" if given.quick else ROOT / "docs" / "performance"
    folder.mkdir(parents=True, exist_ok=True)
    results = asyncio.run(measure(given.parts or list(PARTS), size, folder / "bench.json"))
    if "ways" in results:
        draw(results["ways"], folder / "bench.svg")
    if not given.quick:
        PAGE.write_text(tables.into(PAGE.read_text(), results))
    print(tables.text(results))
    print(f"written: {folder}", file=sys.stderr)


if __name__ == "__main__":
    main()

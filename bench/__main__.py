"""`python -m bench [--quick] [PART …]`: measure, print one table, write JSON and the plot."""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from bench import report
from bench.celery_way import Missing, redis_server
from bench.measure import rounded
from bench.parts import FULL, PARTS, QUICK
from bench.plot import draw
from bench.site import site
from dev.processes import ROOT


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


async def measure(parts: list[str], quick: bool) -> dict[str, Any]:
    async with site() as here:
        return {name: rounded(await PARTS[name](here, QUICK if quick else FULL, say)) for name in parts}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all without any")
    parser.add_argument("--quick", action="store_true", help="few messages and one round, in .local/bench")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    try:
        redis_server()
    except Missing as error:
        sys.exit(str(error))
    folder = ROOT / ".local" / "bench" if given.quick else ROOT / "docs" / "performance"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "bench.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    results |= asyncio.run(measure(given.parts or list(PARTS), given.quick))
    results["goals"] = report.goals(results)
    _write(folder, file, results)
    print("\n".join(report.table(results)))


def _write(folder: Path, file: Path, results: dict[str, Any]) -> None:
    file.write_text(json.dumps(results, indent=1) + "\n")
    if "ways" in results:
        draw(results["ways"], folder / "bench.svg")
    print(f"written: {file}", file=sys.stderr)


if __name__ == "__main__":
    main()

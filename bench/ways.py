"""Messages a second, side by side: every way in turn, round after round, on the same fake and the same Azurite."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench import celery_way, product
from bench.measure import Sample, summary
from bench.site import Site
from dev.processes import python_module

IN_FLIGHT = {"email": 576, "sms": 16}
"""What the product has at most: (batchSize + newBatchThreshold) batches of 48 e-mails, one group of 16 SMS."""

WAYS = ("literal", "reused", "celery", "product", "ceiling", "bare")
SEQUENTIAL = ("literal", "reused")
SMALL_ONLY = (*SEQUENTIAL, "celery")


async def alone(site: Site, way: str, channel: str, count: int) -> Sample:
    """A way that is one process (alone.py)."""
    command = python_module("bench.alone", way, channel, str(count), str(IN_FLIGHT[channel]))
    settings = {**os.environ, **site.settings(site.account())}
    ended = subprocess.run(command, env=settings, stdout=subprocess.PIPE, text=True, check=True)
    used = json.loads(ended.stdout)
    return Sample(used["seconds"], used["cpu"], count)


async def once(site: Site, way: str, channel: str, count: int, latency: int) -> Sample:
    if way == "product":
        return (await product.measure(site, channel, count, latency))[0]
    if way == "celery":
        return await celery_way.measure(site, channel, count, latency)
    await site.forget(latency)
    return await alone(site, way, channel, count)


@dataclass(frozen=True)
class Block:
    """Ways that are compared with each other, each with its number of recipients."""

    channel: str
    latency: int
    counts: dict[str, int]

    async def measure(self, site: Site, rounds: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
        """A row a way. Each round runs all of them, so that what slows the machine slows them all."""
        samples: dict[str, list[Sample]] = {way: [] for way in self.counts}
        for number in range(rounds):
            for way, count in self.counts.items():
                sample = await once(site, way, self.channel, count, self.latency)
                samples[way].append(sample)
                what = f"{self.channel} {self.latency} ms, round {number + 1}: {way}"
                say(f"{what} {sample.rate:,.0f}/s, {sample.micros:,.0f} µs")
        return [
            {
                "way": way,
                "channel": self.channel,
                "latency": self.latency,
                "recipients": self.counts[way],
                "rate": summary([sample.rate for sample in of]),
                "cpu": summary([sample.micros for sample in of]),
            }
            for way, of in samples.items()
        ]

"""Celery with Redis: two workers, set up as its documentation advises for the wait at hand."""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from bench.measure import Sample, cpu
from bench.records import Records
from bench.site import Site
from dev.processes import Child, python_module

FORKED = (("--pool=prefork", "--concurrency=2"),)
"""For work that computes: a process a core."""
THREADED = (("--pool=threads", "--concurrency=16"),) * 2
"""For work that waits: sixteen threads in each of two processes."""
OPTIONS = ("--without-gossip", "--without-mingle", "--without-heartbeat")


class Missing(RuntimeError):
    """Something that has to be installed first."""


def redis_server() -> str:
    """The path of redis-server. Raises Missing."""
    found = shutil.which("redis-server")
    if found is None:
        raise Missing("redis-server is missing; install it (Debian: apt-get install redis-server)")
    return found


async def measure(site: Site, channel: str, count: int, latency: int) -> Sample:
    """One run on workers that have worked before; CPU of the workers and of the process that triggers."""
    async with _workers(site, latency) as (settings, workers):
        await site.forget(0)
        await _run(site, settings, (channel, 40), 40)
        await site.forget(latency)
        used = sum(cpu(worker.pid) for worker in workers)
        seconds, triggering = await _run(site, settings, (channel, count), 40 + count)
        return Sample(seconds, sum(cpu(worker.pid) for worker in workers) - used + triggering, count)


@asynccontextmanager
async def _workers(site: Site, latency: int) -> AsyncIterator[tuple[dict[str, str], list[Child]]]:
    with ExitStack() as stack:
        socket = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "redis"
        command = [redis_server(), "--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no"]
        redis = stack.enter_context(Child("redis-server", command))
        redis.wait_line("eady to accept connections")
        settings = {**site.settings(site.account()), "BROKER": f"redis+socket://{socket}"}
        workers = [
            stack.enter_context(Child(f"Celery worker {n}", _worker(n, pool), settings))
            for n, pool in enumerate(THREADED if latency else FORKED)
        ]
        for worker in workers:
            worker.wait_line("worker is ready")
        yield settings, workers


async def _run(site: Site, settings: dict[str, str], what: tuple[str, int], recorded: int) -> tuple[float, float]:
    """Trigger, and wait until so many are recorded in all; seconds of all of it, CPU seconds of the trigger."""
    command = python_module("bench.tasks", what[0], str(what[1]))
    ended = subprocess.run(command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True, check=True)
    triggered = json.loads(ended.stdout)
    await site.arrived(what[1])
    records = Records(settings["AzureWebJobsStorage"])
    while records.count_sent() < recorded:
        await asyncio.sleep(0.05)
    return time.time() - triggered["began"], triggered["cpu"]


def _worker(number: int, pool: tuple[str, str]) -> list[str]:
    return python_module("celery", "-A", "bench.tasks", "worker", *OPTIONS, *pool, "-n", f"w{number}")

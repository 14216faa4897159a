"""The same job for Celery: PENDING records a hundred at a time, a task a message, SENT by the task.

Written as its documentation advises: no result back end, late acknowledgement, a client a process.
`BROKER` is the address of Redis; the other settings are the product's.
"""

import json
import os
import sys
import time
from functools import cache
from typing import Any

from celery import Celery, group
from celery.signals import worker_ready

from bench.people import recipients

app = Celery("bench", broker=os.environ["BROKER"])
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=16,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)


@worker_ready.connect  # type: ignore[untyped-decorator]
def tell(**_: Any) -> None:
    print("worker is ready", flush=True)


@cache
def records() -> Any:
    from bench.records import Records
    from messaging.settings import Settings

    storage = Settings.from_environment().storage_connection
    assert storage is not None
    return Records(storage.get_secret_value())


@cache
def sender(channel: str) -> Any:
    from bench.alone import SENDERS

    return SENDERS[channel]()


@app.task(name="send")  # type: ignore[untyped-decorator]
def send(channel: str, address: str, deliveryId: str) -> None:
    sender(channel)(address)
    records().sent(deliveryId)


def trigger(channel: str, count: int) -> None:
    """What the web process does."""
    people = recipients(channel, count)
    ids = records().all_pending(people, channel)
    group(send.s(channel, one.address, id) for one, id in zip(people, ids, strict=True)).apply_async()


def main() -> None:
    """`python -m bench.tasks CHANNEL COUNT`: trigger once; prints when it began and the CPU that it took."""
    records()
    began, used = time.time(), time.process_time()
    trigger(sys.argv[1], int(sys.argv[2]))
    print(json.dumps({"began": began, "cpu": time.process_time() - used}))


if __name__ == "__main__":
    main()

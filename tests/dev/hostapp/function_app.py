"""A function app that shows what the local host does with it: HTTP answers, queue and timer calls as lines of a
file.

Each call appends JSON lines to the file in HOSTAPP_RECORD. Settings: HOSTAPP_QUEUE names the queue,
HOSTAPP_CRON the timer's schedule.
"""

import asyncio
import base64
import json
import os
import time
from typing import Any

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def record(event: str, **facts: Any) -> None:
    """Append one line; a single write, so that several processes may share the file."""
    line = json.dumps({"event": event, "pid": os.getpid(), "at": time.time(), **facts})
    with open(os.environ["HOSTAPP_RECORD"], "a", encoding="utf-8") as file:
        file.write(line + "\n")


@app.route(route="echo/{*rest}")
def echo(req: func.HttpRequest) -> func.HttpResponse:
    """Answer with everything that arrived."""
    seen = {
        "method": req.method,
        "url": req.url,
        "headers": dict(req.headers),
        "params": dict(req.params),
        "route": dict(req.route_params),
        "body": base64.b64encode(req.get_body()).decode(),
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json", headers={"X-Seen": "yes"})


@app.route(route="items/{id}/{part?}", methods=["GET"])
async def items(req: func.HttpRequest) -> func.HttpResponse:
    """Answer with the route parameters."""
    return func.HttpResponse(json.dumps(dict(req.route_params)))


@app.route(route="items/first")
def items_z_first(req: func.HttpRequest) -> func.HttpResponse:
    """Never reached with GET: `items` comes before it by name and matches."""
    return func.HttpResponse("z")


@app.route(route="answer")
def answer(req: func.HttpRequest) -> func.HttpResponse:
    """Answer with the status asked for, two cookies and a bytes body."""
    response = func.HttpResponse(
        b"\x00\xff", status_code=int(req.params["status"]), mimetype="application/x-thing"
    )
    response.headers.add("Set-Cookie", "a=1; Path=/; HttpOnly")
    response.headers.add("Set-Cookie", 'b="x y"; Path=/; Max-Age=60; Secure; SameSite=Lax')
    return response


@app.route(route="fail")
def fail(req: func.HttpRequest) -> func.HttpResponse:
    """Raise."""
    raise LookupError("no such luck")


@app.route(route="slow")
async def slow(req: func.HttpRequest) -> func.HttpResponse:
    """Take as many seconds as asked."""
    record("slow", begin=True)
    await asyncio.sleep(float(req.params["seconds"]))
    return func.HttpResponse("done")


@app.queue_trigger(arg_name="message", queue_name="%HOSTAPP_QUEUE%", connection="HOSTAPP_STORAGE")
async def work(message: func.QueueMessage) -> None:
    """Do what the message says: `seconds` of work, then fail if `fail`."""
    task = json.loads(message.get_body())
    name = task["name"]
    record("begin", name=name, tries=message.dequeue_count)
    await asyncio.sleep(task.get("seconds", 0))
    record("end", name=name)
    if task.get("fail"):
        raise RuntimeError("as asked")


@app.timer_trigger(arg_name="timer", schedule="%HOSTAPP_CRON%")
def tick(timer: func.TimerRequest) -> None:
    """Note the call."""
    record("tick", past_due=timer.past_due)

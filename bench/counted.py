"""The function app of the bench: the product itself, its storage operations counted, `GET /bench` tells them."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import azure.functions as func

from messaging import triggers
from messaging.bootstrap import build
from messaging.settings import Settings

counts: Counter[str] = Counter()


def _counted(name: str, verb: Callable[..., Any]) -> Callable[..., Any]:
    """The verb, which counts its calls; for a commit also its entities."""

    async def call(*given: Any, **named: Any) -> Any:
        counts[name] += 1
        if name == "commit":
            counts["entities"] += len(given[2])
        return await verb(*given, **named)

    return call


product = build(Settings.from_environment(), subscriptions=Path(__file__).parent / "subscriptions")
for owner, names in ((product.tables, ("get", "range", "commit")), (product.queues, ("put",))):
    for name in names:
        setattr(owner, name, _counted(name, getattr(owner, name)))
triggers._built.append(product)

app = func.FunctionApp()


@app.function_name("a_bench")  # the host asks routes in the order of their names, and `api` takes everything
@app.route("bench", trigger_arg_name="request", auth_level=func.AuthLevel.ANONYMOUS)
async def bench(request: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(counts), mimetype="application/json")


app.register_functions(triggers.blueprint)

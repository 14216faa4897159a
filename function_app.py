"""What the Functions host loads: one HTTP function for the whole API, and the queue functions of triggers.py."""

import logging
from typing import Any

import azure.functions as func

from messaging.triggers import blueprint, messaging

logging.getLogger("azure").setLevel(logging.WARNING)  # at INFO the SDKs log every request

product = messaging()  # a missing or wrong setting is named now, not at the first message


async def api(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The API, imported on the first HTTP request only: queue and timer instances never pay for FastAPI."""
    from messaging.api.app import asgi

    await asgi(product, scope, receive, send)


app = func.AsgiFunctionApp(app=api, http_auth_level=func.AuthLevel.ANONYMOUS, function_name="api")
app.register_functions(blueprint)

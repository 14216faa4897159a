"""The specification that client authors build against: every error of every route, and how to come with a token.

FastAPI writes routes and models; what it cannot know is added here, by one rule for each status.
docs/openapi.json is the same, committed.
"""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from messaging.api.examples import EXAMPLES

PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "Problem details (RFC 9457). `errors` names field and rule, one entry for each.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["about:blank"]},
        "title": {"type": "string", "examples": ["Unprocessable Content"]},
        "status": {"type": "integer", "examples": [422]},
        "detail": {"type": "string", "examples": ["channelConfig: must be an e-mail address"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "rule"],
                "properties": {"field": {"type": "string"}, "rule": {"type": "string"}},
            },
        },
        "executionId": {
            "type": "string",
            "description": "With 503: the execution that may have been accepted; repeat with the same key.",
        },
    },
}

HEADERS: dict[str, str] = {
    "RateLimit-Limit": "How many calls a minute the bucket takes that this call was counted in",
    "RateLimit-Remaining": "How many more calls it takes now",
    "RateLimit-Reset": "In how many seconds it takes one more than that",
    "Retry-After": "Seconds to wait before the call is repeated",
    "WWW-Authenticate": '`Bearer`, with `error="invalid_token"` for a token that is not valid here',
    "Location": "Where the new object, or the execution, can be read",
    "ETag": "The version, for If-Match",
}
TEXTS = {"WWW-Authenticate", "Location", "ETag"}
NUMBER = {"type": "integer", "minimum": 0}

ERRORS: dict[int, str] = {
    400: "The body is not JSON",
    401: "No identity, or one that cannot be trusted",
    403: "Your role may not do this, or only the owner may",
    404: "There is no such object, or you may not read it",
    409: "The object exists already; with an Idempotency-Key: the call is being worked on, see Retry-After",
    412: "The object has changed since the version that If-Match names",
    413: "The body is larger than 256 KiB",
    415: "The body is not application/json",
    422: "A field breaks a rule; `errors` names both",
    429: "Too many requests within a minute; see Retry-After",
    500: "Something went wrong here, or the subscription's function failed to load",
    501: "The subscription has no function yet",
    503: "Storage, or the issuer of the tokens, cannot be reached; see Retry-After",
}


class Api(FastAPI):
    """FastAPI with a complete specification."""

    def openapi(self) -> dict[str, Any]:
        """The specification as OpenAPI 3.1, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = _completed(super().openapi())
        return self.openapi_schema


def operation_id(route: APIRoute) -> str:
    """The name of the route's function: what a generated client calls it."""
    return route.name


def _completed(schema: dict[str, Any]) -> dict[str, Any]:
    components = schema["components"]
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    components["schemas"]["Problem"] = PROBLEM
    components["headers"] = {
        name: {"description": told, "schema": {"type": "string"} if name in TEXTS else NUMBER}
        for name, told in HEADERS.items()
    }
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    for name, model in components["schemas"].items():
        if (example := _example(name)) is not None:
            model["examples"] = [example]
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if "mandateId" in {one["name"] for one in operation.get("parameters", [])}:
                operation["security"] = [{"bearer": []}]
                operation["responses"] |= {str(one): _response(one) for one in _errors(path, method, operation)}
                for status, response in operation["responses"].items():
                    response["headers"] = {name: _header(name) for name in _headers(int(status), operation)}
    return schema


def _example(name: str) -> dict[str, Any] | None:
    """A model's example; a list holds one of what it lists."""
    listed = name.removeprefix("Listed_").removesuffix("_")
    example = EXAMPLES.get(listed)
    return {"items": [example], "nextCursor": None} if example and listed != name else example


def _errors(path: str, method: str, operation: dict[str, Any]) -> Iterator[int]:
    """The errors that an operation may answer with, by what it takes."""
    names = {one["name"] for one in operation["parameters"]}
    yield from (401, 403, 422, 429, 500, 503)
    if "requestBody" in operation or method in ("post", "put"):
        yield from (400, 413, 415)
    if "{" in path:
        yield 404
    if "If-Match" in names:
        yield 412
    if method in ("post", "put", "delete"):
        yield 409
    if "Idempotency-Key" in names:
        yield 501


def _response(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": ERRORS[status], "content": {"application/problem+json": {"schema": schema}}}


def _headers(status: int, operation: dict[str, Any]) -> Iterator[str]:
    """The headers of an answer. What is refused unread, or from nobody, was not counted: it tells no limits."""
    if status == 401:
        yield "WWW-Authenticate"
    if status == 202 or (status == 201 and operation["operationId"] == "create_subscription"):
        yield "Location"
    if status in (200, 201) and _versioned(operation):
        yield "ETag"
    if status not in (400, 401, 413, 415):
        yield from ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
    if status in (409, 429, 503):
        yield "Retry-After"


def _versioned(operation: dict[str, Any]) -> bool:
    """Whether the operation answers with a subscription or a registration."""
    contents = [one.get("content", {}).get("application/json") for one in operation["responses"].values()]
    answered = {one["schema"].get("$ref", "").rpartition("/")[2] for one in contents if one}
    return bool(answered & {"MessagingSubscription", "MessagingSubscriptionRegistration"})


def _header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}

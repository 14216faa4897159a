"""HTTP routes: templates, matching, and the rules that the real host applies to them at start.

Functions are asked in the order of their names and the first match wins; nothing is more specific than anything
else. A method that a route does not list makes the route not match.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from dev.host.errors import HostError
from dev.host.protos import RpcFunctionMetadata

RESERVED = ("admin", "runtime")


@dataclass(frozen=True)
class HttpTrigger:
    """An HTTP function. `template` is its whole path without the leading slash; no methods means all of them."""

    function: RpcFunctionMetadata
    parameter: str
    template: str
    methods: frozenset[str]

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.name


@dataclass(frozen=True)
class Route:
    """A trigger with its compiled template."""

    trigger: HttpTrigger
    pattern: re.Pattern[str]


def full_template(function: str, route: str, prefix: str) -> str:
    """Join prefix and route as the real host does; raises HostError for a path that it would refuse."""
    if route.lstrip("/").lower().startswith(RESERVED):
        raise HostError(
            f"function {function}: the route {route!r} begins with 'admin' or 'runtime', which belong to the host"
        )
    template = f"{prefix}/{route}" if prefix else route.removeprefix("/")
    if "//" in template:
        raise HostError(
            f"function {function}: the route {template!r} contains '//'; write the route without a leading slash, "
            "or set extensions.http.routePrefix in host.json to an empty string"
        )
    return template


def build_routes(triggers: Sequence[HttpTrigger]) -> list[Route]:
    """Order and compile the routes; raises HostError for a duplicate or a template part that is not supported."""
    ordered = sorted(triggers, key=lambda trigger: trigger.name.lower())
    for position, trigger in enumerate(ordered):
        for other in ordered[:position]:
            if _same_path(trigger, other) and _common_method(trigger, other):
                raise HostError(
                    f"functions {other.name} and {trigger.name} have the same route {trigger.template!r}; "
                    "change one of them or its methods"
                )
    return [Route(trigger, _compile(trigger)) for trigger in ordered]


def find(routes: Sequence[Route], method: str, path: str) -> tuple[HttpTrigger, dict[str, str]] | None:
    """The first function for the method and the percent-encoded path, with its route parameters; None if none."""
    decoded = decode_path(path)
    for route in routes:
        if route.trigger.methods and method.upper() not in route.trigger.methods:
            continue
        if match := route.pattern.fullmatch(decoded):
            return route.trigger, {name: value for name, value in match.groupdict().items() if value}
    return None


def decode_path(path: str) -> str:
    """Decode a path for matching; an encoded slash stays encoded, as it does not separate segments."""
    return "%2F".join(unquote(part) for part in re.split("%2f", path, flags=re.IGNORECASE))


def _same_path(one: HttpTrigger, other: HttpTrigger) -> bool:
    first, second = (re.sub(r"\{\*?\w+", "{", trigger.template).lower() for trigger in (one, other))
    return first == second


def _common_method(one: HttpTrigger, other: HttpTrigger) -> bool:
    return not one.methods or not other.methods or bool(one.methods & other.methods)


def _compile(trigger: HttpTrigger) -> re.Pattern[str]:
    pattern = ""
    for segment in trigger.template.split("/"):
        parameter = re.fullmatch(r"\{(\*)?(\w+)(\?)?\}", segment)
        if parameter is None and "{" in segment:
            raise HostError(
                f"function {trigger.name}: the local host does not support the route part {segment!r}; "
                "use {name}, {name?} or {*name} as a whole segment"
            )
        if parameter is None:
            pattern += f"/{re.escape(segment)}" if segment else ""
        elif parameter[1]:
            pattern += f"(?:/(?P<{parameter[2]}>.*))?"
        else:
            pattern += f"(?:/(?P<{parameter[2]}>[^/]+)){parameter[3] or ''}"
    return re.compile(pattern + "/?", re.IGNORECASE | re.DOTALL)

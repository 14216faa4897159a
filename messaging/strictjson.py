"""JSON from outside, as RFC 8259 has it: what each reader would understand differently is refused. Pure.

Python's own parser takes NaN, Infinity, numbers that overflow, any depth, and a name twice in one object.
"""

import json
from collections import Counter
from math import isfinite
from typing import Any

MAX_DEPTH = 32


class TooDeep(ValueError):
    """Arrays and objects are nested too deep."""

    def __init__(self) -> None:
        super().__init__(f"may be nested {MAX_DEPTH} deep")


def loads(text: bytes) -> Any:
    """The value of a JSON text in UTF-8. Raises TooDeep, or ValueError with the reason."""
    try:
        value = json.loads(text.decode(), parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_once)
    except RecursionError:
        raise TooDeep from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    if _depth(value) > MAX_DEPTH:
        raise TooDeep
    return value


def _refuse(number: str) -> None:
    raise ValueError(f"{number} is not JSON")


def _finite(number: str) -> float:
    """A number that other systems can read again: 1e400 would come back as Infinity."""
    value = float(number)
    if not isfinite(value):
        raise ValueError(f"{number[:40]} is too large")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different: of two equal ones each reader picks its own."""
    value = dict(pairs)
    if len(value) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise ValueError(f"the name {json.dumps(twice[:40])} stands twice in one object")
    return value


def _depth(value: Any) -> int:
    """How deep arrays and objects are nested, found level by level."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [one for item in level for one in (item.values() if isinstance(item, dict) else item)]
    return depth

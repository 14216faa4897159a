"""Adaptive Cards as a list of simple blocks, enough to read one in a chat bubble."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DEEPEST = 20
CONTAINERS = ("items", "columns", "rows", "cells", "body")


@dataclass(frozen=True, slots=True)
class Block:
    """One part of a card. `kind` is text, heading, facts, image or action; facts are title and value."""

    kind: str
    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()


def blocks(activity: Any) -> list[Block]:
    """The blocks of all cards that are attached to a message activity."""
    attachments = activity.get("attachments") or [] if isinstance(activity, dict) else []
    return [block for one in attachments if isinstance(one, dict) for block in _walk(one.get("content"), DEEPEST)]


def _walk(element: Any, depth: int) -> Iterator[Block]:
    if not isinstance(element, dict) or depth == 0:
        return
    yield from _own(element)
    for name in CONTAINERS:
        for inner in _list(element.get(name)):
            yield from _walk(inner, depth - 1)
    for action in _list(element.get("actions")):
        if isinstance(action, dict):
            yield Block("action", str(action.get("title", "")))


def _own(element: dict[str, Any]) -> Iterator[Block]:
    kind = element.get("type")
    if kind == "TextBlock":
        large = element.get("weight") == "Bolder" or element.get("size") in ("Medium", "Large", "ExtraLarge")
        yield Block("heading" if large else "text", str(element.get("text", "")))
    elif kind == "RichTextBlock":
        runs = [run.get("text", "") if isinstance(run, dict) else run for run in _list(element.get("inlines"))]
        yield Block("text", "".join(map(str, runs)))
    elif kind == "FactSet":
        facts = [fact for fact in _list(element.get("facts")) if isinstance(fact, dict)]
        yield Block("facts", facts=tuple((str(f.get("title", "")), str(f.get("value", ""))) for f in facts))
    elif kind == "Image":
        yield Block("image", str(element.get("altText") or "Image"))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []

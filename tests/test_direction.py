"""Which part may import which: the direction of the architecture, and where each library may appear."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.processes import ROOT

FILES = sorted(
    path.relative_to(ROOT) for folder in ("messaging", "subscriptions") for path in (ROOT / folder).rglob("*.py")
) + [Path("function_app.py")]

LIBRARIES = {
    "azure.functions": ("function_app.py", "messaging/triggers.py"),
    "azure.data.tables": ("messaging/storage/",),
    "limits": ("messaging/limiter.py", "messaging/storage/limits.py", "messaging/bootstrap.py"),
    "azure.storage.queue": ("messaging/storage/",),
    "azure.communication": ("messaging/connectors/",),
    "azure.identity": ("messaging/connectors/", "messaging/storage/"),
    "twilio": ("messaging/connectors/",),
    "typer": ("messaging/cli/",),
    "rich": ("messaging/cli/",),
    "fastapi": ("messaging/api/",),
    "starlette": ("messaging/api/",),
    "croniter": ("messaging/ncrontab.py",),
}

PURE = {"messaging.models", "messaging.errors"}
"""What everybody may import."""

FORBIDDEN = {
    "messaging/storage/": ("messaging.connectors", "messaging.functions"),
    "messaging/connectors/": ("messaging.storage", "messaging.functions"),
    "messaging/functions.py": ("messaging.connectors", "messaging.storage.tables", "messaging.storage.queues"),
    "messaging/delivery.py": ("messaging.storage", "messaging.connectors", "messaging.settings"),
    "messaging/retry.py": ("messaging.storage", "messaging.connectors", "messaging.settings"),
    "messaging/outbox.py": ("messaging.connectors", "messaging.storage", "messaging.api", "messaging.service"),
    "messaging/service.py": ("messaging.api", "messaging.connectors", "messaging.settings", "messaging.bootstrap"),
    "messaging/worker.py": ("messaging.api", "messaging.service", "messaging.settings", "messaging.bootstrap"),
    "messaging/pages.py": ("messaging.api", "messaging.service", "messaging.settings", "messaging.bootstrap"),
    "messaging/registry.py": ("messaging.api", "messaging.service", "messaging.connectors"),
    "messaging/registrations.py": ("messaging.api", "messaging.service", "messaging.connectors"),
    "messaging/history.py": ("messaging.api", "messaging.service", "messaging.connectors"),
    "messaging/": ("dev", "tests", "subscriptions", "function_app"),
}

ONLY = {
    "messaging/models.py": set(),
    "messaging/errors.py": set(),
    "messaging/access.py": PURE,
    "messaging/delivery.py": PURE,
    "messaging/retry.py": PURE | {"messaging.delivery"},
    "messaging/ncrontab.py": set(),
    "messaging/timetable.py": PURE | {"messaging.ncrontab"},
    "subscriptions/": {"messaging.models", "messaging.rendering"},
}
"""All that these may import of the product."""

CONCRETE = (
    "messaging.storage.tables",
    "messaging.storage.queues",
    "messaging.storage.memory",
    "messaging.storage.limits",
    "messaging.limiter",
    "messaging.connectors.acs",
)
"""Named by the composition root only."""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports relatively"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize("path", FILES, ids=str)
def test_each_library_appears_only_where_it_belongs(path: Path) -> None:
    for name in imports(path):
        for library, places in LIBRARIES.items():
            if inside(name, library):
                assert str(path).startswith(places), f"{path} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_go_one_way(path: Path) -> None:
    names = list(imports(path))
    for place, packages in FORBIDDEN.items():
        if str(path).startswith(place):
            assert not [n for n in names if any(inside(n, package) for package in packages)], path
    if str(path) != "messaging/bootstrap.py" and not str(path).startswith("messaging/storage/"):
        assert not [n for n in names if any(inside(n, package) for package in CONCRETE)], path


@pytest.mark.parametrize("place", ONLY)
def test_the_core_knows_only_the_core(place: str) -> None:
    for path in FILES:
        if str(path).startswith(place):
            own = {name for name in imports(path) if inside(name, "messaging")}
            allowed = ONLY[place]
            assert all(any(inside(name, one) for one in allowed) or name == "messaging" for name in own), path


def test_only_settings_reads_the_environment() -> None:
    texts = {str(path): (ROOT / path).read_text() for path in FILES}
    readers = {path for path, text in texts.items() if "os.environ" in text or "getenv" in text}
    assert readers == {"messaging/settings.py"}


def test_mandate_ids_are_made_from_tokens_and_from_our_own_rows_and_messages_only() -> None:
    makers = {str(path) for path in FILES if "MandateId(" in (ROOT / path).read_text()}
    assert makers == {
        "messaging/deletions.py",
        "messaging/errorjournal.py",  # the partition of errors of no mandate
        "messaging/identity.py",
        "messaging/messages.py",
        "messaging/storage/limits.py",
        "messaging/sweeper.py",
        "messaging/windows.py",
    }


def test_no_filter_is_built_from_text() -> None:
    for path in FILES:
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "query_entities":
                assert isinstance(node.args[0], ast.Name) and node.args[0].id.isupper(), path

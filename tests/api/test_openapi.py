"""docs/openapi.json is what the API serves, and tells of every answer that the tests have seen."""

import json
from pathlib import Path
from typing import Any

import pytest

from messaging import inputs, models
from messaging.api import health, trigger
from messaging.api.app import routes
from messaging.api.examples import EXAMPLES
from messaging.api.problems import STATUSES
from messaging.bootstrap import build
from tests.product import settings

FILE = Path(__file__).parents[2] / "docs/openapi.json"


@pytest.fixture(scope="module")
def served() -> dict[str, Any]:
    return routes(build(settings("UseDevelopmentStorage=true"))).openapi()


def test_the_committed_specification_is_current(served: dict[str, Any]) -> None:
    assert json.loads(FILE.read_text()) == served, "run: make openapi"


def test_each_operation_tells_its_errors(served: dict[str, Any]) -> None:
    told: set[int] = set()
    for path, methods in served["paths"].items():
        for method, operation in methods.items():
            told |= {int(status) for status in operation["responses"]}
            if path == "/api/health":
                assert "security" not in operation
                continue
            assert operation["security"] == [{"bearer": []}]
            assert {"401", "403", "503"} <= operation["responses"].keys(), (method, path)
            for status, answer in operation["responses"].items():
                kinds = {"application/problem+json"} if int(status) >= 400 else {"application/json"}
                assert set(answer.get("content", {})) == (set() if status == "204" else kinds), (path, status)
    assert told >= set(STATUSES.values())


def test_each_answer_has_an_example_and_its_headers(served: dict[str, Any]) -> None:
    schemas = served["components"]["schemas"]
    for path, methods in served["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                told = set(answer.get("headers", {}))
                assert (status == "401") == ("WWW-Authenticate" in told), (method, path, status)
                content = answer.get("content", {}).get("application/json")
                if content is None:
                    continue
                name = content["schema"]["$ref"].rpartition("/")[2]
                assert schemas[name]["examples"], name
                versioned = name in ("MessagingSubscription", "MessagingSubscriptionRegistration")
                assert versioned == ("ETag" in told), (method, path, status)
    created = served["paths"]["/api/messaging/subscriptions"]["post"]["responses"]["201"]
    assert "Location" in created["headers"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_what_its_model_says(name: str) -> None:
    model = next(getattr(one, name) for one in (models, inputs, trigger, health) if hasattr(one, name))
    example = model.model_validate(EXAMPLES[name])
    said = example.model_dump(mode="json", exclude_unset=True)
    assert said == EXAMPLES[name]
    if model.__name__.startswith("Messaging"):
        assert example.model_dump(mode="json") == said, "every field is shown"


def test_operations_have_names_that_a_client_can_use(served: dict[str, Any]) -> None:
    names = [one["operationId"] for methods in served["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names)) and all(name.isidentifier() for name in names)

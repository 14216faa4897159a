"""Swagger UI comes from this service alone, and a setting takes it away with the specification."""

import re

import pytest

from messaging.bootstrap import build
from messaging.models import MandateId
from tests.api.client import Client
from tests.product import settings

FILES = {
    "/docs/swagger-ui.css": ("text/css", b".swagger-ui"),
    "/docs/swagger-ui-bundle.js": ("text/javascript", b"SwaggerUIBundle"),
    "/docs/start.js": ("text/javascript", b'"/openapi.json"'),
}


def nobody(**more: str) -> Client:
    return Client(build(settings("UseDevelopmentStorage=true", **more)), MandateId("m1"))


async def test_the_page_loads_what_this_service_has_and_runs_no_script_of_its_own() -> None:
    call = nobody()
    page = await call("GET", "!/docs")
    named = re.findall(r'(?:src|href)="([^"]+)"', page.body.decode())
    assert sorted(named) == sorted(["data:,", *FILES])
    assert re.findall(r"<script[^>]*>([^<]+)", page.body.decode()) == []
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy and "default-src 'none'" in policy and "http" not in policy
    for path, (kind, content) in FILES.items():
        answer = await call("GET", f"!{path}")
        assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, kind)
        assert content in answer.body
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", *FILES])
async def test_a_setting_takes_it_away(path: str) -> None:
    assert (await nobody(MESSAGING_DOCS="off")("GET", f"!{path}")).status == 404

"""The specification for people: Swagger UI at /docs, from files of this service alone, under a strict policy."""

from importlib.resources import files

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, HTMLResponse

router = APIRouter(prefix="/docs", include_in_schema=False)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI styles its elements itself; it needs nothing from elsewhere."""

FILES = files("fastapi_offline") / "static"
KEPT = {"cache-control": "public, max-age=86400"}

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Messaging API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
"""

START = """SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });
"""


@router.get("")
async def page() -> Response:
    return HTMLResponse(PAGE, headers={"content-security-policy": POLICY})


@router.get("/start.js")
async def start() -> Response:
    return Response(START, media_type="text/javascript")


@router.get("/swagger-ui-bundle.js")
async def script() -> Response:
    return FileResponse(str(FILES / "swagger-ui-bundle.js"), headers=KEPT)


@router.get("/swagger-ui.css")
async def style() -> Response:
    return FileResponse(str(FILES / "swagger-ui.css"), headers=KEPT)

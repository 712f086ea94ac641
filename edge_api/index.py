"""What a visitor without a token finds: the name, the version, and where to read on."""

from __future__ import annotations

from starlette.responses import JSONResponse

from edge_api.access import Entry
from edge_api.openapi import VERSION, document
from edge_api.state import Request


async def index_json(request: Request) -> JSONResponse:
    return JSONResponse(
        {
            "name": "Twinreel",
            "version": VERSION,
            "openapi": "/openapi.json",
            "health": "/readyz",
            "docs": "docs/api.md",
        }
    )


async def openapi_document(request: Request) -> JSONResponse:
    entries = [route for route in request.app.routes if isinstance(route, Entry)]
    return JSONResponse(document(request.state["settings"], entries))

"""Which pages of other origins may ask from a browser: none, unless the operator names their origins.

No credentials are allowed, so the console's cookie is of no use there: what CORS opens is what a token opens.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

EXPOSED = ("Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id")
TUS_SENT = ("Tus-Resumable", "Upload-Checksum", "Upload-Length", "Upload-Metadata", "Upload-Offset")
TUS_EXPOSED = (
    *("Content-Location", "Tus-Checksum-Algorithm", "Tus-Extension", "Tus-Max-Size", "Tus-Resumable", "Tus-Version"),
    *("Upload-Expires", "Upload-Length", "Upload-Metadata", "Upload-Offset", "X-Video-Id"),
)


def cors(origins: Sequence[str]) -> list[Middleware]:
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "HEAD", "POST", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-Request-Id", *TUS_SENT],
            expose_headers=[*EXPOSED, *TUS_EXPOSED],
        )
    ]

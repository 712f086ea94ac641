"""What pages load beside themselves: styles, scripts, the icon.

Small files, read once; their address names their content, so that browsers keep them for ever.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import Response

from edge_api.errors import ApiError
from edge_api.state import Request

FOLDER = Path(__file__).parent / "static"
TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    gzipped: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Assets:
    """version: of all of them together, for scripts import one another by relative addresses."""

    version: str
    files: Mapping[str, Asset]

    def url(self, name: str) -> str:
        """Raises KeyError when there is no such file."""
        return f"/static/{self.version}/{self.files[name] and name}"


@functools.cache
def assets() -> Assets:
    """Reads the folder, the first time."""
    contents = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in TYPES}
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name} {len(content)}\n".encode() + content)
    files = {
        name: Asset(content, gzip.compress(content, mtime=0), TYPES[Path(name).suffix])
        for name, content in contents.items()
    }
    return Assets(digest.hexdigest()[:16], files)


async def static(request: Request) -> Response:
    """During an upgrade a page may come from another gateway than its files; they are then right for once only."""
    found = assets()
    asset = found.files.get(request.path_params["name"])
    if asset is None:
        raise ApiError("NOT_FOUND")
    is_current = request.path_params["version"] == found.version
    headers = {"Cache-Control": _FOR_EVER if is_current else "no-store", "Vary": "Accept-Encoding"}
    content = asset.content
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"], content = "gzip", asset.gzipped
    return Response(content, headers=headers, media_type=asset.media_type)

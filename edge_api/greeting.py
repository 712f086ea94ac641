"""What a developer sees when everything runs: the address, a token that works, a line to paste."""

from __future__ import annotations

import os
from pathlib import Path

from edge_api.accounts import create_token, first_admin, is_good_token
from wrangler_compat.d1.types import D1Database

TOKEN_NAME = "dev"


async def dev_token(db: D1Database, token_file: Path) -> str:
    """The same token on every start while it works. Its plain text is in token_file alone, readable by its owner."""
    remembered = _remembered(token_file)
    if remembered and await is_good_token(db, remembered):
        return remembered
    issued = await create_token(db, user=await first_admin(db), name=TOKEN_NAME, expires=None)
    _remember(token_file, issued.token)
    return issued.token


def greeting(url: str, token: str) -> str:
    return (
        f"Twinreel is ready at {url}\n"
        f"Token: {token}\n"
        f"Try:   curl -H 'Authorization: Bearer {token}' -F 'video=@your-video.mp4' {url}/api/upload\n"
        f"Look:  curl -H 'Authorization: Bearer {token}' {url}/api/videos\n"
    )


def _remembered(token_file: Path) -> str | None:
    try:
        return token_file.read_text(encoding="ascii").strip() or None
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _remember(token_file: Path, token: str) -> None:
    """Never readable by others, not even for an instant."""
    token_file.parent.mkdir(parents=True, exist_ok=True)
    fresh = token_file.with_name(f".{token_file.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{token}\n")
    fresh.replace(token_file)

"""What a developer sees when everything runs: the address, a token that works, a line to paste."""

from __future__ import annotations

from pathlib import Path

from edge_api.accounts import create_token, first_admin, is_good_token
from edge_api.token_file import read_token, write_token
from wrangler_compat.d1.types import D1Database

TOKEN_NAME = "dev"


async def dev_token(db: D1Database, token_file: Path) -> str:
    """The same token on every start while it works. Its plain text is in token_file alone, readable by its owner."""
    remembered = read_token(token_file)
    if remembered and await is_good_token(db, remembered):
        return remembered
    issued = await create_token(db, user=await first_admin(db), name=TOKEN_NAME, expires=None)
    write_token(token_file, issued.token)
    return issued.token


def greeting(url: str, token: str) -> str:
    return (
        f"Twinreel is ready at {url}\n"
        f"Token: {token}\n"
        "       Open that address in a browser, and sign in with the token.\n"
        f"Try:   curl -H 'Authorization: Bearer {token}' -F 'video=@your-video.mp4' {url}/api/upload\n"
        f"Look:  curl -H 'Authorization: Bearer {token}' {url}/api/videos\n"
    )

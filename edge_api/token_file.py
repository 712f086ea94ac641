"""A token in a file of its own that its owner alone can read, not even for an instant anybody else."""

from __future__ import annotations

import os
from pathlib import Path


def read_token(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip() or None
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def write_token(path: Path, token: str) -> None:
    """Replaces what was there. Raises OSError."""
    draft_token(path, token).replace(path)


def draft_token(path: Path, token: str) -> Path:
    """The token in a file beside the path, to be renamed to it or unlinked. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{token}\n")
    return draft

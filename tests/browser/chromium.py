"""The browser of these tests: a Chromium of the machine, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
MISSING = (
    "No Chromium was found. Type: sh deploy/setup/chromium.sh (Debian: sudo apt-get install chromium; "
    "macOS: .venv/bin/playwright install chromium), or name one: CHROMIUM=/path/to/chromium."
)
ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)


def executable(playwrights_own: str) -> str:
    """CHROMIUM, else one on PATH, else what `playwright install` has brought. Raises AssertionError with a sentence."""
    named = os.environ.get("CHROMIUM")
    if named:
        assert Path(named).exists(), f"CHROMIUM names {named}, where there is nothing."
        return named
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None and Path(playwrights_own).exists():
        found = playwrights_own
    assert found is not None, MISSING
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser. While it runs, this thread has Playwright's event loop: no other can be started in it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable(playwright.chromium.executable_path),
            args=[*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])],
        )
        try:
            yield browser
        finally:
            browser.close()

"""Which browser is taken, and what is said when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import MISSING, executable


def test_without_a_browser_the_tests_fail_with_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AssertionError, match=r"sh deploy/setup/chromium\.sh"):
        executable(str(tmp_path / "nothing"))
    assert MISSING.endswith(".")


def test_which_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    brought = tmp_path / "brought"
    brought.touch()
    assert executable(str(brought)) == str(brought)
    installed = tmp_path / "chromium"
    installed.touch(mode=0o755)
    assert executable(str(brought)) == str(installed)
    monkeypatch.setenv("CHROMIUM", str(brought))
    assert executable("") == str(brought)
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "nothing"))
    with pytest.raises(AssertionError, match="where there is nothing"):
        executable("")

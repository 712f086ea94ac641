from __future__ import annotations

from pathlib import Path

from wrangler_compat.child_log import ChildLog, last_lines


def test_a_log_of_bounded_size(tmp_path: Path) -> None:
    log = ChildLog(tmp_path / "web.log", max_bytes=100, kept=2)
    for number in range(40):
        log.write(f"line {number:03d}\n".encode())
    log.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["web.log", "web.log.1", "web.log.2"]
    assert all(file.stat().st_size <= 100 for file in files)
    kept = "".join((tmp_path / name).read_text() for name in ("web.log.2", "web.log.1", "web.log")).splitlines()
    assert kept == [f"line {number:03d}" for number in range(40)][-len(kept) :]


def test_a_line_is_not_divided(tmp_path: Path) -> None:
    log = ChildLog(tmp_path / "web.log", max_bytes=10, kept=1)
    log.write(b"begin ")
    log.write(b"and much more than ten bytes")
    log.write(b" end\n")
    log.write(b"next\n")
    log.close()
    assert (tmp_path / "web.log.1").read_text() == "begin and much more than ten bytes end\n"
    assert (tmp_path / "web.log").read_text() == "next\n"


def test_a_new_start_appends(tmp_path: Path) -> None:
    for text in (b"one\n", b"two\n"):
        log = ChildLog(tmp_path / "web.log")
        log.write(text)
        log.close()
    assert (tmp_path / "web.log").read_text() == "one\ntwo\n"


def test_last_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert last_lines(path) == ""
    path.write_bytes(b"old\n" + b"".join(b"%d\n" % number for number in range(30)))
    assert last_lines(path, count=2) == "28\n29"
    assert last_lines(path, count=100, start=4).startswith("0\n")
    # The log was rotated since.
    assert last_lines(path, count=1, start=10_000) == "29"
    path.write_bytes(b"\xff\xfe broken\n")
    assert "broken" in last_lines(path)

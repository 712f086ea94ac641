"""deploy/Dockerfile: whole, unprivileged, locked, and without secrets."""

from __future__ import annotations

import fnmatch
import re
import shlex
from pathlib import Path

import pytest

from tests.deploy import files
from tests.deploy.files import ROOT, Instruction, dockerfile, last_stage, parse_dockerfile

OURS_BUT_NOT_SHIPPED = {"tests", "benchmarks"}


def packages() -> list[str]:
    return sorted(
        path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name not in OURS_BUT_NOT_SHIPPED
    )


def copied() -> set[str]:
    """What the last stage copies from the repository."""
    ours = [found for found in last_stage() if found.keyword == "COPY" and "--from" not in found.argument]
    return {source.rstrip("/") for found in ours for source in found.words()[:-1]}


def only(keyword: str) -> Instruction:
    (found,) = [instruction for instruction in last_stage() if instruction.keyword == keyword]
    return found


def test_every_package_is_copied() -> None:
    assert packages() == sorted(copied() & set(packages()))
    assert {"consumer", "edge_api", "processor", "wire", "wrangler_compat"} <= set(packages())


def test_what_the_processes_read_beside_their_packages_is_copied() -> None:
    assert {"migrations", "Procfile", "deploy/together.sh"} <= copied()


def test_everything_copied_exists() -> None:
    assert [source for source in copied() if not (ROOT / source).exists()] == []


def test_each_package_keeps_its_name() -> None:
    for found in last_stage():
        if found.keyword == "COPY" and found.words()[0] in packages():
            source, target = found.words()
            assert source == target


def test_base_images_are_pinned_by_tag() -> None:
    bases = [found.argument.split()[0] for found in dockerfile() if found.keyword == "FROM"]
    assert len(bases) == 2
    for base in bases:
        name, _, tag = base.partition(":")
        version = re.match(r"(\d+)\.(\d+)", tag)
        assert name == "python"
        assert version is not None
        assert (int(version[1]), int(version[2])) >= (3, 11)
        assert "slim" in tag


def test_both_stages_have_the_same_python() -> None:
    """The packages of one are used by the other."""
    assert len({found.argument.split()[0] for found in dockerfile() if found.keyword == "FROM"}) == 1


def test_dependencies_come_from_the_lock_file_with_hashes() -> None:
    installs = [
        found.argument
        for found in dockerfile()
        if found.keyword == "RUN" and re.search(r"\bpip3? install\b", found.argument)
    ]
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert "-r /tmp/requirements.lock" in installs[0]
    assert any(
        found.keyword == "COPY" and found.words() == ["requirements.lock", "/tmp/requirements.lock"]
        for found in dockerfile()
    )


def test_the_lock_file_has_a_hash_for_each_package() -> None:
    text = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if re.match(r"[a-zA-Z0-9]", line)]
    assert len(lines) > 20
    assert [line.split()[0] for line in lines if "--hash=sha256:" not in line] == []


def test_it_installs_the_one_library_that_pip_cannot_bring_and_no_lists_of_apt() -> None:
    run = only("RUN").argument
    assert "libchromaprint1" in shlex.split(run)
    assert "--no-install-recommends" in run
    assert "rm -rf /var/lib/apt/lists/*" in run


def test_it_never_runs_as_root() -> None:
    instructions = last_stage()
    user = only("USER")
    uid, _, gid = user.argument.partition(":")
    assert int(uid) >= 1000
    assert int(gid) >= 1000
    after = [found.keyword for found in instructions[instructions.index(user) :]]
    assert "CMD" in after
    assert not {"RUN", "COPY", "ADD"} & set(after)
    assert f"--uid {uid}" in only("RUN").argument


def test_its_user_owns_the_folder_for_data() -> None:
    assert "install -d -o twinreel -g twinreel -m 0750 /data" in only("RUN").argument


def test_health_is_left_to_compose_and_the_platforms() -> None:
    assert "HEALTHCHECK" not in {found.keyword for found in dockerfile()}


def test_it_carries_no_secret_and_no_setting() -> None:
    names = {
        word.partition("=")[0]
        for found in dockerfile()
        if found.keyword in ("ENV", "ARG")
        for word in shlex.split(found.argument)
    }
    assert names == {"PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}


def test_without_a_command_it_is_web() -> None:
    command = only("CMD").argument
    assert command.startswith("[")
    words = [word.strip(' "') for word in command.strip("[]").split(",")]
    assert files.program(words) == files.program(files.procfile()["web"])


def ignored(path: str) -> bool:
    """Docker's rule: the last pattern that matches the path or a folder above it decides."""
    verdict = False
    parents = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        wanted = pattern.removeprefix("!").removeprefix("**/")
        anywhere = pattern.removeprefix("!").startswith("**/")
        if any(fnmatch.fnmatch(name.rsplit("/", 1)[-1] if anywhere else name, wanted) for name in parents):
            verdict = not pattern.startswith("!")
    return verdict


@pytest.mark.parametrize(
    "path",
    [
        "deploy/.env",
        ".env",
        ".git/config",
        ".twinreel/token",
        ".venv/bin/python",
        "tests/conftest.py",
        "benchmarks/upload.py",
        "edge_api/__pycache__/app.cpython-311.pyc",
    ],
)
def test_secrets_data_and_litter_stay_out_of_the_build(path: str) -> None:
    assert ignored(path)


def test_everything_copied_reaches_the_build() -> None:
    assert [path for path in [*copied(), "requirements.lock"] if ignored(path)] == []
    assert not ignored("migrations/0001_initial.sql")
    assert not ignored("edge_api/wrangler.toml")


@pytest.mark.parametrize(
    "text", ["RUN true", "FROM python:3.11\nINSTALL curl", "FROM python:3.11\nRUN", "# nothing\n", "FROM x\n  && true"]
)
def test_the_parser_refuses_what_docker_would(text: str) -> None:
    with pytest.raises(ValueError, match=r"instruction|FROM"):
        parse_dockerfile(text)


def test_the_parser_joins_continued_lines() -> None:
    text = "# a comment\nFROM x\nRUN a \\\n# within\n    && b\n"
    assert parse_dockerfile(text) == [Instruction("FROM", "x"), Instruction("RUN", "a && b")]

"""deploy/setup/*.sh with stand-ins for the programs of the system: what they would install, and what they say."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETUP = ROOT / "deploy" / "setup"


class Machine:
    """A PATH of its own, on which every system program but sh's own basics is a stand-in that notes its call."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.calls_file = folder / "calls"
        for name in ("cat", "cut", "dirname", "env", "sed", "sh", "tr", "uname", "grep", "touch", "mkdir"):
            for found in (Path("/usr/bin") / name, Path("/bin") / name):
                if found.exists():
                    (self.bin / name).symlink_to(found)
                    break

    def program(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.calls_file}"\n{script}\n')
        path.chmod(0o755)

    def calls(self) -> list[str]:
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []

    def run(self, script: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", str(SETUP / script), *arguments],
            env={"PATH": str(self.bin), "HOME": str(self.bin), **environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def need(machine: Machine, brew: str = "brew-name") -> subprocess.CompletedProcess[str]:
    script = machine.bin.parent / "try.sh"
    script.write_text(f'. "{SETUP}/system.sh"\nneed Something some-package "{brew}"\necho installed\n')
    return subprocess.run(
        ["/bin/sh", str(script)],
        env={"PATH": str(machine.bin)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("script", sorted(SETUP.glob("*.sh")), ids=lambda path: path.name)
def test_every_script_is_plain_sh_and_names_no_host(script: Path) -> None:
    assert subprocess.run(["/bin/sh", "-n", str(script)], check=False).returncode == 0
    text = script.read_text()
    assert not re.search(r"https?://|pypi\.|\.org\b|\.io\b", text)
    assert "[[" not in text


def test_uv_is_pinned_by_hash_and_nothing_else_is() -> None:
    lock = (SETUP / "uv.lock").read_text()
    assert re.findall(r"^(\S+)==", lock, re.MULTILINE) == ["uv"]
    assert lock.count("--hash=sha256:") > 5


def test_root_installs_by_apt(machine: Machine) -> None:
    machine.program("apt-get", "")
    machine.program("id", "echo 0")
    ended = need(machine)
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "installed")
    assert "apt-get install --yes --no-install-recommends some-package" in machine.calls()


def test_a_first_failure_fetches_the_package_lists(machine: Machine) -> None:
    lists = machine.bin.parent / "lists"
    machine.program("apt-get", f'if [ "$1" = update ]; then touch {lists}; else [ -e {lists} ]; fi')
    machine.program("id", "echo 0")
    assert need(machine).returncode == 0
    assert [call.split()[1] for call in machine.calls() if call.startswith("apt-get")] == [
        "install",
        "update",
        "install",
    ]


def test_sudo_without_a_password_installs_too(machine: Machine) -> None:
    machine.program("apt-get", "")
    machine.program("id", "echo 1000")
    machine.program("sudo", 'shift; exec "$@"')
    machine.program("true", "exit 0")
    assert need(machine).returncode == 0
    assert any(call.startswith("apt-get install") for call in machine.calls())


def test_without_rights_the_line_to_type_is_printed(machine: Machine) -> None:
    machine.program("apt-get", "")
    machine.program("id", "echo 1000")
    machine.program("sudo", "exit 1")
    ended = need(machine)
    assert ended.returncode == 1
    assert ended.stderr == (
        "Something is missing. Type: sudo apt-get install --yes --no-install-recommends some-package\n"
    )
    assert not any(call.startswith("apt-get") for call in machine.calls())


def test_an_install_that_fails_says_how_to_find_out(machine: Machine) -> None:
    machine.program("apt-get", "exit 100")
    machine.program("id", "echo 0")
    ended = need(machine)
    assert ended.returncode == 1
    assert "could not be installed. Find out why with: sudo apt-get install" in ended.stderr


def test_brew(machine: Machine) -> None:
    machine.program("brew", "")
    assert need(machine).returncode == 0
    assert machine.calls() == ["brew install --quiet brew-name"]


def test_neither_apt_nor_brew(machine: Machine) -> None:
    ended = need(machine)
    assert ended.returncode == 1
    assert "package manager (Debian: apt install some-package, macOS: brew install brew-name)" in ended.stderr


def test_no_python(machine: Machine) -> None:
    ended = machine.run("venv.sh", ".venv")
    assert ended.returncode == 1
    assert ended.stderr.startswith("python3 is missing. Install Python 3.11 or newer")


def test_an_old_python(machine: Machine) -> None:
    machine.program("python3", 'if [ "$1" = --version ]; then echo "Python 3.9.2"; else exit 1; fi')
    ended = machine.run("venv.sh", ".venv")
    assert ended.returncode == 1
    assert "python3 is Python 3.9.2; Twinreel needs Python 3.11 or newer." in ended.stderr


def test_a_python_without_venv_names_its_package(machine: Machine) -> None:
    machine.program("python3", 'case "$2" in *ensurepip*) exit 1;; *"%d.%d"*) echo 3.11;; *) exit 0;; esac')
    machine.program("apt-get", "")
    machine.program("id", "echo 1000")
    ended = machine.run("venv.sh", ".venv")
    assert ended.returncode == 1
    assert "Type: sudo apt-get install --yes --no-install-recommends python3.11-venv" in ended.stderr


def test_chromaprint_that_can_be_loaded_needs_nothing() -> None:
    ended = subprocess.run(
        ["/bin/sh", str(SETUP / "chromaprint.sh"), "--check"], capture_output=True, text=True, check=False, timeout=20
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def blind_python(machine: Machine) -> Path:
    """A checkout with the scripts and a Python that can load no library."""
    checkout = machine.bin.parent / "checkout"
    (checkout / "deploy").mkdir(parents=True)
    (checkout / "deploy" / "setup").symlink_to(SETUP)
    machine.program("python3", "exit 1")
    return checkout


def test_a_missing_chromaprint_is_only_named_by_check(machine: Machine) -> None:
    # cd "$(dirname "$0")/../.." follows the path as written, so the checkout is the stand-in's.
    checkout = blind_python(machine)
    ended = subprocess.run(
        ["/bin/sh", "deploy/setup/chromaprint.sh", "--check"],
        cwd=checkout,
        env={"PATH": str(machine.bin), "PYTHON": "python3"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "libchromaprint is missing. Type: sudo apt-get install --yes libchromaprint1" in ended.stderr


def test_a_chromium_that_is_there_is_taken(machine: Machine) -> None:
    machine.program("chromium", "")
    machine.program("apt-get", "")
    assert machine.run("chromium.sh").returncode == 0
    assert machine.calls() == []


def test_chromium_by_apt(machine: Machine) -> None:
    machine.program("id", "echo 0")
    machine.program(
        "apt-get", f'printf "#!/bin/sh\\n" > "{machine.bin}/chromium"; /bin/chmod +x "{machine.bin}/chromium"'
    )
    ended = machine.run("chromium.sh")
    assert ended.returncode == 0, ended.stderr
    assert "apt-get install --yes --no-install-recommends chromium" in machine.calls()


def test_chromium_without_rights(machine: Machine) -> None:
    machine.program("id", "echo 1000")
    machine.program("apt-get", "")
    ended = machine.run("chromium.sh")
    assert (ended.returncode, "Chromium is missing. Type: sudo apt-get install" in ended.stderr) == (1, True)


def test_a_chromium_that_is_named(machine: Machine) -> None:
    assert machine.run("chromium.sh", CHROMIUM="/bin/sh").returncode == 0
    ended = machine.run("chromium.sh", CHROMIUM="/nowhere/chromium")
    assert (ended.returncode, ended.stderr.count("/nowhere/chromium")) == (1, 1)

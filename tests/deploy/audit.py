"""Known vulnerabilities of the locked dependencies: `make audit`, or `python -m tests.deploy.audit [LOCK ...]`.

Asks an advisory service about every package of the lock files, by pip-audit. Exit status 0: all were asked about and
nothing is known; 1: something is known, and printed; 2: the service could not be asked about all of them, and why. That
pip-audit itself calls a package fine which the service does not know is why its own exit status is not enough.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.repository import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")
_MOST_SECONDS = 900.0


class UnaskedError(Exception):
    """The advisory service could not be asked. The message is its reason."""


@dataclass(frozen=True)
class Known:
    """One vulnerability of one package. fixed_in: versions without it."""

    package: str
    version: str
    id: str
    fixed_in: tuple[str, ...]

    def __str__(self) -> str:
        fixed = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "not fixed"
        return f"{self.package} {self.version}: {self.id}, {fixed}"


@dataclass(frozen=True)
class Audit:
    """asked: how many packages the service knows. unasked: a reason for each that it does not."""

    asked: int
    known: tuple[Known, ...]
    unasked: tuple[str, ...]

    @property
    def status(self) -> int:
        return 1 if self.known else 2 if self.unasked or not self.asked else 0

    def __str__(self) -> str:
        lines = [*map(str, self.known)]
        if self.unasked:
            of = self.asked + len(self.unasked)
            lines.append(f"{len(self.unasked)} of {of} packages were not audited, for example: {self.unasked[0]}")
        if not self.status:
            lines.append(f"{self.asked} packages audited; no vulnerability of them is known.")
        return "\n".join(lines) or "There was nothing to audit."


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.deploy.audit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("locks", metavar="LOCK", nargs="*", default=[ROOT / name for name in LOCKS], type=Path)
    parser.add_argument("--service", choices=("pypi", "osv"), default="pypi", help="who is asked (default: pypi)")
    parser.add_argument("--osv-url", help="of another service that speaks OSV's protocol")
    asked = parser.parse_args(arguments)
    statuses = [_audited(lock, asked.service, asked.osv_url) for lock in asked.locks]
    return 1 if 1 in statuses else max(statuses)


def _audited(lock: Path, service: str, osv_url: str | None) -> int:
    """The exit status; says what was found."""
    try:
        audit = audited(lock, service, osv_url)
    except UnaskedError as error:
        why = f"the advisory service ({service}) cannot be asked from here, nothing was audited: {error}"
        sys.stdout.write(f"{lock.name}: {why}\n")
        return 2
    sys.stdout.write(f"{lock.name}:\n{audit}\n")
    return audit.status


def audited(lock: Path, service: str, osv_url: str | None = None) -> Audit:
    """Raises UnaskedError."""
    argv = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip"]
    argv += ["--format", "json", "--progress-spinner", "off", "--vulnerability-service", service]
    argv += ["--osv-url", osv_url] if osv_url else []
    try:
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=_MOST_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise UnaskedError(f"no answer within {_MOST_SECONDS:g} s") from error
    try:
        return read(json.loads(ran.stdout))
    except ValueError as error:
        words = ran.stderr.strip().splitlines()
        raise UnaskedError(words[-1] if words else f"pip-audit ended with {ran.returncode}") from error


def read(told: Mapping[str, Any]) -> Audit:
    """What pip-audit's JSON says."""
    asked = [each for each in told["dependencies"] if "skip_reason" not in each]
    known = [
        Known(each["name"], each["version"], found["id"], tuple(found["fix_versions"]))
        for each in asked
        for found in each["vulns"]
    ]
    unasked = [each["skip_reason"] for each in told["dependencies"] if "skip_reason" in each]
    return Audit(len(asked), tuple(known), tuple(unasked))


if __name__ == "__main__":
    sys.exit(main())

"""Who may import whom, where each vendor's SDK lives, and who may read the environment."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.repository import PACKAGES, SERVICES, Module, imports, modules, top_level

ALLOWED = {
    "edge_api": {"wire", "wrangler_compat"},
    "consumer": {"wire", "wrangler_compat"},
    "processor": {"wire"},
    "wrangler_compat": set[str](),
    "wire": set[str](),
}

# Vendor -> the one adapter. arq has two sides, the producer's and the worker's; both speak to it and to redis.
ARQ = {"wrangler_compat/queues/arq_redis.py", "wrangler_compat/queues/arq_worker.py"}
# What counts by scripts.
REDIS = {
    "wrangler_compat/redis_calls.py",
    "wrangler_compat/ratelimit/redis_window.py",
    "wrangler_compat/slots/redis_leases.py",
}
ADAPTERS = {
    "aiobotocore": {"wrangler_compat/r2/s3.py"},
    "botocore": {"wrangler_compat/r2/s3.py"},
    "boto3": set[str](),
    "aiohttp": {"wrangler_compat/r2/s3.py"},
    "aiosqlite": {"wrangler_compat/d1/sqlite.py"},
    "arq": ARQ,
    "redis": ARQ | REDIS,
    "chromadb": {"wrangler_compat/vectorize/chroma.py"},
    "av": {"processor/opening.py", "processor/decode.py", "processor/encode.py", "consumer/png.py"},
    "acoustid": {"processor/sound.py"},
    "chromaprint": {"processor/sound.py"},
    "jinja2": {"edge_api/console/pages.py"},
    "h11": {"consumer/webhooks/sending.py"},
    "matplotlib": {"consumer/charts.py"},
    "multipart": {"edge_api/form.py"},
    "python_multipart": {"edge_api/form.py"},
}

PURE = (
    "wire/*.py",
    "consumer/policy.py",
    "consumer/thresholds.py",
    "consumer/shared_parts.py",
    "consumer/detection.py",
    "consumer/embedding.py",
    "consumer/candidates.py",
    "consumer/retries.py",
    "consumer/sound_terms.py",
    "consumer/explanation.py",
    "consumer/calibration.py",
    "consumer/settling.py",
    "consumer/checkup.py",
    "consumer/webhooks/signing.py",
    "consumer/similarity/*.py",
    "processor/sampling.py",
    "processor/phash.py",
    "processor/bars.py",
    "processor/focus.py",
    "processor/inset.py",
    "processor/fingerprint.py",
    "processor/tones.py",
    "processor/rendition.py",
)
# Of the standard library, what reaches outside the process.
IMPURE = {"asyncio", "http", "io", "logging", "multiprocessing", "os", "pathlib", "shutil", "signal", "socket"}
IMPURE |= {"sqlite3", "subprocess", "tempfile", "threading", "time", "urllib"}

# Programs start here: they hand the environment on.
ENTRY_POINTS = (
    "*/settings.py",
    "*/__main__.py",
    "*/cli.py",
    "wrangler_compat/config.py",
    "wrangler_compat/dev.py",
    "wrangler_compat/dev/*.py",
    "benchmarks/*.py",
)


def is_pure(module: Module) -> bool:
    return any(module.path.match(pattern) for pattern in PURE)


def reads_environment(module: Module) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv", "getenvb"} and _is_os(node))
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and _takes_environment(node))
        for node in ast.walk(module.tree)
    )


def _is_os(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "os"


def _takes_environment(node: ast.ImportFrom) -> bool:
    return any(alias.name in {"environ", "environb", "getenv", "getenvb"} for alias in node.names)


def forbidden_imports(module: Module) -> set[str]:
    """Packages of ours that this one may not import."""
    if module.package not in ALLOWED:
        return set()
    return (top_level(module) & {*PACKAGES, "tests", "benchmarks"}) - ALLOWED[module.package] - {module.package}


def misplaced_vendors(module: Module) -> set[str]:
    if module.package not in PACKAGES:
        return set()
    return {name for name in top_level(module) & set(ADAPTERS) if str(module) not in ADAPTERS[name]}


def impure_imports(module: Module) -> set[str]:
    ours = {name for name in imports(module) if name.split(".")[0] in PACKAGES}
    names = {name for name in imports(module) if not name.startswith("urllib.parse")}
    wanted = {name.split(".")[0] for name in names} - {"numpy", "scipy", "wire", *SERVICES}
    return (wanted - (sys.stdlib_module_names - IMPURE)) | {name for name in ours if not _is_pure_name(name)}


def _is_pure_name(name: str) -> bool:
    """Whether a dotted name of ours lies in a pure module: a.b.c may be module a/b/c.py, or c of a/b.py."""
    parts = name.split(".")
    whole, holder = Path(*parts), Path(*parts[:-1])
    candidates = (whole.with_suffix(".py"), whole / "__init__.py", holder.with_suffix(".py"), holder / "__init__.py")
    return any(path.match(pattern) for path in candidates for pattern in PURE)


def broken(rule: Callable[[Module], set[str]], among: Iterable[Module]) -> dict[str, set[str]]:
    """What each module has that the rule forbids it."""
    return {str(module): found for module in among if (found := rule(module))}


def test_packages_import_only_whom_they_may() -> None:
    assert broken(forbidden_imports, modules()) == {}, "see docs/architecture.md, Who imports whom"


def test_each_vendor_is_imported_in_its_adapter() -> None:
    assert broken(misplaced_vendors, modules()) == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_has_one_http_client_at_most(package: str) -> None:
    clients = [str(module) for module in modules() if module.package == package and "httpx" in top_level(module)]
    assert len(clients) <= 1


def test_pure_modules_stay_pure() -> None:
    assert broken(impure_imports, filter(is_pure, modules())) == {}


def test_the_environment_is_read_in_settings_and_entry_points_only() -> None:
    others = [module for module in modules() if not any(module.path.match(pattern) for pattern in ENTRY_POINTS)]
    readers = [str(module) for module in others if reads_environment(module)]
    assert readers == [], "take what you need as a parameter; settings modules read it"


def test_the_rules_apply_to_something() -> None:
    assert {module.package for module in modules()} >= set(PACKAGES)
    assert sum(map(is_pure, modules())) > 10
    used = {name for module in modules() for name in misplaced_vendors(module) | top_level(module)}
    assert {"aiobotocore", "aiosqlite", "arq", "av"} <= used


@pytest.mark.parametrize(
    ("path", "text", "forbidden"),
    [
        ("edge_api/a.py", "import consumer.policy", {"consumer"}),
        ("consumer/a.py", "def f():\n    from edge_api import app", {"edge_api"}),
        ("processor/a.py", "from wrangler_compat.r2 import types", {"wrangler_compat"}),
        ("processor/a.py", "import importlib\nimportlib.import_module('consumer.policy')", {"consumer"}),
        ("wire/a.py", "from wrangler_compat import errors", {"wrangler_compat"}),
        ("wrangler_compat/a.py", "import wire", {"wire"}),
        ("wrangler_compat/a.py", "import tests.services", {"tests"}),
        ("edge_api/a.py", "import wire, wrangler_compat\nfrom . import b\nfrom .c import d", set()),
    ],
)
def test_the_import_rule_catches(path: str, text: str, forbidden: set[str]) -> None:
    assert forbidden_imports(Module(Path(path), text)) == forbidden


def test_the_vendor_rule_catches() -> None:
    assert misplaced_vendors(Module(Path("consumer/a.py"), "import redis.asyncio")) == {"redis"}
    assert misplaced_vendors(Module(Path("wrangler_compat/d1/sqlite.py"), "import aiosqlite")) == set()


def test_the_purity_rule_catches() -> None:
    assert impure_imports(Module(Path("consumer/policy.py"), "import time, math")) == {"time"}
    assert impure_imports(Module(Path("consumer/policy.py"), "import structlog")) == {"structlog"}
    assert impure_imports(Module(Path("wire/a.py"), "from urllib.parse import urlsplit\nimport urllib.request")) == {
        "urllib"
    }
    unclean = Module(Path("consumer/policy.py"), "from consumer.pipeline import run\nfrom wire import verdicts")
    assert impure_imports(unclean) == {"consumer.pipeline.run"}


READERS = (
    "import os\nos.environ['A']",
    "import os\nx = os.getenv('A')",
    "from os import environ",
    "from os import getenv",
)


@pytest.mark.parametrize("text", READERS)
def test_the_environment_rule_catches(text: str) -> None:
    assert reads_environment(Module(Path("consumer/a.py"), text))
    assert not reads_environment(Module(Path("consumer/a.py"), "import os\nos.getpid()\nenviron = {}"))

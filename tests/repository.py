"""The repository's own Python files and what they import, for the tests that keep its rules."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SERVICES = ("edge_api", "consumer", "processor")
PACKAGES = (*SERVICES, "wrangler_compat", "wire")


@dataclass(frozen=True, eq=False)
class Module:
    """path: relative to the repository."""

    path: Path
    text: str

    @functools.cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def package(self) -> str:
        """edge_api for edge_api/app.py; benchmarks for benchmarks/upload.py."""
        return self.path.parts[0]

    def __str__(self) -> str:
        return self.path.as_posix()


@functools.cache
def modules() -> tuple[Module, ...]:
    """Every Python file but the tests and what is hidden."""
    tops = [path for path in ROOT.iterdir() if not path.name.startswith((".", "tests"))]
    found = [path for top in tops for path in ([top] if top.suffix == ".py" else top.rglob("*.py"))]
    return tuple(Module(path.relative_to(ROOT), path.read_text(encoding="utf-8")) for path in sorted(found))


@functools.cache
def imports(module: Module) -> frozenset[str]:
    """The dotted name of everything that a module imports, anywhere in it. "from a import b" gives a.b."""
    return frozenset(_imports(module))


def _imports(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            folders = module.path.parent.parts
            parts = [*folders[: len(folders) - node.level + 1]] if node.level else []
            source = ".".join([*parts, *([node.module] if node.module else [])])
            yield from (f"{source}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _called(node) in {"import_module", "__import__"}:
            yield from (str(argument.value) for argument in node.args[:1] if isinstance(argument, ast.Constant))


def top_level(module: Module) -> set[str]:
    return {name.split(".")[0] for name in imports(module)}


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""

"""The tables of settings in docs/deployment.md, made from the services' own descriptions.

python -m tests.deploy.settings_table    writes them anew
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import consumer.settings
import edge_api.settings
import processor.settings
from tests.deploy.files import ROOT
from tests.deploy.known import FOLDERS
from wrangler_compat.config import SettingDescription, describe_settings, load_worker

PAGE = ROOT / "docs" / "deployment.md"
CLASSES: Mapping[str, type[Any]] = {"web": edge_api.settings.Settings, "worker": consumer.settings.Settings}
TYPES = ("web", "worker", "processor")
_MACHINE_DEPENDENT = {"SLOTS": "cores, at most 4"}
_HEAD = "| name | default | meaning |\n|---|---|---|\n"


def table(process_type: str) -> str:
    rows = _processor_rows() if process_type == "processor" else _worker_rows(process_type)
    return _HEAD + "".join(f"| `{name}` | {default} | {_cell(meaning)} |\n" for name, default, meaning in rows)


def documented(page: str, process_type: str) -> str:
    """What stands between the marks of a process type. Raises LookupError without them."""
    begin, end = (re.escape(f"<!-- settings of {process_type}: {word} -->") for word in ("begin", "end"))
    found = re.search(f"{begin}\n(.*?){end}", page, re.DOTALL)
    if found is None:
        raise LookupError(f"docs/deployment.md has no marks for the settings of {process_type}")
    return found[1]


def renewed(page: str) -> str:
    for process_type in TYPES:
        documented(page, process_type)
        before, begin, rest = page.partition(f"<!-- settings of {process_type}: begin -->\n")
        _, end, after = rest.partition(f"<!-- settings of {process_type}: end -->")
        page = before + begin + table(process_type) + end + after
    return page


def _worker_rows(process_type: str) -> Iterator[tuple[str, str, str]]:
    defaults = load_worker(FOLDERS[process_type], {}).vars
    for about in describe_settings(CLASSES[process_type]):
        given = defaults.get(about.name)
        default = "not set" if about.name not in defaults else _shown(given)
        yield about.name, default, about.description + _limits(about)


def _processor_rows() -> Iterator[tuple[str, str, str]]:
    for name, default, meaning in processor.settings.describe():
        yield name, _MACHINE_DEPENDENT.get(name) or _shown(default), meaning


def _limits(about: SettingDescription) -> str:
    said = [f"In {about.unit}"] if about.unit else []
    if about.choices:
        said.append(f"of {', '.join(about.choices)}" if about.type == "list" else f"one of {', '.join(about.choices)}")
    text = "; ".join(said)
    return f" {text[:1].upper()}{text[1:]}." if text else ""


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`" if default != "" else "empty"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))

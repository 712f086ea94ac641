"""docs/deployment.md keeps up with the settings, the files, the ports and the commands it speaks of."""

from __future__ import annotations

import re

import pytest

from tests.deploy import files, known, settings_table
from tests.deploy.files import DEPLOY, ROOT
from tests.deploy.settings_table import PAGE, TYPES, documented, renewed, table
from wrangler_compat.connections import CONNECTION_NAMES

TEXT = PAGE.read_text()
RENEW = "run `python -m tests.deploy.settings_table`"


def rows(text: str) -> dict[str, str]:
    return {found[1]: found[0] for found in re.finditer(r"^\| `([A-Z][A-Z0-9_]+)` \|.*$", text, re.MULTILINE)}


@pytest.mark.parametrize("process_type", TYPES)
def test_every_setting_stands_in_its_table_as_it_is(process_type: str) -> None:
    assert rows(documented(TEXT, process_type)) == rows(table(process_type)), RENEW


@pytest.mark.parametrize("process_type", TYPES)
def test_the_tables_have_all_that_the_services_describe(process_type: str) -> None:
    named = known.names(process_type) - set(CONNECTION_NAMES) - (known.LISTENING if process_type == "web" else set())
    assert set(rows(table(process_type))) == named


def test_every_connection_is_explained_with_its_default() -> None:
    explained = rows(TEXT)
    for name, default in known.connection_defaults().items():
        assert name in explained
        assert f"`{default}`" in explained[name] if default else True


def test_every_file_of_deploy_is_spoken_of() -> None:
    spoken = [path for path in DEPLOY.iterdir() if path.is_file() and path.name != ".gitignore"]
    assert [path.name for path in spoken if path.name not in TEXT] == []


def test_every_unit_target_is_spoken_of() -> None:
    assert [path.name for path in files.unit_files() if path.suffix == ".target" and path.name not in TEXT] == []


def test_every_path_it_names_exists() -> None:
    named = set(re.findall(r"\b(?:deploy|docs|migrations|benchmarks)/[\w./-]*\w(?![\w*])", TEXT)) - {"deploy/.env"}
    assert len(named) > 8
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_name_it_mentions_is_one() -> None:
    """In code marks or set in a command; words of the platforms are listed here."""
    foreign = {"BEGIN", "WAL", "RAILWAY_RUN_UID", *known.FOREIGN, *known.LISTENING, "AWS_ACCESS_KEY_ID"}
    mentioned = set(re.findall(r"`([A-Z][A-Z0-9]+_[A-Z0-9_]+)`", TEXT)) | set(
        re.findall(r"\b([A-Z][A-Z0-9]+_[A-Z0-9_]+)=", TEXT)
    )
    ours = {name for process_type in (*TYPES, "release") for name in known.names(process_type)}
    assert mentioned - ours - foreign == set()


@pytest.mark.parametrize("address", ["127.0.0.1:8787", f":{known.metrics_port()}", f":{known.processor_port()}"])
def test_the_addresses_of_health_are_right(address: str) -> None:
    assert address in TEXT


def test_flys_commands_set_every_secret_and_make_every_volume() -> None:
    for name in files.fly_secrets():
        assert f"{name}=" in TEXT
    for mount in files.fly("fly.toml")["mounts"]:
        assert f"fly volumes create {mount['source']}" in TEXT


def test_the_user_of_the_image_is_the_owner_it_gives_the_volumes_to() -> None:
    user = next(found.argument for found in files.last_stage() if found.keyword == "USER")
    assert f"chown {user}" in TEXT


def test_renewing_repairs_a_stale_table_and_touches_nothing_else() -> None:
    stale = TEXT.replace("| `MAX_FILE_SIZE` |", "| `MAX_FILE_SIZES` |", 1)
    assert stale != TEXT
    assert renewed(stale) == renewed(TEXT)
    assert renewed(renewed(TEXT)) == renewed(TEXT)


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(LookupError, match="no marks for the settings of worker"):
        settings_table.documented("# Deployment", "worker")

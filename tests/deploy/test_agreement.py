"""Every way of running starts the Procfile's programs, with names they know, values they take and nothing missing."""

from __future__ import annotations

import pytest

from tests.deploy import files, known
from tests.deploy.deployments import Start, starts
from tests.deploy.files import SECRETS

TYPES = {"web", "worker", "processor", "release"}
every_start = pytest.mark.parametrize("start", starts(), ids=str)


def test_the_procfile_has_the_process_types() -> None:
    assert set(files.procfile()) == TYPES


@pytest.mark.parametrize("where", ["compose", "fly", "railway", "systemd"])
def test_every_process_type_is_started_everywhere(where: str) -> None:
    assert {start.process_type for start in starts() if start.where == where} == TYPES


@every_start
def test_the_command_is_the_procfiles(start: Start) -> None:
    assert files.program(start.command) == files.program(files.procfile()[start.process_type])


@every_start
def test_every_name_is_known(start: Start) -> None:
    knowing = {name for sharing in (start.process_type, *start.shares) for name in known.names(sharing)}
    assert set(start.environ) - knowing - set(known.FOREIGN) == set()


@every_start
def test_everything_needed_is_there(start: Start) -> None:
    assert known.needed(start.process_type) - {name for name, value in start.environ.items() if value} == set()


@every_start
def test_the_service_would_take_it(start: Start) -> None:
    """Bad values and names that look like misspelt settings raise."""
    read = known.check(start.process_type, start.environ)
    if read is not None:
        assert read.r2_endpoint == start.environ["R2_ENDPOINT"]
        assert read.database_url.startswith("sqlite:////")


@every_start
def test_the_processor_is_given_no_credentials(start: Start) -> None:
    if start.process_type == "processor":
        named = {"R2_ENDPOINT", "DATABASE_URL", "REDIS_URL", "CHROMA_URL", *SECRETS}
        assert named & set(start.environ) == set()


@every_start
def test_the_database_is_the_same_file_for_all(start: Start) -> None:
    files_of = {
        other.environ["DATABASE_URL"]
        for other in starts()
        if other.where == start.where and "DATABASE_URL" in other.environ
    }
    assert len(files_of) == 1


def test_connections_and_secrets_that_services_name_are_the_ones_checked_here() -> None:
    assert known.needed("web") == {"R2_ENDPOINT", "R2_ACCESS_KEY", "R2_SECRET_KEY", "DATABASE_URL", "REDIS_URL"}
    assert known.needed("worker") == known.needed("web") | {"CHROMA_URL", "PROCESSOR_URL"}


def test_a_misspelt_name_would_be_found() -> None:
    start = next(start for start in starts() if str(start) == "compose-worker")
    with pytest.raises(Exception, match="did you mean METRICS_PORT"):
        known.check("worker", start.environ | {"METRICS_PRT": "1"})


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("exec python -m edge_api serve --host 0.0.0.0 --port $PORT", ["python", "-m", "edge_api", "serve"]),
        ("python -m edge_api serve --port=${PORT:-1}", ["python", "-m", "edge_api", "serve"]),
        ("/opt/x/bin/arq consumer.worker.WorkerSettings", ["arq", "consumer.worker.WorkerSettings"]),
        ("env HOST=${HOST:-0.0.0.0} python -m processor", ["python", "-m", "processor"]),
    ],
)
def test_programs_compare_without_where_they_listen(command: str, program: list[str]) -> None:
    assert files.program(command) == program

"""Schemathesis over an OpenAPI document and the system that it describes: requests in, answers counted, faults kept."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.engine import Status, events, from_schema

from benchmarks.contract.sense import make_sensible

_REFUSALS = ["400", "401", "403", "404", "405", "409", "412", "413", "415", "429", "460"]
"""How a bad request may be refused; 412 and 460 are those of tus."""

SLOWEST_SECONDS = 10.0
"""An answer that takes longer, beyond the `wait` for which it was asked to, is a fault."""

_OBJECTS_BETWEEN_COLLECTIONS = 200_000


@dataclass(frozen=True)
class Target:
    """A running system.

    token: an admin's. secret: PROCESSOR_SECRET; None: the routes of services are only asked without it.
    url_host: a host of ALLOWED_URL_HOSTS and WEBHOOK_ALLOWED_HOSTS.
    """

    url: str
    token: str
    secret: str | None
    url_host: str


@dataclass(frozen=True)
class Fault:
    """operation: a method and a path, or a phase of schemathesis. check: which one failed. request: a curl line."""

    operation: str
    check: str
    title: str
    message: str
    request: str


@dataclass
class Results:
    """statuses: of each operation's answers; None: there was none. faults: each kind once, with how often."""

    statuses: dict[str, Counter[int | None]] = field(default_factory=dict)
    faults: dict[tuple[str, str, str], Fault] = field(default_factory=dict)
    often: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)

    @property
    def cases(self) -> int:
        return sum(answers.total() for answers in self.statuses.values())

    def add(self, fault: Fault) -> None:
        key = (fault.operation, fault.check, fault.title)
        self.often[key] += 1
        self.faults.setdefault(key, fault)

    def faults_of(self, operation: str) -> int:
        return sum(often for key, often in self.often.items() if key[0] == operation)


def check(target: Target, document: Mapping[str, Any], results: Results, *, examples: int, seed: int) -> Iterator[None]:
    """Fill results; yields now and then. examples: random requests for each operation and each way of making them.

    Made are: what the document gives as examples, each boundary of each schema, requests at random, good and bad, and
    sequences in which an answer feeds the next request. All of schemathesis's checks are made on each answer. That one
    user cannot reach another's, for which it needs two, is left to the matrix of tests/edge_api/test_access.py.
    """
    schema = schemathesis.openapi.from_dict(dict(document), config=configuration(target, document, examples, seed))
    make_sensible(schema, target.url_host)
    with _garbage_collected_between():
        for event in from_schema(schema).execute():
            match event:
                case events.ScenarioFinished():
                    _count(event, results)
                    if gc.get_count()[0] > _OBJECTS_BETWEEN_COLLECTIONS:
                        gc.collect()
                    yield
                case events.NonFatalError():
                    results.add(Fault(event.label, "error", event.info.title, str(event.info.message), ""))
                case events.PhaseFinished(status=Status.ERROR):
                    results.add(Fault(event.phase.name.value, "error", "The phase could not be run", "", ""))


@contextmanager
def _garbage_collected_between() -> Iterator[None]:
    """Garbage is collected only where that is asked for.

    schemathesis and hypothesis parse Python in several threads. CPython 3.11 keeps the depth of a tree that is being
    built for all threads in one place, and a collection in the middle of that lets another thread in: SystemError, "AST
    constructor recursion depth mismatch" (python/cpython#106905).
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def configuration(target: Target, document: Mapping[str, Any], examples: int, seed: int) -> schemathesis.Config:
    """How schemathesis asks, and what it lets pass."""
    schemes: dict[str, Any] = {"token": {"bearer": target.token}}
    if target.secret is not None:
        schemes["internal"] = {"api_key": f"Internal-Secret {target.secret}"}
    return schemathesis.Config.from_dict(
        {
            "seed": seed,
            "base-url": target.url,
            "auth": {"openapi": schemes},
            "generation": {"max-examples": examples, "database": "none"},
            "checks": {
                "max_response_time": SLOWEST_SECONDS,
                "negative_data_rejection": {"expected-statuses": _REFUSALS},
                "missing_required_header": {"expected-statuses": _REFUSALS},
            },
            "request-timeout": 2 * SLOWEST_SECONDS,
            "operations": [
                {
                    "include-name": name,
                    "request-timeout": seconds + 2 * SLOWEST_SECONDS,
                    "checks": {"max_response_time": seconds + SLOWEST_SECONDS},
                }
                for name, seconds in _waits(document)
            ],
            # A stream of events says at once what there is to say; the rest is waiting.
            "max-stream-events": 1,
            "continue-on-failure": True,
            "workers": 1,
        }
    )


def _waits(document: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The operations whose answer may be put off by their caller, and the seconds that it may be."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for told in operation.get("parameters", ()) if isinstance(operation, dict) else ():
                if told.get("name") == "wait":
                    yield f"{method.upper()} {path}", float(told["schema"]["maximum"])


def _count(event: events.ScenarioFinished, results: Results) -> None:
    recorder = event.recorder
    for case_id, interaction in recorder.interactions.items():
        operation = recorder.cases[case_id].value.operation.label
        status = None if interaction.response is None else interaction.response.status_code
        results.statuses.setdefault(operation, Counter())[status] += 1
    for case_id, checks in recorder.checks.items():
        operation = recorder.cases[case_id].value.operation.label
        for made in checks:
            results.checks[made.name] += 1
            if made.failure_info is not None:
                failure = made.failure_info.failure
                results.add(Fault(operation, made.name, failure.title, failure.message, made.failure_info.code_sample))
            elif made.status is Status.ERROR:
                results.add(Fault(operation, made.name, "The check itself failed", "", ""))

"""The doctor's rounds: now and then one of the workers looks, and every worker reports what was last found."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import structlog

from consumer import doctor_queries
from consumer.checkup import KINDS, Report
from consumer.clock import Clock, moment
from consumer.doctor import Doctor
from consumer.metrics import Metrics
from wrangler_compat.d1.types import D1Database
from wrangler_compat.errors import BindingError

_DUTY = "doctor"
_LONGEST_PAUSE_SECONDS = 60.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rounds:
    """interval: seconds between two looks, whichever worker does them; 0: none."""

    doctor: Doctor
    db: D1Database
    metrics: Metrics
    now: Clock
    interval: float

    async def run_forever(self) -> None:
        """Returns at once when the interval is 0."""
        while self.interval:
            await self.run_once()
            await asyncio.sleep(min(self.interval, _LONGEST_PAUSE_SECONDS))

    async def run_once(self) -> None:
        """Look if it is time and nobody else does; report. What fails is logged and tried again an interval later."""
        try:
            if await self._take():
                await note(self.db, await self.doctor.examine(), self.now)
            await self._publish()
        except BindingError as error:
            _log.warning("doctor_interrupted", error=error.message)
        except Exception:
            _log.exception("doctor_failed")

    async def _take(self) -> bool:
        """Of all workers one gets it, once an interval."""
        due_again = moment(self.now(), plus_seconds=self.interval)
        taken = self.db.prepare(doctor_queries.TAKE_DUTY).bind(_DUTY, moment(self.now()), due_again)
        return (await taken.run()).meta.changes > 0

    async def _publish(self) -> None:
        last = await last_result(self.db)
        if last is not None:
            for kind in KINDS:
                self.metrics.doctor_findings.labels(kind=kind).set(
                    # A worker of the version before, which knows fewer kinds, may have looked.
                    last["found"].get(kind, 0) - last["mended"].get(kind, 0)
                )


async def note(db: D1Database, report: Report, now: Clock) -> None:
    """Keep what was found, for every worker to report."""
    _log.info("doctor", found=dict(report.found), mended=dict(report.mended), examined=dict(report.examined))
    await db.prepare(doctor_queries.DUTY_DONE).bind(_DUTY, moment(now()), json.dumps(report.to_json())).run()


async def last_result(db: D1Database) -> dict[str, Any] | None:
    """Report.to_json() of the last time; None before the first."""
    row = await db.prepare(doctor_queries.DUTY).bind(_DUTY).first()
    return None if row is None or row["result"] is None else dict(json.loads(row["result"]))

"""How a job ends when it does not reach its verdict.

JobStopped
+-- Refused          give up: what no retry can mend; the video is rejected with the reason
+-- HandedBack       not this job's fault: again after a while, the attempt is not counted
+-- LeaseLost        somebody else has the job, or the video is gone: touch nothing
Anything else        again after a while; counted, up to MAX_RETRIES, unless something that every job needs is away
"""

from __future__ import annotations


class JobStopped(Exception):  # noqa: N818 - an ending, not an error
    pass


class Refused(JobStopped):
    """reason: a stable snake_case word of docs/policy.md. message: a sentence a person understands."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class HandedBack(JobStopped):
    """delay_seconds: how long to leave the job alone."""

    def __init__(self, why: str, *, delay_seconds: float) -> None:
        super().__init__(why)
        self.why = why
        self.delay_seconds = delay_seconds


class LeaseLost(JobStopped):
    pass

"""`python -m consumer redecide`: verdicts made anew, or, in a dry run, shown as they would be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TextIO

from consumer.clock import Clock, moment
from consumer.detection import Detection
from consumer.explain import threshold_name
from consumer.history import History, Past, Selection, select
from consumer.kept import Shelf, UnusableFingerprintError
from consumer.progress import interruptible, progress
from consumer.rebuild import RedecideError
from consumer.replay import Kinship, Replay, Replayed
from consumer.search import Search
from consumer.thresholds import SETTINGS, Thresholds
from wire.jobs import Priority
from wrangler_compat.errors import QueueError
from wrangler_compat.queues.types import Queue

MOST_SEARCHED = 100
"""A dry run of more videos than this does not search the index unless told to."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """replayed: in the order of the videos. searched: whether candidates were looked for anew. is_whole: False when it
    was interrupted."""

    before: Thresholds
    tried: Thresholds
    replayed: tuple[Replayed, ...]
    left_out: Mapping[str, int]
    searched: bool
    is_whole: bool

    @property
    def unreadable(self) -> int:
        return sum(each.verdict is None for each in self.replayed)


@dataclass(frozen=True, slots=True)
class Sent:
    """reopened: put back to processing. sent: jobs whose message reached its queue; the sweep sends the others."""

    reopened: int
    sent: int
    left_out: Mapping[str, int]


def thresholds_with(thresholds: Thresholds, changes: Sequence[str]) -> Thresholds:
    """changes: NAME=VALUE, where NAME is a setting of the policy or a field of Thresholds. Raises ValueError."""
    known = {field.name: field.name for field in fields(Thresholds)} | {name: field for field, name in SETTINGS.items()}
    values: dict[str, float] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or name not in known:
            settable = ", ".join(threshold_name(field.name) for field in fields(Thresholds))
            raise ValueError(f"--set takes NAME=VALUE, and NAME is one of {settable}; not {change!r}")
        try:
            values[known[name]] = float(value)
        except ValueError:
            raise ValueError(f"--set {name} takes a number, not {value!r}") from None
    changed = replace(thresholds, **values)
    changed.check()
    return changed


async def chosen_among(
    history: History, video_ids: Sequence[str], *, reviewed_too: bool
) -> tuple[Selection, list[Past]]:
    """What is to be decided anew: these videos, or all; and every other video. Raises RedecideError."""
    videos = await history.videos()
    known = {past.video.id: past for past in videos}
    for video_id in video_ids:
        if video_id not in known:
            raise RedecideError(f"There is no video {video_id}.")
    asked = [known[video_id] for video_id in video_ids] if video_ids else videos
    selection = select(asked, reviewed_too=reviewed_too)
    again = {past.video.id for past in selection.chosen}
    return selection, [past for past in videos if past.video.id not in again]


@dataclass(frozen=True, slots=True)
class Redecide:
    """searches: whether a dry run searches the index; None: if there are not too many videos. errors: where progress
    is shown."""

    history: History
    search: Search
    shelf: Shelf
    detection: Detection
    queues: Mapping[Priority, Queue]
    now: Clock
    errors: TextIO
    searches: bool | None = None

    async def dry_run(
        self, selection: Selection, others: Sequence[Past], before: Thresholds, tried: Thresholds
    ) -> DryRun:
        """Writes nothing. Ctrl-C ends it early."""
        chosen = selection.chosen
        searches = len(chosen) <= MOST_SEARCHED if self.searches is None else self.searches
        links = await self.history.links([*chosen, *others])
        found: dict[str, list[str]] = {}
        replayed: list[Replayed] = []
        replay = Replay(self.shelf, self.search.workers, self.detection, self.search.max_candidates)
        with interruptible() as stop:
            if searches:
                with progress("searching", len(chosen), self.errors) as searched:
                    for past in chosen:
                        if stop.is_set():
                            break
                        found[past.video.id] = await self._found(past)
                        searched.step()
            with progress("deciding", len(chosen), self.errors) as decided:

                def note(done: Replayed) -> None:
                    replayed.append(done)
                    decided.step()

                await replay.run(
                    Kinship(chosen, others, links, found, await self.history.parted()), note=note, stop=stop
                )
        replayed.sort(key=lambda each: each.before.video.order)
        whole = len(replayed) == len(chosen)
        return DryRun(before, tried, tuple(replayed), selection.left_out, searches, whole)

    async def _found(self, past: Past) -> list[str]:
        """The videos that the index proposes now, best first."""
        try:
            fingerprint = await self.shelf.read(past.video.fingerprint_key or "")
        except UnusableFingerprintError:
            return []
        found = await self.search.find(past.video, fingerprint)
        return [candidate.video_id for candidate in found.candidates]

    async def send(self, selection: Selection, *, reviewed_too: bool) -> Sent:
        """Put the chosen videos back to pending, and send their jobs, oldest first."""
        ids = [past.video.id for past in selection.chosen]
        jobs = await self.history.reopen(ids, moment(self.now()), reviewed_too=reviewed_too)
        sent = 0
        try:
            with progress("sending", len(jobs), self.errors) as shown:
                for priority, job in jobs:
                    await self.queues[priority].send(job.to_body())
                    sent += 1
                    shown.step()
        except QueueError:
            # The rows are the truth: the sweep of any worker sends what is pending without a message.
            pass
        return Sent(len(jobs), sent, selection.left_out)


def dry_run_text(run: DryRun) -> str:
    return "\n".join(_dry_run_lines(run))


def _dry_run_lines(run: DryRun) -> Iterator[str]:
    yield _tried(run)
    changed = [each for each in run.replayed if each.change is not None]
    if changed:
        yield ""
        yield from _table([("VIDEO", "OLD", "NEW", "SCORE", "AGAINST"), *map(_row, changed)])
    yield ""
    kinds = Counter(each.change for each in changed)
    counts = [(str(kind), count) for kind, count in sorted(kinds.items(), key=lambda item: (-item[1], str(item[0])))]
    counts.append(("unchanged", len(run.replayed) - len(changed) - run.unreadable))
    if run.unreadable:
        counts.append(("fingerprint gone or damaged", run.unreadable))
    counts += left_out_counts(run.left_out)
    yield from _table([(kind, str(count)) for kind, count in counts])
    if not run.is_whole:
        yield "Interrupted: only these were judged."


def _tried(run: DryRun) -> str:
    changes = [
        f"{threshold_name(field.name)} {getattr(run.before, field.name):g} -> {getattr(run.tried, field.name):g}"
        for field in fields(Thresholds)
        if getattr(run.before, field.name) != getattr(run.tried, field.name)
    ]
    thresholds = ", ".join(changes) if changes else "the thresholds of the settings"
    how = "the candidates of the kept verdicts" + (" and of a fresh search" if run.searched else "")
    return f"Dry run with {thresholds}; from {how}. Nothing is written."


def _row(each: Replayed) -> tuple[str, ...]:
    before, after = each.before, each.verdict
    if after is None:
        return before.video.id, _shown(before.status, before.reason), "", "", ""
    score = "" if after.similarity_score is None else f"{after.similarity_score:.4f}"
    against = after.duplicate_of or after.similar_to or ""
    return before.video.id, _shown(before.status, before.reason), _shown(after.status, after.reason), score, against


def _shown(status: str, reason: str | None) -> str:
    return f"{status} ({reason})" if reason else status


def left_out_counts(left_out: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(f"left out: {why}", count) for why, count in sorted(left_out.items())]


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def sent_text(sent: Sent) -> str:
    lines = [f"{sent.reopened} videos are being decided anew, oldest first."]
    if sent.sent < sent.reopened:
        lines.append(f"The queue took {sent.sent} jobs; the sweep of a running worker sends the others.")
    lines += [f"{count} {why}" for why, count in left_out_counts(sent.left_out)]
    return "\n".join(lines)


def confirmation_text(selection: Selection) -> str:
    lines = [
        f"{len(selection.chosen)} videos would go back to processing until a running worker has decided them anew.",
        *(f"{count} {why}" for why, count in left_out_counts(selection.left_out)),
        "Nothing was done. `--dry-run` shows what would change; `--yes` does it.",
    ]
    return "\n".join(lines)

"""`python -m consumer explain`: loads two fingerprints, compares them, and says in words what explanation.py finds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from consumer.explanation import Change, Explanation, Side, explain, told
from consumer.history import History, Past
from consumer.kept import Shelf, UnusableFingerprintError, check_version
from consumer.policy import Gate
from consumer.similarity import Evidence, compare
from consumer.thresholds import SETTINGS, Thresholds
from consumer.workers import Workers
from wire.fingerprints import Fingerprint
from wire.gates import QUESTIONS
from wire.verdicts import Segment


class UnknownVideoError(Exception):
    """There is no such video. The message says so."""


@dataclass(frozen=True, slots=True)
class Explainer:
    history: History
    shelf: Shelf
    workers: Workers
    thresholds: Thresholds

    async def explain(self, upload_id: str, other_id: str) -> Explanation:
        """Raises UnknownVideoError and UnusableFingerprintError."""
        if upload_id == other_id:
            raise UnknownVideoError("Name two different videos: a video is not compared with itself.")
        pasts = [await self._past(video_id) for video_id in (upload_id, other_id)]
        upload, other = [await self._fingerprint(past) for past in pasts]
        evidence = await self.workers.run(compare, upload, other)
        return explain(_side(pasts[0], upload), _side(pasts[1], other), evidence, self.thresholds)

    async def _past(self, video_id: str) -> Past:
        past = await self.history.video(video_id)
        if past is None:
            raise UnknownVideoError(f"There is no video {video_id}.")
        return past

    async def _fingerprint(self, past: Past) -> Fingerprint:
        key = past.video.fingerprint_key
        if key is None:
            raise UnusableFingerprintError(f"No fingerprint of {past.video.id} is kept: {_why_not_kept(past)}.")
        check_version(key, past.video.algorithm_version)
        return await self.shelf.read(key)


def _why_not_kept(past: Past) -> str:
    if past.decided_by == "content_sha256" and past.duplicate_of is not None:
        return f"it has the same bytes as {past.duplicate_of}, so it was never processed; explain that one"
    if past.status == "rejected":
        return f"it was rejected ({past.reason}) before there was one"
    return "it is still being processed" if past.status == "processing" else "its row names none"


def _side(past: Past, fingerprint: Fingerprint) -> Side:
    video = past.video
    return Side(video.id, video.uploaded_at, past.status, fingerprint.duration, fingerprint.width, fingerprint.height)


def to_json(explanation: Explanation) -> str:
    """What text() says, as one JSON object."""
    return json.dumps(told(explanation), indent=2, default=float)


def text(explanation: Explanation) -> str:
    """For people, in lines."""
    return "\n".join(_lines(explanation))


def _lines(explanation: Explanation) -> Iterator[str]:
    upload, other, evidence = explanation.upload, explanation.other, explanation.evidence
    yield from _sides(upload, other)
    yield ""
    yield from _picture(evidence)
    yield ""
    yield from _sound(evidence)
    yield ""
    yield "The policy asks, in this order:"
    yield from _gates(explanation.gates)
    yield ""
    yield f"Verdict on this pair: {_verdict(explanation)}"
    yield from _changes(explanation.changes)


def _sides(upload: Side, other: Side) -> Iterator[str]:
    for name, side in (("upload", upload), ("other", other)):
        yield (
            f"{name:7} {side.video_id}  {side.duration:.1f} s, {side.width}x{side.height}, "
            f"uploaded {side.uploaded_at}, {side.status}"
        )
    if (upload.uploaded_at, upload.video_id) < (other.uploaded_at, other.video_id):
        yield "note    the first of the two came first; the policy judges the later one against the earlier one"


def _picture(evidence: Evidence) -> Iterator[str]:
    yield f"Picture: video_score {evidence.video_score:.4f}"
    yield f"  still   {evidence.still:6.3f}   correlation of the pictures where they agree; 1: they show the same"
    yield f"  moving  {evidence.moving:6.3f}   correlation of what changes over time; a set or a logo has no part in it"
    yield f"  area    {evidence.area:6.1%}   of the upload's picture agrees"
    yield f"  covers  {evidence.coverage:6.1%}   of the upload, {evidence.ref_coverage:.1%} of the other"
    yield f"  view    {_view(evidence)}"
    if not evidence.segments:
        yield "  no stretch of picture is alike enough to be evidence"
    for segment in evidence.segments:
        how = f"speed {segment.speed:g}" + (", mirrored" if segment.mirrored else "")
        yield f"  {_range(segment)}   score {segment.score:.4f}, {how}"


def _view(evidence: Evidence) -> str:
    mirrored = "mirrored" if evidence.mirrored else "not mirrored"
    turns = evidence.quarter_turns % 4
    turned = f"turned by {90 * turns} degrees" if turns else "not turned"
    return f"{mirrored}, {turned}, speed {evidence.speed:g}"


def _sound(evidence: Evidence) -> Iterator[str]:
    if evidence.audio_score is None:
        yield "Sound: one of the two has none to compare"
        return
    yield f"Sound: audio_score {evidence.audio_score:.4f}"
    yield f"  length  {evidence.audio_seconds:6.1f} s of the stretch that agrees best"
    yield f"  variety {evidence.audio_variety:6.2f}   share of it that differs from the moment before; a hum has little"
    yield f"  pitch   {evidence.pitch_semitones:+6.2f}   semitones that the upload sounds higher"
    for segment in evidence.audio_segments:
        yield f"  {_range(segment)}   score {segment.score:.4f}"


def _range(segment: Segment) -> str:
    return (
        f"{segment.start:7.2f} -{segment.end:8.2f} s of the upload = "
        f"{segment.ref_start:7.2f} -{segment.ref_end:8.2f} s of the other"
    )


def _gates(gates: Sequence[Gate]) -> Iterator[str]:
    width = max(len(QUESTIONS[gate.name]) for gate in gates)
    for n, gate in enumerate(gates):
        answer = "yes" if gate.passed else "no"
        decided = "   <- decided" if n == len(gates) - 1 else ""
        yield f"  {n + 1:2}. {QUESTIONS[gate.name]:{width}}  {answer:3}  {_held_against(gate)}{decided}".rstrip()


def _held_against(gate: Gate) -> str:
    if gate.threshold is None:
        return ""
    value = "not measured" if gate.value is None else f"{gate.value:.4f}"
    return f"{value}, {gate.bound} {threshold_name(gate.threshold)} {gate.limit:g}"


def threshold_name(field: str) -> str:
    """The setting, or the field of Thresholds when it has none."""
    return SETTINGS.get(field, field)


def _verdict(explanation: Explanation) -> str:
    verdict = explanation.verdict
    score = "" if verdict.similarity_score is None else f", score {verdict.similarity_score:.4f}"
    if verdict.confidence is not None:
        score += f", confidence {verdict.confidence}"
    return _outcome(verdict.status, verdict.reason, verdict.similar_to is not None) + score


def _outcome(status: str, reason: str | None, is_noted: bool) -> str:
    if reason is not None:
        return f"{status} ({reason})"
    return f"{status}, noted as similar" if is_noted else status


def _changes(changes: Sequence[Change]) -> Iterator[str]:
    if not changes:
        yield "No change of a single threshold would give another verdict."
        return
    yield "Nearest change of a single threshold that would give another verdict:"
    for n, change in enumerate(changes):
        name = threshold_name(change.field) + ("" if change.setting else " (has no setting)")
        outcome = _outcome(change.status, change.reason, change.is_noted)
        also = "" if n == 0 else "or "
        yield f"  {also}{name} {change.before:g} -> {change.after!r} would make it {outcome}"

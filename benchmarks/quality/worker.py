"""A process that answers one kind of question: `python worker.py METHOD SECONDS`, a line of JSON for each line of JSON.

The methods ours, pairs, verdicts and recipe run with this project's Python; vpdq and videohash2 with that of the peers,
which has nothing of ours; fpcalc with either. The first line out says the version, or what is missing. Each answer says
the seconds it took, of the clock and of the processor, those of its children included; starting up is not in them.
SECONDS: between two samples of the picture, for those that sample as we do.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

Answer = dict[str, Any]
Handler = Callable[[dict[str, Any]], Answer]


def ours(every: float) -> tuple[str, Handler]:
    """What the processor makes of a file, in one thread: {"path", "start"?, "stop"?} -> {"fingerprint"}."""
    from processor.extract import Recipe, extract
    from processor.limits import DecodeLimits
    from wire.fingerprints import ALGORITHM_VERSION
    from wire.processing import ExtractRequest

    recipe = Recipe(every, 8, DecodeLimits(max_duration=24 * 3600, threads=1))

    def answer(asked: dict[str, Any]) -> Answer:
        request = ExtractRequest("file:", "x", asked.get("start"), asked.get("stop"), whole=True)
        with open(asked["path"], "rb") as file:
            made = extract(file, request, recipe)
        return {"fingerprint": made.fingerprint}

    return str(ALGORITHM_VERSION), answer


def verdicts(_: float) -> tuple[str, Handler]:
    """{"query", "references": {id: file}, "source"} -> the verdict, each reference's score, and the segments."""
    from consumer.policy import POLICY_VERSION, decide
    from consumer.similarity import compare
    from consumer.thresholds import Thresholds

    def answer(asked: dict[str, Any]) -> Answer:
        query = fingerprint(asked["query"])
        found = [(name, compare(query, fingerprint(file))) for name, file in asked["references"].items()]
        verdict = decide(found, Thresholds())
        source = dict(found)[asked["source"]]
        return {
            "status": verdict.status,
            "reason": verdict.reason,
            "named": verdict.duplicate_of,
            "pairs": {name: pair_score(evidence) for name, evidence in found},
            "segments": [segment_fields(segment) for segment in source.segments],
            "audio_segments": [segment_fields(segment) for segment in source.audio_segments],
        }

    return str(POLICY_VERSION), answer


def pairs(_: float) -> tuple[str, Handler]:
    """{"pairs": [[query, reference], ...]} -> the score of each and whether the policy catches it."""
    from consumer.policy import POLICY_VERSION
    from consumer.similarity import compare

    def answer(asked: dict[str, Any]) -> Answer:
        return {"pairs": [pair_score(compare(fingerprint(a), fingerprint(b))) for a, b in asked["pairs"]]}

    return str(POLICY_VERSION), answer


def pair_score(evidence: Any) -> Answer:
    """How surely two videos are the same, as one number: the verdict's score, or the picture's where it names none."""
    from consumer.policy import decide
    from consumer.thresholds import Thresholds

    verdict = decide([("x", evidence)], Thresholds())
    caught = verdict.status in {"duplicate", "flagged"}
    return {
        "score": evidence.video_score if verdict.similarity_score is None else verdict.similarity_score,
        "caught": caught,
        "reason": verdict.reason,
        "video": evidence.video_score,
        "audio": evidence.audio_score,
    }


def segment_fields(segment: Any) -> list[float]:
    fields = (segment.start, segment.end, segment.ref_start, segment.ref_end, segment.speed, segment.mirrored)
    return [float(number) for number in fields]


@functools.lru_cache(maxsize=1024)
def fingerprint(file: str) -> Any:
    """From a kept answer of the method ours."""
    import base64

    from wire.fingerprints import unpack

    with open(file, encoding="utf-8") as kept:
        return unpack(base64.b64decode(json.load(kept)["answer"]["fingerprint"]))


def recipe(every: float) -> tuple[str, Handler]:
    """The original design to the letter: 32 x 32 gray, DCT, the top left 8 x 8 with its constant, divided by the
    largest, the mean over the frames."""
    import av
    import numpy as np
    from scipy.fft import dctn

    def answer(asked: dict[str, Any]) -> Answer:
        blocks, due = [], 0.0
        with av.open(asked["path"]) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            for frame in container.decode(stream):
                if frame.time is None or frame.time + 1e-6 < due:
                    continue
                due = (int(frame.time / every) + 1) * every
                gray = frame.reformat(32, 32, "gray", interpolation="AREA").to_ndarray().astype(np.float64)
                block = dctn(gray, norm="ortho")[:8, :8]
                blocks.append(block.ravel() / max(float(np.abs(block).max()), 1e-9))
        return {"vector": np.mean(blocks, axis=0).tolist()}

    return "1", answer


def vpdq(every: float) -> tuple[str, Handler]:
    library = importlib.import_module("vpdq")

    def answer(asked: dict[str, Any]) -> Answer:
        features = library.computeHash(asked["path"], seconds_per_hash=every, thread_count=1)
        return {"hashes": [[feature.hex, feature.quality] for feature in features]}

    return version("vpdq"), answer


def videohash2(_: float) -> tuple[str, Handler]:
    library = importlib.import_module("videohash2")

    def answer(asked: dict[str, Any]) -> Answer:
        made = library.VideoHash(path=asked["path"])
        try:
            return {"hash": made.hash_hex}
        finally:
            made.delete_storage_path()

    return version("videohash2"), answer


def fpcalc(_: float) -> tuple[str, Handler]:
    known = subprocess.run(["fpcalc", "-version"], capture_output=True, text=True, check=True).stdout

    def answer(asked: dict[str, Any]) -> Answer:
        command = ["fpcalc", "-raw", "-json", "-length", "0", asked["path"]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not done.stdout:  # some builds call the end of a file an error, after a whole answer
            raise ValueError(done.stderr.strip() or "fpcalc failed")
        return {"codes": json.loads(done.stdout)["fingerprint"]}

    return known.split()[2], answer


def version(package: str) -> str:
    from importlib.metadata import version as installed

    return installed(package)


METHODS: dict[str, Callable[[float], tuple[str, Handler]]] = {
    "ours": ours,
    "verdicts": verdicts,
    "pairs": pairs,
    "recipe": recipe,
    "vpdq": vpdq,
    "videohash2": videohash2,
    "fpcalc": fpcalc,
}


def spent() -> float:
    """Seconds of processor time, of this process and the children it has waited for."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def answered(handler: Handler, line: str) -> Answer:
    began, used = time.perf_counter(), spent()
    try:
        answer: Answer = {"answer": handler(json.loads(line))}
    except Exception as failure:
        answer = {"error": f"{type(failure).__name__}: {failure}"}
    return answer | {"wall": time.perf_counter() - began, "cpu": spent() - used}


def main() -> None:
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    try:
        known, handler = METHODS[sys.argv[1]](float(sys.argv[2]))
    except (ImportError, OSError, subprocess.SubprocessError) as missing:
        print(json.dumps({"error": str(missing)}), file=out, flush=True)
        return
    print(json.dumps({"version": known}), file=out, flush=True)
    for line in sys.stdin:
        print(json.dumps(answered(handler, line)), file=out, flush=True)


if __name__ == "__main__":
    main()

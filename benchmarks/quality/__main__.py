"""Quality of detection: `python -m benchmarks.quality FOLDER [--sources N] [--only a,b] [--pairs N] [--out
docs/quality.md]`.

FOLDER holds clips no two of which show the same. Some are set aside to fill pictures with; of the others altered copies
are made with FFmpeg and looked up among the originals, by our pure core and by the peers, on the same files in one run.
Copies, hashes and verdicts are kept in the working folder: a run that was broken off goes on there, and one after a
change of ours makes only our part anew. How to install the peers: docs/quality.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import sys
import time
from pathlib import Path

from benchmarks.quality.alterations import UnknownAlterationError, chosen
from benchmarks.quality.clips import ClipError, Corpus, dealt, listened, need_ffmpeg, no_longer_than, probe, videos_in
from benchmarks.quality.copies import CopyError
from benchmarks.quality.cost import Cost, costs
from benchmarks.quality.measuring import Measured, Setting, measure
from benchmarks.quality.methods import PEERS, Present, present
from benchmarks.quality.plans import Clip
from benchmarks.quality.rows import ahead, by_alteration, by_group, overall, segment_rows, standings
from benchmarks.quality.tables import (
    NoMarkersError,
    ahead_lines,
    between_markers,
    cost_table,
    recall_table,
    segment_table,
    short_table,
    standing_table,
    thorn_table,
    unrelated_section,
    visioforge_table,
)
from benchmarks.quality.unrelated import Unrelated, compare_pairs
from benchmarks.quality.workers import SAMPLE_SECONDS, MissingMethodError, each
from consumer.policy import POLICY_VERSION
from wire.fingerprints import ALGORITHM_VERSION


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("folder", type=Path, help="of clips")
    made.add_argument(
        "--work", type=Path, default=Path(".twinreel/quality"), help="what is made is kept here (%(default)s)"
    )
    made.add_argument("--sources", type=int, help="how many clips to alter (default: all but the fillers)")
    made.add_argument("--names", type=Path, help="a file with the names of the clips to alter, one a line")
    made.add_argument("--only", default="", help="names or groups of alterations, by comma")
    made.add_argument("--max-seconds", type=float, default=20.0, help="longer clips are cut (default: %(default)g)")
    made.add_argument(
        "--others", type=int, default=8, help="unrelated originals beside each source (default: %(default)s)"
    )
    made.add_argument(
        "--peers", default="all", help="none, all, or names by comma: " + ", ".join(p.name for p in PEERS)
    )
    made.add_argument("--peers-python", type=Path, help="default: WORK/peers/bin/python")
    made.add_argument(
        "--pairs", type=int, default=0, help="unrelated pairs to compare (default: none; 100000 tells something)"
    )
    made.add_argument(
        "--cost", type=int, default=5, help="480p files to take the time of; 0 for none (default: %(default)s)"
    )
    made.add_argument(
        "--jobs", type=int, default=min(8, os.cpu_count() or 1), help="processes at a time (default: %(default)s)"
    )
    made.add_argument("--out", type=Path, help="a page to set the tables into, between its markers")
    made.add_argument("--short", type=Path, help="a page to set the short table into, between its markers")
    return made


def corpus_of(options: argparse.Namespace) -> Corpus:
    """Raises ClipError."""
    need_ffmpeg()
    paths = videos_in(options.folder)
    folder = options.work / "originals"

    def take(path: Path) -> Clip:
        return listened(no_longer_than(probe(path), options.max_seconds, folder))

    clips = each(paths, take, options.jobs, "originals")
    names = [] if options.names is None else options.names.read_text(encoding="utf-8").split()
    return dealt(clips, options.sources, [name for name in names if name])


def peers_of(options: argparse.Namespace) -> list[Present]:
    """Says on stderr which are left out."""
    known = [peer.name for peer in PEERS]
    names = {"all": known, "none": []}.get(options.peers, options.peers.split(","))
    if unknown := sorted(set(names) - set(known)):
        raise SystemExit(f"no such peer: {', '.join(unknown)}; there are {', '.join(known)}")
    # Not resolved: the link is what makes it the interpreter of its own environment.
    python = Path(os.path.abspath(options.peers_python or options.work / "peers" / "bin" / "python"))
    found, missing = present(names, python)
    for sentence in missing:
        print(sentence, file=sys.stderr)
    return found


def command(options: argparse.Namespace) -> str:
    """What makes these tables, without the folders of one machine."""
    defaults = parser().parse_args(["FOLDER"])
    words = ["python", "-m", "benchmarks.quality", "FOLDER"]
    for name in ("sources", "only", "max_seconds", "others", "peers", "pairs", "cost"):
        value = getattr(options, name)
        if value != getattr(defaults, name):
            words += [f"--{name.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join(words)


def heading(measured: Measured, options: argparse.Namespace) -> str:
    corpus = measured.corpus
    return (
        f"`{command(options)}`, {time.strftime('%Y-%m-%d')}, {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, algorithm version {ALGORITHM_VERSION}, policy version {POLICY_VERSION}, a "
        f"sample each {SAMPLE_SECONDS:g} s. "
        f"{len(measured.judged):,} copies of {len(corpus.altered)} clips, each looked up among its source and "
        f"{options.others} others of the {len(corpus.catalogue)} originals; {len(measured.refused)} copies could not "
        "be made or read."
    )


def report(measured: Measured, options: argparse.Namespace, unrelated: Unrelated | None, spent: list[Cost]) -> str:
    rows = by_alteration(measured)
    sections = [
        heading(measured, options),
        "### Methods",
        standing_table(standings(measured)),
        "### By group",
        recall_table([*by_group(measured), overall(measured)], "copies"),
        "### By alteration",
        recall_table(rows),
        ahead_lines(ahead(rows)),
    ]
    for title, text in (("Thorn's seven", thorn_table(rows)), ("VisioForge's nine", visioforge_table(rows))):
        sections += [f"### {title}", text] if text else []
    if timed := segment_rows(measured):
        sections += ["### Segments", segment_table(timed)]
    if unrelated is not None:
        sections += ["### Unrelated pairs", unrelated_section(unrelated)]
    if spent:
        sections += ["### Cost", cost_table(spent)]
    return "\n\n".join(sections)


def short_report(measured: Measured) -> str:
    return short_table(by_group(measured), overall(measured))


def set_into(page: Path, text: str) -> None:
    """Raises NoMarkersError."""
    page.write_text(between_markers(page.read_text(encoding="utf-8"), text), encoding="utf-8")


def run(options: argparse.Namespace) -> None:
    alterations = chosen([name for name in options.only.split(",") if name])
    setting = Setting(options.work.absolute(), max(1, options.jobs), options.others)
    corpus = corpus_of(options)
    peers = peers_of(options)
    spent = costs(corpus, peers, options.cost, setting) if options.cost else []
    measured = measure(corpus, alterations, peers, setting)
    for sentence in measured.refused:
        print(sentence, file=sys.stderr)
    if not measured.judged:
        raise SystemExit("no copy was made")
    copies = [found.copy for found in measured.judged]
    unrelated = compare_pairs(corpus, copies, options.pairs, setting) if options.pairs else None
    text = report(measured, options, unrelated, spent)
    print(text)
    if options.out is not None:
        set_into(options.out, text)
    if options.short is not None:
        set_into(options.short, short_report(measured))


def main() -> None:
    try:
        run(parser().parse_args())
    except (ClipError, CopyError, MissingMethodError, NoMarkersError, UnknownAlterationError) as failure:
        raise SystemExit(str(failure)) from failure


if __name__ == "__main__":
    main()

"""The index of sounds: which terms a video has, what to ask for, and what the answers amount to. Pure.

Two kinds of terms share one table. A Chromaprint code stands for 2.7 s of a recording and comes back only from the same
recording. A tone code stands for two seconds of tones; the catalogue holds it as the video sounds, and an upload asks
for it as it would sound at other pitches and tempos, with its least sure bits flipped. What lies at one offset, at one
pitch and tempo, in one video is no chance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.similarity.ordering import ascending
from consumer.similarity.tone_codes import PITCHES, TEMPOS, as_it_is, at_tempos
from wire.fingerprints import Fingerprint

MOST_ASKED = 32_000
"""Tone terms that one upload asks for. 20 s of sound give ten times as many probes: the likeliest are taken."""

COMMON = 48
"""A term that so many videos share is a jingle, or says nothing: it proposes no video."""

_TERM_SHARE = 8
_MOST_CODES_ASKED = 2000
_MOST_REPEATS = 8
_TONE_TERM = 1 << 28
_KEPT_APART = 1
_ASKED_APART = 1
_FLIPS = 7
_PITCH_STEP = PITCHES[1] - PITCHES[0]
_MOST_PROBES = 2_000_000
_MOST_READINGS = 3
"""Rows of a question for each term it asks for: neighbouring readings have the same ones."""

_UNUSUAL = 2.0
"""How much less likely, as a logarithm, a tempo is beside a pitch that does not follow from it."""

_OFFSET_BIN = 8
"""Width of a bin of the offset histogram in rows: about a second."""

_LEAST_TONE_VOTES = 2


def sound_terms(fingerprint: Fingerprint) -> list[tuple[int, int]]:
    """(term, position) of each row of the index; position: index of the code, or of the patch's first row of tones."""
    codes, places = _chosen_codes(fingerprint)
    patches = as_it_is(fingerprint.tones, _KEPT_APART)
    terms = np.concatenate([codes, _TONE_TERM + patches.codes])
    positions = np.concatenate([places, patches.rows])
    kept = np.sort(_first_repeats(terms))
    return [(int(term), int(position)) for term, position in zip(terms[kept], positions[kept], strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class SoundQuestion:
    """The terms to ask the index for, ascending; a term may be asked for at several positions.

    terms, readings, positions: int64 [n]. readings: 0 for Chromaprint, others for tones at one pitch and tempo.
    positions: on the clock that the catalogue's video has if the reading is right.
    """

    terms: NDArray[np.int64]
    readings: NDArray[np.int64]
    positions: NDArray[np.int64]

    @classmethod
    def of(cls, asked: Iterable[tuple[int, int, int]]) -> SoundQuestion:
        """asked: (term, reading, position), in any order."""
        return cls.of_table(np.array([*asked], np.int64).reshape(-1, 3))

    @classmethod
    def of_table(cls, table: NDArray[np.int64]) -> SoundQuestion:
        """table: int64 [n, 3], term, reading and position, in any order."""
        return cls(*(np.ascontiguousarray(column) for column in table[ascending(table[:, 0])].T))


def sound_question(fingerprint: Fingerprint) -> SoundQuestion:
    """What an upload asks for."""
    codes, places = _chosen_codes(fingerprint)
    step = -(-len(codes) // _MOST_CODES_ASKED) or 1
    exact = np.column_stack([codes, np.zeros_like(codes), places])[::step]
    return SoundQuestion.of_table(np.concatenate([exact, _tone_question(fingerprint.tones)]))


def sound_votes(question: SoundQuestion, rows: Sequence[Sequence[object]]) -> dict[str, float]:
    """What speaks for each video: the highest place of its histogram of offsets, for any one reading.

    rows: (term, video, position) of the index. A moment of the upload that n videos share counts 1 / n, and nothing
    from COMMON on. Tones at fewer than two moments are chance.
    """
    hits = _hits(question, rows)
    if len(hits.video) == 0:
        return {}
    weights = hits.weights()
    votes = np.zeros(len(hits.names))
    for shift in (0, _OFFSET_BIN // 2):
        bins = (hits.reference - hits.position + shift) // _OFFSET_BIN
        cells, cell = _distinct(hits.video, hits.reading, bins)
        moments, _ = _distinct(cell, hits.position)
        moment_cells = cell[moments]
        count = np.bincount(moment_cells, weights[moments] > 0)
        weight = np.bincount(moment_cells, weights[moments])
        counts = (hits.reading[cells] == 0) | (count >= _LEAST_TONE_VOTES)
        np.maximum.at(votes, hits.video[cells[counts]], weight[counts])
    return {name: float(vote) for name, vote in zip(hits.names, votes, strict=True) if vote > 0}


@dataclass(frozen=True, slots=True, eq=False)
class _Hits:
    """A term in common. names: of the videos. video: index in names. reading, position: of the question. reference:
    the position in the video. All int64 [n]."""

    names: list[str]
    video: NDArray[np.int64]
    reading: NDArray[np.int64]
    position: NDArray[np.int64]
    reference: NDArray[np.int64]

    def weights(self) -> NDArray[np.float64]:
        """1 / how many videos share the moment asked for; 0 when they are too many."""
        _, moment = _distinct(self.reading, self.position)
        once, _ = _distinct(moment, self.video)
        shared = np.bincount(moment[once])[moment]
        return np.where(shared < COMMON, 1.0 / shared, 0.0)


def _distinct(*columns: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of rows of whole numbers: where each distinct one stands first, and for every row which of those it is."""
    key = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        _, place = np.unique(column, return_inverse=True)
        _, key = np.unique(key * (int(place.max()) + 1) + place, return_inverse=True)
    _, first = np.unique(key, return_index=True)
    return first, key


def _hits(question: SoundQuestion, rows: Sequence[Sequence[object]]) -> _Hits:
    names, video = np.unique(np.array([row[1] for row in rows], np.str_), return_inverse=True)
    found = np.array([(row[0], row[2]) for row in rows], np.int64).reshape(-1, 2)
    first = np.searchsorted(question.terms, found[:, 0], "left")
    count = np.searchsorted(question.terms, found[:, 0], "right") - first
    row = np.repeat(np.arange(len(found)), count)
    asked = np.repeat(first - np.cumsum(count) + count, count) + np.arange(int(count.sum()))
    return _Hits(names.tolist(), video[row], question.readings[asked], question.positions[asked], found[row, 1])


def _chosen_codes(fingerprint: Fingerprint) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Terms and positions of a content-defined eighth of the Chromaprint codes; both sides choose the same ones.

    A term is a code's top 28 bits. Repeats of one code in a row are kept once.
    """
    codes = fingerprint.codes >> np.uint32(4)
    mixed = (codes.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(61)
    changed = np.concatenate([np.ones(min(1, len(codes)), np.bool_), codes[1:] != codes[:-1]])
    places = np.nonzero((mixed % _TERM_SHARE == 0) & changed)[0]
    return codes[places].astype(np.int64), places.astype(np.int64)


def _first_repeats(terms: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where the first few of each term stand."""
    order = np.argsort(terms, kind="stable")
    ranked = terms[order]
    repeat = np.arange(len(terms)) - np.searchsorted(ranked, ranked, "left")
    return order[repeat < _MOST_REPEATS]


def _tone_question(tones: NDArray[np.uint8]) -> NDArray[np.int64]:
    """int64 [n, 3]: term, reading, position of the probes for the MOST_ASKED likeliest terms."""
    tables, costs = [np.zeros((0, 3), np.int64)], [np.zeros(0, np.float32)]
    for index, (tempo, patches) in enumerate(at_tempos(tones, _ASKED_APART)):
        room = _MOST_PROBES / len(TEMPOS) / max(len(patches.rows), 1)
        probes, cost = patches.probes(int(np.clip(np.log2(room), 0, _FLIPS)))
        unusual = np.asarray(_UNUSUAL * _is_unusual(tempo, patches.pitches), np.float32)
        cost = (cost + unusual[:, None]).ravel()
        likeliest = _least(cost, _MOST_READINGS * MOST_ASKED)
        patch = likeliest // probes.shape[1]
        readings = 1 + index * len(PITCHES) + patches.pitches[patch]
        tables.append(np.column_stack([_TONE_TERM + probes.ravel()[likeliest], readings, patches.rows[patch]]))
        costs.append(cost[likeliest])
    table, cost = np.concatenate(tables), np.concatenate(costs)
    likeliest = _least(cost, _MOST_READINGS * MOST_ASKED)
    # The bits of floats that are not negative are in the order of their values.
    table = table[likeliest[ascending(cost[likeliest].view(np.int32))]]
    first = _first_of_each(table[:, 0])
    return table if len(first) <= MOST_ASKED else table[: first[MOST_ASKED]]


def _first_of_each(values: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where each distinct value stands first, ascending."""
    order = ascending(values)
    ranked = values[order]
    return np.sort(order[np.concatenate([np.ones(min(1, len(ranked)), np.bool_), ranked[1:] != ranked[:-1]])])


def _is_unusual(tempo: float, pitches: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Neither the pitch alone is another, nor the tempo alone, nor both by as much."""
    semitones = np.asarray(PITCHES)[pitches]
    independent = np.abs(semitones - 12 * np.log2(tempo)) > _PITCH_STEP / 2
    return np.asarray((semitones != 0) & independent & (tempo != 1.0), np.bool_)


def _least(costs: NDArray[np.float32], most: int) -> NDArray[np.intp]:
    """Where the smallest stand, at most so many."""
    return np.argpartition(costs, most)[:most] if len(costs) > most else np.arange(len(costs))

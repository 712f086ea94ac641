"""The lookup: under the consumer's own terms, and what the policy makes of the sound alone."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from benchmarks.sound.hearing import Catalogue, evidence_of, matched
from consumer.similarity import compare
from consumer.similarity.sound import heard
from tests.consumer.sounds import heard_in, melody, silence
from wire.fingerprints import Fingerprint


@pytest.fixture(scope="module")
def sounds() -> dict[str, Fingerprint]:
    return {str(seed): heard_in(melody(seed, 14.0)) for seed in range(4)}


def test_the_right_sound_is_proposed_first_and_matched(sounds: dict[str, Fingerprint]) -> None:
    query = heard_in(melody(2, 14.0, semitones=1.5, tempo=1.06))
    assert Catalogue(sounds).proposed(query)[:1] == ["2"]
    found = matched(query, sounds["2"])
    assert found is not None
    assert found.speed == pytest.approx(1.06, abs=0.01)
    assert found.pitch_semitones == pytest.approx(1.5, abs=0.2)


def test_other_sounds_are_not_matched(sounds: dict[str, Fingerprint]) -> None:
    stranger = heard_in(melody(77, 14.0))
    assert [name for name in sounds if matched(stranger, sounds[name])] == []


def test_silence_has_no_candidates(sounds: dict[str, Fingerprint]) -> None:
    assert Catalogue(sounds).proposed(heard_in(silence(14.0))) == []


@pytest.mark.parametrize(("one", "other"), [("0", "0"), ("0", "1")])
def test_the_evidence_is_that_of_two_videos_without_a_common_picture(
    sounds: dict[str, Fingerprint], one: str, other: str
) -> None:
    query, reference = sounds[one], sounds[other]
    mine, real = (
        asdict(each) for each in (evidence_of(query, reference, heard(query, reference)), compare(query, reference))
    )
    for name in ("audio_score", "audio_seconds", "audio_variety", "video_score", "coverage", "duration"):
        assert mine[name] == real[name], name


def test_evidence_without_sound_has_no_score(sounds: dict[str, Fingerprint]) -> None:
    quiet = heard_in(silence(14.0))
    assert evidence_of(quiet, sounds["0"], heard(quiet, sounds["0"])).audio_score is None

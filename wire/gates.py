"""What the policy asks. The consumer answers; whoever shows a verdict words the answers with these."""

from __future__ import annotations

from collections.abc import Mapping

QUESTIONS: Mapping[str, str] = {
    "alike": "the picture is alike enough for a suspect (score)",
    "whole": "the match covers both videos (share)",
    "lasting": "a stretch that matches lasts (seconds)",
    "more_than_intro": "it is more than an intro or an end card of both (seconds)",
    "uncommon": "it is more than what many videos show (seconds)",
    "same_speed": "the speed is the same (share by which it differs)",
    "upload_covered": "enough of the upload matches (share)",
    "same_length": "the lengths are the same (share by which they differ)",
    "other_covered": "enough of the other video is shown (share)",
    "fills_picture": "it fills enough of the upload's picture (share)",
    "not_mirrored": "the picture is not mirrored",
    "not_turned": "the picture is not turned",
    "sure": "the picture alone is sure enough (score)",
    "has_sound": "both have sound to compare",
    "sound_confirms": "the sound confirms it (score)",
    "sounds_alike": "the sound alone is alike (score)",
    "sounds_long": "it is alike for long enough (seconds)",
    "sounds_varied": "what is alike is varied enough (share)",
    "similar": "the picture is alike enough to be noted (score)",
}
"""What each gate of the policy asks, by its name; in brackets what its value is."""

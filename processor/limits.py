"""What of a video is decoded at all: kinds of container and codec, size, length, number of pictures."""

from __future__ import annotations

from dataclasses import dataclass

from processor.errors import BadDimensionsError, TooDemandingError, TooLongError

CONTAINERS = "mov,matroska,avi"
VIDEO_CODECS = (
    "h264,hevc,vp8,vp9,libdav1d,av1,libvpx,libvpx-vp9,mpeg4,msmpeg4v2,msmpeg4v3,h263,mpeg1video,mpeg2video,mjpeg,prores,dnxhd,"
    "theora,png,rawvideo"
)
AUDIO_CODECS = (
    "aac,aac_fixed,opus,libopus,vorbis,libvorbis,mp3,mp3float,mp2,mp2float,ac3,eac3,flac,alac,pcm_s16le,pcm_s16be,"
    "pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_u8,pcm_s8,pcm_mulaw,pcm_alaw"
)
MAX_STREAMS = 64
"""Tracks of a file, of all kinds."""
MAX_PIXELS = 8192 * 8192 // 2
MAX_CODED_PIXELS = MAX_PIXELS * 5 // 4
"""Of the pictures that a decoder makes: what is shown, rounded up to whole blocks. What the container says is checked
once, what the decoder makes at every picture."""
MAX_CHANNELS = 64
MIN_RATE, MAX_RATE = 1000, 768_000
"""Samples of sound in a second."""

_MIN_SIDE, _MAX_SIDE = 8, 16384
_MAX_PICTURES_A_SECOND = 300
_FEWEST_PICTURES = 100_000


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """max_duration: seconds, longer videos are refused. threads: of the decoder."""

    max_duration: float
    threads: int

    @property
    def max_pictures(self) -> int:
        """As many as an index may list."""
        return max(_FEWEST_PICTURES, round(self.max_duration * _MAX_PICTURES_A_SECOND))

    def check_duration(self, duration: float) -> None:
        """Raises TooLongError."""
        if duration > self.max_duration:
            raise TooLongError(
                f"the video lasts {duration:.0f} s, {self.max_duration:.0f} s are allowed; upload a shorter one"
            )

    def check_pictures(self, count: int) -> None:
        """Raises TooDemandingError."""
        if count > self.max_pictures:
            raise TooDemandingError(
                f"the video's index lists {count} pictures, {self.max_pictures} are allowed; re-encode it"
            )


def check_dimensions(width: int, height: int) -> None:
    """Raises BadDimensionsError."""
    is_within = _MIN_SIDE <= width <= _MAX_SIDE and _MIN_SIDE <= height <= _MAX_SIDE
    if not is_within or width * height > MAX_PIXELS:
        raise BadDimensionsError(f"a picture of {width} x {height} pixels is out of bounds; scale the video")


def is_audible(rate: int, channels: int) -> bool:
    """Whether sound of so many samples a second and channels is listened to; other sound counts as none."""
    return MIN_RATE <= rate <= MAX_RATE and 1 <= channels <= MAX_CHANNELS

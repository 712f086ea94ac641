"""Files that lead elsewhere: to other files of this machine, and to other hosts. None is followed."""

from __future__ import annotations

import struct
from collections.abc import Callable

from tests.processor.hostile.boxes import (
    SECOND,
    Track,
    box,
    ftyp,
    full,
    movie,
    picture_entry,
    png,
    u32,
)
from tests.processor.hostile.cases import FINGERPRINT, Bait, Hostile, reel


def _text(content: str) -> Callable[[Bait], bytes]:
    return lambda bait: content.replace("{url}", bait.url).replace("{path}", bait.path).encode()


def alias(path: bytes) -> bytes:
    """A Macintosh alias record, which FFmpeg would follow if it were let."""
    head = u32(0) + struct.pack(">HHH", 0, 0, 0) + bytes(150 - 6)
    told = struct.pack(">HH", 2, len(path)) + path + (b"\0" if len(path) % 2 else b"")
    return box(b"alis", u32(0), head, told, struct.pack(">hH", -1, 0))


def elsewhere(reference: bytes) -> Track:
    """25 samples that lie within another file, where reel() has its one; zeros are there in this one."""
    references = full(b"dref", u32(1), reference)
    return Track(samples=[bytes(len(png(320, 240)))], entry=picture_entry(320, 240), references=references, repeat=25)


def _reference_movie(url: str) -> bytes:
    target = full(b"rdrf", b"url ", u32(len(url) + 1), url.encode() + b"\0")
    return box(b"moov", box(b"rmra", box(b"rmda", target)))


def _captions(bait: Bait) -> Track:
    references = full(b"dref", u32(2), alias(bait.movie.encode()), box(b"url ", u32(0), bait.url.encode() + b"\0"))
    entry = box(b"tx3g", bytes(6) + struct.pack(">H", 1), bytes(30))
    return Track(samples=[b"\0\4text"], kind=b"sbtl", entry=entry, references=references, durations=[(1, SECOND)])


def _playlist_in_avi(bait: Bait) -> bytes:
    """A subtitle stream (GAB2) that is a playlist, in an AVI that has nothing else."""
    inner = f"#EXTM3U\n#EXTINF:1,\n{bait.url}\n".encode()
    gab2 = b"GAB2\0" + struct.pack("<HIHI", 2, 0, 4, len(inner)) + inner
    strh = struct.pack("<4s4sIHHIIIIIIII8x", b"txts", b"\0\0\0\0", 0, 0, 0, 0, 1, 25, 0, 25, 0, 0, 0)
    lists = _riff(b"LIST", b"strl" + _riff(b"strh", strh) + _riff(b"strf", b""))
    header = _riff(
        b"LIST",
        b"hdrl" + _riff(b"avih", struct.pack("<14I", 40000, 0, 0, 0, 25, 0, 1, 0, 320, 240, 0, 0, 0, 0)) + lists,
    )
    return _riff(b"RIFF", b"AVI " + header + _riff(b"LIST", b"movi" + _riff(b"00tx", gab2)))


def _riff(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


REFERENCES = (
    Hostile("hls.mp4", _text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{url}\n#EXT-X-ENDLIST\n"), "UNDECODABLE"),
    Hostile("hls-of-files.mov", _text("#EXTM3U\n#EXTINF:9,\nfile://{path}\n#EXT-X-ENDLIST\n"), "UNDECODABLE"),
    Hostile("ffconcat.mp4", _text("ffconcat version 1.0\nfile '{path}'\nfile '{url}'\n"), "UNDECODABLE"),
    Hostile(
        "dash.mp4",
        _text(
            '<?xml version="1.0"?><MPD><Period><BaseURL>{url}</BaseURL>'
            '<AdaptationSet mimeType="video/mp4"/></Period></MPD>'
        ),
        "UNDECODABLE",
    ),
    Hostile("session.mp4", _text("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\n"), "UNDECODABLE"),
    Hostile("images.mp4", _text("/* XPM */\nfile:///tmp/%d.png\n"), "UNDECODABLE"),
    Hostile("subtitles-index.webm", _text("# VobSub index file, v7\nid: {path}\n"), "UNDECODABLE"),
    Hostile("data-url.mp4", _text("data:video/mp4;base64,AAAA"), "UNDECODABLE"),
    Hostile("other-file.mov", lambda bait: movie(elsewhere(alias(bait.movie.encode()))), "UNDECODABLE"),
    Hostile(
        "other-url.mp4", lambda bait: movie(elsewhere(box(b"url ", u32(0), bait.url.encode() + b"\0"))), "UNDECODABLE"
    ),
    Hostile("reference-movie.mov", lambda bait: ftyp(b"qt  ") + _reference_movie(bait.url), "NO_VIDEO_STREAM"),
    Hostile("captions-elsewhere.mov", lambda bait: movie(reel(), _captions(bait)), FINGERPRINT),
    Hostile("playlist-in-avi.avi", _playlist_in_avi, "NO_VIDEO_STREAM"),
)

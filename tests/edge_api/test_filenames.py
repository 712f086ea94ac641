"""What is kept of a file's name, and from where it is taken: nothing in it may turn a page, a line or a path."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_api.filenames import LONGEST, columns_of, filename_of, filename_of_url, lowered

KEPT = {
    "plain": ("holiday.mp4", "holiday.mp4"),
    "blanks around it": ("  holiday by the sea.mp4\t", "holiday by the sea.mp4"),
    "a path": ("/home/alice/holiday.mp4", "holiday.mp4"),
    "parents": ("../../../../etc/passwd.mp4", "passwd.mp4"),
    "backslashes": ("..\\..\\windows\\x.mp4", "x.mp4"),
    "a drive": ("C:\\videos/x.mp4", "x.mp4"),
    "another stream": ("x.mp4::$DATA", "x.mp4::$DATA"),
    "a null byte": ("video.mp4\0.html", "video.mp4.html"),
    "an escape sequence": ("\x1b[2J\x1b]0;title\x07.mp4", "[2J]0;title.mp4"),
    "lines": ("a\r\nX-Injected: yes\u2028\u2029\x85.mp4", "aX-Injected: yes.mp4"),
    "right to left": ("video\u202e4pm.exe", "video4pm.exe"),
    "every direction": ("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u2066\u2067\u2068\u2069x.mp4", "x.mp4"),
    "half a letter": ("\ud83dx.mp4", "x.mp4"),
    "decomposed": ("u\u0308ber.mp4", "\u00fcber.mp4"),
    "put together by what is left out": ("u\0\u0308.mp4", "\u00fc.mp4"),
    "joined letters": (
        "\U0001f468\u200d\U0001f469\u200d\U0001f467.mp4",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467.mp4",
    ),
    "a narrow space": ("at 3.05\u202fPM.mov", "at 3.05\u202fPM.mov"),
    "Hebrew": ("\u05d7\u05d5\u05e4\u05e9\u05d4.mp4", "\u05d7\u05d5\u05e4\u05e9\u05d4.mp4"),
    "markup": ("<script>alert(1)<\\script>.mp4", "script>.mp4"),
    "no suffix": ("x" * 300, "x" * LONGEST),
    "hidden": (".mp4", ".mp4"),
    "long": ("x" * 300 + ".mp4", "x" * 251 + ".mp4"),
    "long, with a long suffix": ("x." + "y" * 300, "x." + "y" * 253),
    "long, nothing before the suffix": ("." + "y" * 300, "." + "y" * 254),
    "long, with a blank at the cut": ("x" * 254 + " " + "y" * 50, "x" * 254),
    "longer once it is composed": ("\u0958" * 200 + ".mp4", "\u0915\u093c" * 125 + "\u0915" + ".mp4"),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept(name: str) -> None:
    sent, kept = KEPT[name]
    assert filename_of(sent) == kept


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "",
        " ",
        ".",
        "..",
        "../..",
        "a/",
        "a\\",
        "\0\r\n",
        "\u202e",
        "\u00a0",
        "\u200b\ufeff",
        "\u0301",
        "\ue000",
        "\u2028",
    ],
)
def test_what_nobody_could_see_is_no_name(sent: str | None) -> None:
    assert filename_of(sent) is None


@given(
    st.text(alphabet=st.one_of(st.characters(), st.sampled_from("/\\. \u202eA\u0308\u0958\U0001d160")), max_size=600)
)
@example("." * 400)
@example("x" * 260 + "." + " " * 10 + "y")
def test_whatever_is_sent(sent: str) -> None:
    kept = filename_of(sent)
    if kept is None:
        return
    assert 0 < len(kept) <= LONGEST
    assert unicodedata.is_normalized("NFC", kept)
    assert kept == kept.strip()
    assert {unicodedata.category(letter) for letter in kept}.isdisjoint({"Cc", "Cs", "Zl", "Zp"})
    assert {unicodedata.bidirectional(letter) for letter in kept}.isdisjoint(
        {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    )
    assert not set(kept) & set("/\\")
    assert kept.strip(".")
    assert filename_of(kept) == kept, "a second time changes nothing"
    assert kept.encode()


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://example.org/a/holiday.mp4", "holiday.mp4"),
        ("https://example.org/a/holiday.mp4?token=secret&x=/y.mp4#t=/z", "holiday.mp4"),
        ("https://example.org/Ferien%20am%20Meer%20%E2%98%80.mp4", "Ferien am Meer \u2600.mp4"),
        ("https://example.org/a%2F..%2Fb.mp4", "b.mp4"),
        ("https://example.org/%2e%2e", None),
        ("https://example.org/%FF.mp4", "\ufffd.mp4"),
        ("https://example.org/a%0D%0Ab%00.mp4", "ab.mp4"),
        ("https://example.org/a+b;c.mp4", "a+b;c.mp4"),
        ("https://example.org/a/", None),
        ("https://example.org/", None),
        ("https://example.org", None),
        ("https://example.org?x.mp4", None),
    ],
)
def test_of_a_url(url: str, kept: str | None) -> None:
    assert filename_of_url(url) == kept


def test_what_is_looked_for() -> None:
    assert (
        lowered("U\u0308BER \u0428\u041f.MP4") == lowered("\u00fcber \u0448\u043f.mp4") == "\u00fcber \u0448\u043f.mp4"
    )
    assert lowered("at 3.05\u202fPM\u00a0x") == "at 3.05 pm x"
    assert columns_of("\u00c9.MP4") == ("\u00c9.MP4", "\u00e9.mp4")
    assert columns_of(None) == (None, None)

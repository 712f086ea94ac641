from __future__ import annotations

import secrets

import pytest

from wire.secrets import is_known, refusal

GUESSES = """minioadmin Change-Me change_me_please password PASSWORD123 secret-99 aaaaaaaa <your-secret>
xxxxxxxx abababab
${PROCESSOR_SECRET} 12345678 twinreel your-secret-here wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY internal-secret"""


@pytest.mark.parametrize("secret", [*GUESSES.split(), "Super Secret", "processor_secret", ""])
def test_what_everybody_tries(secret: str) -> None:
    assert is_known(secret)


def test_random_ones_are_taken() -> None:
    for _ in range(2000):
        assert not is_known(secrets.token_hex(24))
        assert not is_known(secrets.token_urlsafe(9))


def test_words_of_ones_own_are_taken() -> None:
    assert not is_known("correct horse battery staple")
    assert not is_known("end-to-end-secret")


def test_the_refusal_says_what_to_do() -> None:
    assert refusal("PROCESSOR_SECRET").startswith("PROCESSOR_SECRET has a value")
    assert "openssl rand" in refusal("X")

"""Secrets that are none: words that everybody tries first, examples from documentation, defaults of products."""

from __future__ import annotations

import re

_WORDS = """
admin administrator changeme changethis default dev development example foobar guest internal internalsecret letmein
local localsecret minio minioadmin minio123 miniosecret miniosecretkey mysecret password passw0rd password123
placeholder
processor processorsecret qwerty qwertyuiop r2secretkey rclone replaceme root rustfsadmin s3secret secret secretkey
secretsecret supersecret supersecretkey test testing testsecret testtest token topsecret twinreel twinreelsecret
yoursecret yoursecrethere yoursecretkey 12345678 123456789 1234567890 0123456789 abcdefgh deadbeef
wjalrxutnfemik7mdengbpxrficyexamplekey
"""
_KNOWN = frozenset(_WORDS.split())
_PLACEHOLDER = re.compile(r"<.*>|\$\{.*\}|x{4,}|\.{3}|change[-_ ]?(?:me|this)|replace[-_ ]?(?:me|this)", re.IGNORECASE)
_FEWEST_CHARACTERS = 4


def is_known(secret: str) -> bool:
    """Whether a stranger would guess it: a well-known word however it is written, a placeholder that nobody filled in,
    or the same few characters again and again."""
    letters = re.sub(r"[^a-z0-9]", "", secret.lower())
    return (
        letters in _KNOWN
        or letters.rstrip("0123456789") in _KNOWN
        or _PLACEHOLDER.search(secret) is not None
        or len(set(secret)) < _FEWEST_CHARACTERS
    )


def refusal(name: str) -> str:
    """What is said of a setting whose secret everybody knows; never the secret."""
    return (
        f"{name} has a value that everybody knows or can guess; make another with: openssl rand -hex 24. "
        "Only with ENVIRONMENT=development, as `make run` sets it, is it taken."
    )

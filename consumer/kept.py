"""The fingerprints that are kept in R2, for those who only look: each is read, checked, and given or refused with a
sentence."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from consumer.workers import Workers
from wire.fingerprints import ALGORITHM_VERSION, Fingerprint, FingerprintFormatError, unpack
from wrangler_compat.r2.types import R2Bucket, R2Object

_MOST_REMEMBERED_BYTES = 256 << 20


class UnusableFingerprintError(Exception):
    """The fingerprint cannot be compared. The message says why."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Reads fingerprints, and remembers those it gave last, up to most_bytes of arrays."""

    bucket: R2Bucket
    workers: Workers
    most_bytes: int = _MOST_REMEMBERED_BYTES
    _remembered: OrderedDict[str, Fingerprint] = field(default_factory=OrderedDict)

    async def read(self, key: str) -> Fingerprint:
        """Raises UnusableFingerprintError: gone, damaged, or of another algorithm version."""
        known = self._remembered.get(key)
        if known is not None:
            self._remembered.move_to_end(key)
            return known
        body = await self.bucket.get(key)
        if body is None or isinstance(body, R2Object):
            raise UnusableFingerprintError(f"The fingerprint {key} is gone from the bucket.")
        try:
            fingerprint = await self.workers.run(unpack, await body.bytes())
        except FingerprintFormatError as error:
            raise UnusableFingerprintError(f"The fingerprint {key} cannot be read: {error}.") from error
        check_version(key, fingerprint.algorithm_version)
        self._remember(key, fingerprint)
        return fingerprint

    def _remember(self, key: str, fingerprint: Fingerprint) -> None:
        self._remembered[key] = fingerprint
        while len(self._remembered) > 1 and sum(map(_size, self._remembered.values())) > self.most_bytes:
            self._remembered.popitem(last=False)


def check_version(name: str, algorithm_version: int | None) -> None:
    """Raises UnusableFingerprintError. name: of the fingerprint, for the sentence."""
    if algorithm_version != ALGORITHM_VERSION:
        raise UnusableFingerprintError(
            f"The fingerprint {name} was made by algorithm version {algorithm_version}; only those of version "
            f"{ALGORITHM_VERSION} can be compared. `python -m consumer redecide VIDEO_ID` makes it anew."
        )


def _size(fingerprint: Fingerprint) -> int:
    """Bytes, of the arrays that grow with the length of the video."""
    arrays = (fingerprint.frames, fingerprint.times, fingerprint.bars, fingerprint.codes)
    return sum(array.nbytes for array in arrays)

"""Exact comparison of two fingerprints: pure functions from facts to evidence."""

from consumer.similarity.evidence import Evidence, compare

__all__ = ["Evidence", "compare"]

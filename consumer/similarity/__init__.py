"""Exact comparison of two fingerprints: pure functions from facts to evidence."""

from consumer.similarity.evidence import Evidence, compare, compare_each

__all__ = ["Evidence", "compare", "compare_each"]

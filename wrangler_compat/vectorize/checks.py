"""What an index takes, checked before anything is sent. Pure. All raise VectorizeError, never retryable."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence

import numpy as np

from wrangler_compat.errors import VectorizeError
from wrangler_compat.vectorize import limits
from wrangler_compat.vectorize.types import Metadata, VectorizeVector


def check_index(name: str, dimensions: int, metric: str) -> None:
    if not re.fullmatch(limits.NAME_PATTERN, name):
        raise _error("NAME_INVALID", f"An index's name is 3 to 64 small letters, digits and dashes, not {name!r}.")
    if not 1 <= dimensions <= limits.MAX_DIMENSIONS:
        raise _error("DIMENSIONS_INVALID", f"An index has 1 to {limits.MAX_DIMENSIONS} dimensions, not {dimensions}.")
    if metric != "cosine":
        raise _error("METRIC_INVALID", f'The metric of an index here is "cosine", not {metric!r}.')


def check_values(values: Sequence[float], dimensions: int) -> list[float]:
    """The values as 32-bit floats. They must be finite and point somewhere: a zero vector is like nothing."""
    if len(values) != dimensions:
        raise _error("DIMENSIONS_MISMATCH", f"The index has {dimensions} dimensions, the vector has {len(values)}.")
    # What overflows 32 bits becomes infinite, and is refused.
    with np.errstate(over="ignore"):
        array = np.asarray(values, dtype=np.float32)
    if not np.isfinite(array).all():
        raise _error("VALUES_INVALID", "A vector's values must be finite numbers of 32 bits.")
    if not array.any():
        raise _error("VALUES_ZERO", "A vector of zeros has no direction, so nothing can be similar to it.")
    return [float(value) for value in array]


def check_vector(vector: VectorizeVector, dimensions: int) -> VectorizeVector:
    """The vector as it will be stored."""
    check_ids([vector.id])
    if vector.namespace is not None:
        check_namespace(vector.namespace)
    check_metadata(vector.metadata or {})
    values = tuple(check_values(vector.values, dimensions))
    return VectorizeVector(vector.id, values, vector.namespace, dict(vector.metadata) if vector.metadata else None)


def check_vectors(vectors: Sequence[VectorizeVector], dimensions: int) -> list[VectorizeVector]:
    _check_count(len(vectors))
    return [check_vector(vector, dimensions) for vector in vectors]


def check_ids(ids: Sequence[str]) -> None:
    _check_count(len(ids))
    for id in ids:
        if not isinstance(id, str) or not 1 <= len(id.encode()) <= limits.MAX_ID_BYTES:
            raise _error("ID_INVALID", f"A vector's id is text of 1 to {limits.MAX_ID_BYTES} bytes, not {id!r}.")


def check_namespace(namespace: str) -> None:
    if not 1 <= len(namespace.encode()) <= limits.MAX_NAMESPACE_BYTES:
        raise _error("NAMESPACE_INVALID", f"A namespace is text of 1 to {limits.MAX_NAMESPACE_BYTES} bytes.")


def check_metadata(metadata: Metadata) -> None:
    for key, value in metadata.items():
        if not isinstance(key, str) or not key or key.startswith("$") or "." in key or key == limits.RESERVED_KEY:
            raise _error("METADATA_INVALID", f"A metadata key is text without dots or a leading $, not {key!r}.")
        if not isinstance(value, str | int | float | bool):
            raise _error("METADATA_INVALID", f"Metadata {key} is text, a number or a boolean, not {value!r}.")
        if isinstance(value, float) and not math.isfinite(value):
            raise _error("METADATA_INVALID", f"Metadata {key} must be finite, not {value!r}.")
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise _error("METADATA_INVALID", f"Metadata {key} must fit into 64 bits.")
    size = len(json.dumps(dict(metadata)).encode())
    if size > limits.MAX_METADATA_BYTES:
        raise _error("METADATA_TOO_LARGE", f"Metadata has {size} bytes; {limits.MAX_METADATA_BYTES} are allowed.")


def check_top_k(top_k: int, *, with_values_or_metadata: bool) -> None:
    most = limits.MAX_TOP_K_WITH_VALUES_OR_METADATA if with_values_or_metadata else limits.MAX_TOP_K
    if not 1 <= top_k <= most:
        beside = "with values or metadata" if with_values_or_metadata else "with ids and scores only"
        raise _error("TOP_K_INVALID", f"top_k is from 1 to {most} {beside}, not {top_k}.")


def first_of_each(vectors: Iterable[VectorizeVector]) -> list[VectorizeVector]:
    """What an insert means that names an id twice: the second finds the id taken."""
    found: dict[str, VectorizeVector] = {}
    for vector in vectors:
        found.setdefault(vector.id, vector)
    return list(found.values())


def last_of_each(vectors: Iterable[VectorizeVector]) -> list[VectorizeVector]:
    """What an upsert means that names an id twice: the second replaces the first."""
    return list({vector.id: vector for vector in vectors}.values())


def _check_count(count: int) -> None:
    if count > limits.MAX_BATCH:
        raise _error("BATCH_TOO_LARGE", f"One call takes up to {limits.MAX_BATCH} vectors, not {count}; send parts.")


def _error(code: str, message: str) -> VectorizeError:
    return VectorizeError(f"{message} ({limits.LIMITS_PAGE})", code=f"VECTORIZE_{code}")

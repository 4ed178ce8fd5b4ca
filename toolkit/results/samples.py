"""Raw samples in JSON: durations of single calls, packed so that a results file stays small."""

from __future__ import annotations

import base64
import zlib
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, PlainSerializer

MOST_SAMPLES_BYTES = 1 << 26
"""What one packed array may unpack to: far more calls than fit in one round of any protocol."""


def _pack(samples: NDArray[np.int64]) -> str:
    return base64.b64encode(zlib.compress(samples.astype("<i8").tobytes(), 6)).decode("ascii")


def _unpack(packed: object) -> object:
    """Samples from their packed form; arrays and lists of durations are taken as they are."""
    if not isinstance(packed, str):
        try:
            return np.asarray(packed, dtype=np.int64).reshape(-1)
        except (TypeError, OverflowError) as error:
            raise ValueError(f"samples are not durations: {error}") from error
    try:
        inflator = zlib.decompressobj()
        raw = inflator.decompress(base64.b64decode(packed, validate=True), MOST_SAMPLES_BYTES)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"samples are damaged: {error}") from error
    if not inflator.eof:
        raise ValueError("samples are damaged: cut short, or larger than one round can be")
    if len(raw) % 8:
        raise ValueError("samples are damaged: not a whole number of durations")
    return np.frombuffer(raw, dtype="<i8").astype(np.int64)


Samples = Annotated[
    np.ndarray[Any, Any], BeforeValidator(_unpack), PlainSerializer(_pack, return_type=str)
]
"""Durations of single calls in nanoseconds; base64 of zlib of little-endian int64 in JSON."""

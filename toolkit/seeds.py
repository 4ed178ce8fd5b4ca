"""One place in which random numbers are seeded, and the caller's own state given back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

_NUMPY_SEEDS = 1 << 32


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random state of torch, numpy and Python fixed by `seed` inside, untouched outside."""
    import torch

    python_state = random.getstate()
    numpy_state = np.random.get_state()
    began = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    devices = list(range(torch.cuda.device_count())) if began else []
    try:
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed % _NUMPY_SEEDS)
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)

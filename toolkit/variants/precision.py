"""In what float32 products are computed while variants are timed: the same for all of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from toolkit.parity.tf32 import without_tf32


@contextmanager
def products_in(*, tf32: bool = False) -> Iterator[None]:
    """Full float32, or TF32 where a GPU has it; as it was afterwards.

    Held from loading to the last call: torch.compile keeps what it found when it compiled.
    """
    import torch

    with without_tf32(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the older of torch's two ways is the older one
        if tf32:
            torch.set_float32_matmul_precision("high")
            torch.backends.cudnn.allow_tf32 = True
        yield

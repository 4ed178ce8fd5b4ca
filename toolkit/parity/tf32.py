"""TF32, and bfloat16 in its place, off while a model is judged: float32 products are float32's.

Of torch's two ways to say it both are used, the older first: each refuses to read what the other
alone has said. onnxruntime is told by an option of its CUDA provider (`use_tf32`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

FULL = "ieee"
_HIGHEST = "highest"


@contextmanager
def without_tf32() -> Iterator[None]:
    """No float32 product is computed in less; what was chosen before holds again afterwards."""
    matmul = _read(torch.get_float32_matmul_precision)
    cudnn = _read(lambda: torch.backends.cudnn.allow_tf32)
    before = [(part, part.fp32_precision) for part in _parts()]
    _choose(_HIGHEST, False, [(part, FULL) for part, _ in before])
    try:
        yield
    finally:
        _choose(matmul, cudnn, before)


def _read(choice: Callable[[], Any]) -> Any:
    """What was chosen the older way; None where the newer one has said what it cannot say."""
    try:
        return choice()
    except RuntimeError:
        return None


def _parts() -> list[Any]:
    """What torch multiplies and convolves with, each with a precision of its own."""
    backends: Any = torch.backends
    return [
        backends.cuda.matmul,
        *(backends.cudnn.conv, backends.cudnn.rnn),
        *(backends.mkldnn.matmul, backends.mkldnn.conv, backends.mkldnn.rnn),
    ]


def _choose(matmul: str | None, cudnn: bool | None, precisions: list[tuple[Any, str]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the older way is the older one
        if matmul is not None:
            torch.set_float32_matmul_precision(matmul)
        if cudnn is not None:
            torch.backends.cudnn.allow_tf32 = cudnn
        for part, precision in precisions:
            part.fp32_precision = precision

"""Importing this module makes the first export of a process nearly as quick as the later ones.

The server that `toolkit.isolation` forks children from imports it, and every child inherits what
an export needs: seconds that each model would pay anew. A fork after threads have started can
hang, and one after CUDA was asked for cannot use it, so nothing here does either: code is
imported and tables are built, no tensor is made and nothing is exported. onnxruntime, whose import
starts a thread, is left out.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
from collections.abc import Iterator
from importlib import import_module

import torch

from toolkit import formats, registry
from toolkit.folders import temporary_folder
from toolkit.formats.base import DEFAULT_OPSET
from toolkit.formats.fixed_costs import build_registry

_IMPORTED_BY_EXPORTS = (
    "torch.export._trace",
    "torch._inductor.ir",
    "torch.onnx._internal.exporter._compat",
    "onnx_ir.passes.common",
    "onnxscript",
    "toolkit.runtimes.torch_export",
    "toolkit.runtimes.torchscript",
)


def _import_all() -> None:
    for name in _IMPORTED_BY_EXPORTS:
        with contextlib.suppress(ImportError):  # another torch keeps it elsewhere
            import_module(name)
    for name in formats.NAMES:
        formats.get(name)


@contextlib.contextmanager
def _no_cache_left_behind() -> Iterator[None]:
    """Importing torch's compiler makes its cache folder, which nobody here would remove."""
    variable = "TORCHINDUCTOR_CACHE_DIR"
    if variable in os.environ:  # the user's own
        yield
        return
    with temporary_folder() as folder:
        os.environ[variable] = folder
        try:
            yield
        finally:
            del os.environ[variable]


def _build_tables() -> None:
    build_registry(DEFAULT_OPSET)
    torch.export.default_decompositions().materialize()  # fills a cache of torch's


with _no_cache_left_behind():
    for _inherited in (registry.catalogue, _import_all, _build_tables):
        # What fails here fails again in the child that needs it, and is told there.
        with contextlib.suppress(Exception):
            _inherited()

gc.collect()
gc.freeze()  # no collection of a child walks through what it inherited
atexit.register(gc.unfreeze)  # else extension modules report all of it as leaked

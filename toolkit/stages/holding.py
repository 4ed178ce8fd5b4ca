"""The numbers that a form holds, read off its file or off the module that a runtime made of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.inputs import Array, to_array


def held(path: Path | None, loaded: object) -> Iterator[tuple[str, Array]]:
    """The tensors of a form with their names; none where it keeps no names.

    `loaded` is what a runtime of torch made of the file.
    """
    if path is not None and path.suffix == ".onnx":
        import onnx

        yield from in_onnx(onnx.load(str(path), load_external_data=False), path.parent)
    elif hasattr(loaded, "state_dict"):
        for name, tensor in loaded.state_dict().items():
            if hasattr(tensor, "is_floating_point") and tensor.is_floating_point():
                yield name, to_array(tensor)


def in_onnx(model: Any, folder: Path | None = None) -> Iterator[tuple[str, Array]]:
    """The floating initialisers of a graph; those beside the file, in its folder, one at a time."""
    from onnx import TensorProto, numpy_helper

    floating = (TensorProto.FLOAT, TensorProto.DOUBLE)
    for tensor in model.graph.initializer:
        if tensor.data_type in floating:
            yield tensor.name, numpy_helper.to_array(tensor, str(folder or ""))

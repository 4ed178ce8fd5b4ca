"""External data of an ONNX file: checked before anything opens it.

onnxruntime follows hard links, and the checker of onnx accepts negative offsets and absurd
lengths; a file from elsewhere could so read other files into a model's weights.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import RefusedError, RunError, UnreadableError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto

_SAFE_HINT = "external data must be a regular file in the folder of the ONNX file"


def require_sound_external_data(path: Path) -> None:
    """Raise `RefusedError` where a tensor points anywhere but into a plain file beside `path`."""
    for tensor in external_tensors(_parsed(path)):
        where = {entry.key: entry.value for entry in tensor.external_data}
        _require_sound(path.parent, tensor.name, where)


def _parsed(path: Path) -> ModelProto:
    import onnx

    try:
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise RunError(f"{path.name} cannot be read: {error.strerror}") from error
    except Exception as error:
        raise UnreadableError(f"{path.name} is not an ONNX file") from error
    if not model.HasField("graph"):  # protobuf takes an empty file for a message
        raise UnreadableError(f"{path.name} is not an ONNX file: it has no graph")
    return model


def external_tensors(model: ModelProto) -> Iterator[TensorProto]:
    """Every tensor of a model whose values lie in another file, subgraphs and functions too."""
    from onnx import TensorProto

    for tensor in _graph_tensors(model.graph):
        if tensor.data_location == TensorProto.EXTERNAL:
            yield tensor
    for function in model.functions:
        for node in function.node:
            for tensor in _node_tensors(node):
                if tensor.data_location == TensorProto.EXTERNAL:
                    yield tensor


def _graph_tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        yield from _node_tensors(node)


def _node_tensors(node: object) -> Iterator[TensorProto]:
    from onnx import NodeProto

    assert isinstance(node, NodeProto)
    for attribute in node.attribute:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        if attribute.HasField("g"):
            yield from _graph_tensors(attribute.g)
        for graph in attribute.graphs:
            yield from _graph_tensors(graph)


def _require_sound(folder: Path, tensor: str, where: dict[str, str]) -> None:
    location = where.get("location", "")
    if not location or Path(location).name != location or "\\" in location:
        raise RefusedError(
            f"tensor {tensor}: external data in {location or 'no file'!r}", hint=_SAFE_HINT
        )
    try:
        found = (folder / location).lstat()
    except OSError as error:
        raise RefusedError(f"external data {location}: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise RefusedError(f"external data {location} is a link", hint=_SAFE_HINT)
    _require_fit(tensor, where, found.st_size)


def _require_fit(tensor: str, where: dict[str, str], size_bytes: int) -> None:
    try:
        offset = int(where.get("offset", "0"))
        length = int(where.get("length", str(size_bytes - offset)))
    except ValueError as error:
        raise RefusedError(f"tensor {tensor}: offset or length is no number") from error
    if offset < 0 or length < 0 or offset + length > size_bytes:
        raise RefusedError(
            f"tensor {tensor}: {length} bytes at {offset} of a file of {size_bytes} bytes"
        )

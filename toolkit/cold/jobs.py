"""What a fresh process is told: a JSON file, the inputs as plain arrays, the weights beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from toolkit.bundle import require_trusted
from toolkit.bundle.weights_file import write_state
from toolkit.calling import Call, Nest, Node, described
from toolkit.cold.loaders import save
from toolkit.cold.starts import LOADERS_OF_ONNX, ONNX_LOADER, ColdStart, words_told
from toolkit.runtimes.base import RunOptions
from toolkit.runtimes.devices import execution_providers
from toolkit.runtimes.openvino import settings

OUTPUTS_NAME = "outputs.npz"


class Jobs:
    """Writes jobs into a folder; the weights of one module once, whoever starts it."""

    def __init__(self, folder: Path, timeout_s: float) -> None:
        self.folder = folder
        self.timeout_s = timeout_s
        self._weights: dict[int, Path] = {}

    def write(self, start: ColdStart, number: int) -> Path:
        """The job of a start, in a folder of its own; raises `ToolkitError` or `OSError`.

        A program is loaded only where this run wrote or judged it.
        """
        if start.path is not None and not start.is_built:
            require_trusted(start.path, _trusted_as(start), start.trusted)
        folder = self.folder / str(number)
        folder.mkdir()
        inputs = folder / "inputs.npz"
        save(start.inputs, str(inputs))
        outputs = str(folder / OUTPUTS_NAME) if start.expected else None
        job = {**self._told(start), "inputs": str(inputs), "outputs": outputs}
        path = folder / "job.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        return path

    def _told(self, start: ColdStart) -> dict[str, Any]:
        spec, kind = start.built.spec, start.kind
        names = [port.name for port in spec.inputs]
        code = start.code()
        return {
            "loader": kind.loader,
            "compile": kind.compile,
            "freeze": kind.freeze,
            "level": kind.level,
            "spin": kind.spin,
            "bound": kind.bound or (start.device != "cpu" and not kind.from_host),
            "path": None if start.path is None else str(start.path.resolve()),
            "weights": str(self._weights_of(start)) if start.is_built else None,
            "words": words_told(code) if start.is_built and code is not None else None,
            "imports": [] if code is None else list(code.imports),
            "ports": [asdict(port) for port in spec.inputs],
            "output_names": [port.name for port in spec.outputs],
            "constants": dict(spec.constants),
            "call": _call_told(spec.call, names),
            "threads": start.threads,
            "device": start.device,
            "providers": execution_providers(start.device) if kind.loader == ONNX_LOADER else [],
            "settings": settings(RunOptions(threads=start.threads)),
            "channels_last": start.channels_last,
            "libraries": [str(Path(one).resolve()) for one in start.libraries],
            "timeout_s": self.timeout_s,
        }

    def _weights_of(self, start: ColdStart) -> Path:
        module = start.built.module
        if id(module) not in self._weights:
            path = self.folder / f"weights_{len(self._weights)}.safetensors"
            write_state(module, path)
            self._weights[id(module)] = path
        return self._weights[id(module)]


def _trusted_as(start: ColdStart) -> str:
    """The format that a file counts as: whatever a variant is called, ONNX alone is no program."""
    return "onnx" if start.kind.loader in LOADERS_OF_ONNX else start.variant


def _without_classes(node: Node) -> Node:
    """Tuples in place of named ones: TorchScript takes these without their class."""
    if not isinstance(node, Nest):
        return node
    members = tuple(map(_without_classes, node.members))
    return Nest("tuple" if node.kind == "object" else node.kind, node.keys, members)


def _call_told(call: Call | None, names: Sequence[str]) -> dict[str, Any] | None:
    if call is None:
        return None
    keywords = tuple((name, _without_classes(node)) for name, node in call.keywords)
    return described(Call(tuple(map(_without_classes, call.positional)), keywords), names)

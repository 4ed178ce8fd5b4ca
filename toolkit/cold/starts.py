"""What can be started: one value a variant, with everything that a fresh process is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.bundle import is_bundle
from toolkit.bundle import read as read_bundle
from toolkit.words import ModelWords

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from toolkit.weights import Built

EAGER = "eager"
ONNX_LOADER = "onnxruntime"
LOADERS_OF_ONNX = (ONNX_LOADER, "openvino")
"""What they load is data, and no program."""
FILES = (".onnx", ".pt", ".pt2")
"""Endings of files that are model words: no code stands behind them."""


@dataclass(frozen=True)
class Kind:
    """How a variant is started: by which loader, and with which options of its own."""

    loader: str
    compile: str | None = None
    freeze: bool = False
    level: str = "ORT_ENABLE_ALL"
    spin: bool = False
    bound: bool = False
    from_host: bool = False


KINDS: Mapping[str, Kind] = {
    EAGER: Kind(EAGER),
    "compile": Kind(EAGER, compile="default"),
    "compile-max": Kind(EAGER, compile="max-autotune"),
    "script": Kind("torchscript"),
    "trace": Kind("torchscript"),
    "script-frozen": Kind("torchscript", freeze=True),
    "trace-frozen": Kind("torchscript", freeze=True),
    "pt2": Kind("program"),
    "aoti": Kind("package"),
    "onnx": Kind(ONNX_LOADER),
    "onnx-legacy": Kind(ONNX_LOADER),
    "onnx-extended": Kind(ONNX_LOADER, level="ORT_ENABLE_EXTENDED"),
    "onnx-basic": Kind(ONNX_LOADER, level="ORT_ENABLE_BASIC"),
    "onnx-none": Kind(ONNX_LOADER, level="ORT_DISABLE_ALL"),
    "onnx-spin": Kind(ONNX_LOADER, spin=True),
    "onnx-iobinding": Kind(ONNX_LOADER, bound=True),
    "onnx-host": Kind(ONNX_LOADER, from_host=True),
    "openvino": Kind("openvino"),
}
"""The variants that can be started; any other has no cold figures."""


@dataclass(frozen=True, eq=False)
class ColdStart:
    """A variant to be started in fresh processes, under a `name` of its own.

    `path` is the exported file, of `aoti` the compiled package. `eager` and `compile` have none:
    they are built by the code that `words` mean (None: of a module at hand), with the weights of
    `built`. `trusted` says that the file was written or judged in this run: no other program is
    loaded. `expected` are outputs of this variant for `inputs`, found elsewhere: a start that gives
    others has failed.
    """

    name: str
    variant: str
    built: Built
    words: ModelWords | None
    inputs: Mapping[str, NDArray[np.generic]]
    path: Path | None = None
    threads: int = 1
    device: str = "cpu"
    channels_last: bool = False
    libraries: tuple[str, ...] = ()
    trusted: bool = False
    expected: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """How it is started; only of one that `why_not` has nothing against."""
        return KINDS[self.variant]

    @property
    def is_built(self) -> bool:
        """Whether the user's own code builds it."""
        return self.variant in KINDS and self.kind.loader == EAGER

    def code(self) -> ModelWords | None:
        """The words that the code is found by: of a bundle those in its manifest."""
        from toolkit import registry  # imports torch

        words = self.words
        if words is None or words.word in registry.catalogue() or not is_bundle(Path(words.word)):
            return words
        held = read_bundle(Path(words.word)).manifest
        return ModelWords(held.word, arguments=tuple(held.arguments), imports=tuple(held.imports))


def why_not(start: ColdStart) -> str | None:
    """Why a variant has no cold figures, in words; None where it has."""
    if start.variant not in KINDS:
        return f"{start.variant} is not started in a process of its own"
    if start.channels_last and start.kind.loader in (*LOADERS_OF_ONNX, "package"):
        return f"{start.variant} chooses the layout of its tensors itself"
    if start.is_built:
        return _why_not_built(start)
    return None if start.path is not None else "there is no exported file to start"


def _why_not_built(start: ColdStart) -> str | None:
    if start.built.spec.preprocess_in_graph:
        return "with its preparation before it the model is no code that a deployment would start"
    code = start.code()
    if code is not None and Path(code.word).suffix in FILES:
        return "the model is a file, and no code that builds it"
    if code is None or not _means_code(code.word):
        return "a module at hand cannot be built in another process"
    return None


def _means_code(word: str) -> bool:
    from toolkit import registry
    from toolkit.libraries import is_library_word
    from toolkit.user_code import is_code_word

    return word in registry.catalogue() or is_library_word(word) or is_code_word(word)


def words_told(words: ModelWords) -> dict[str, Any]:
    """What finds the code of a model; the rest of the words is not needed to build it."""
    return {
        "word": words.word,
        "inputs": words.inputs,
        "dims": words.dims,
        "ranges": words.ranges,
        "arguments": words.arguments,
        "inputs_file": words.inputs_file,
        "seed": words.seed,
    }

"""`manifest.json` of a bundle: what lies in the folder and where it came from.

No absolute path, time, duration, user or host stands in it: the same weights and versions give
the same bytes.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib import metadata
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from toolkit._version import __version__
from toolkit.bundle.entries import (
    FILE_NAME,
    SCHEMA_VERSION,
    Activation,
    DimensionEntry,
    Manifest,
    PortEntry,
    PreprocessEntry,
)
from toolkit.calling import call_from, described
from toolkit.errors import BundleError
from toolkit.labels import class_names
from toolkit.spec import Dimension, ModelSpec, Port, Preprocess

LARGEST_BYTES = 16 * 2**20

ACTIVATION_OF: Mapping[str, Activation] = MappingProxyType(
    {
        "logits": "softmax",
        "log_probabilities": "exp",
        "probabilities": "identity",
        "logit": "sigmoid",
        "probability": "identity",
    }
)
"""The names that classifiers' first outputs have; one called otherwise is no classifier's."""

_LIBRARIES = ("torch", "onnx", "onnxscript", "onnxruntime", "numpy", "safetensors")
LIBRARY_WORDS = ("torchvision:", "timm:", "hf:")
"""How words begin that a library gives a meaning to: they name no code of the user's own."""
_OF_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|.*\\", re.DOTALL)
"""A drive, or a backslash: the path is one of Windows, wherever it is read."""


def portable_word(word: str) -> str:
    """A model word as typed, but for folders that only this machine has: those are left out."""
    if word.startswith(LIBRARY_WORDS):
        return word
    head, colon, attribute = word.rpartition(":") if _has_attribute(word) else (word, "", "")
    windows = _OF_WINDOWS.match(head) is not None
    path = PureWindowsPath(head) if windows else PurePosixPath(head)
    inside = not path.is_absolute() and not path.drive and ".." not in path.parts
    return f"{head if inside and not windows else path.name}{colon}{attribute}"


def _has_attribute(word: str) -> bool:
    """Whether the last colon stands before a name, and not after a drive or a library."""
    return word.rpartition(":")[0].endswith(".py")


def versions() -> dict[str, str]:
    """The versions that decide the bytes of an export; what is not installed is left out."""
    found = {"toolkit": __version__}
    for library in _LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found


def port_entries(ports: Iterable[Port]) -> list[PortEntry]:
    """Ports of a spec as the manifest holds them."""
    return [
        PortEntry(
            name=port.name,
            shape=list(port.shape),
            dtype=port.dtype,
            low=port.low,
            high=port.high,
            up_to=port.up_to,
            path=port.path,
            mask=port.mask,
        )
        for port in ports
    ]


def dimension_entries(dimensions: Iterable[Dimension]) -> list[DimensionEntry]:
    """Dimensions of a spec as the manifest holds them."""
    return [
        DimensionEntry(
            name=dimension.name,
            low=dimension.low,
            high=dimension.high,
            step=dimension.step,
            traced=dimension.traced,
            usual=dimension.usual,
        )
        for dimension in dimensions
    ]


def call_entries(spec: ModelSpec) -> dict[str, Any]:
    """How inputs and constants are handed to the module, where that is not plain order."""
    names = [port.name for port in spec.inputs]
    return {
        "constants": dict(spec.constants),
        "call": None if spec.call is None else described(spec.call, names),
    }


def prediction_entries(spec: ModelSpec) -> dict[str, Any]:
    """What `toolkit predict` needs of a spec: how images are prepared, labels and activation."""
    steps = spec.preprocess
    return {
        "preprocess": None if steps is None else PreprocessEntry(**asdict(steps)),
        "preprocess_in_graph": spec.preprocess_in_graph,
        "labels": None if spec.labels is None else list(class_names(spec.labels)),
        "activation": ACTIVATION_OF.get(spec.outputs[0].name) if spec.outputs else None,
    }


def spec_of(manifest: Manifest) -> ModelSpec:
    """What the bundle's model takes and gives; the module itself is not in the bundle."""

    def build() -> Any:
        raise BundleError("a bundle holds no module to build", model=manifest.name)

    names = [entry.name for entry in manifest.inputs]
    return ModelSpec(
        name=manifest.name,
        build=build,
        inputs=tuple(map(_port, manifest.inputs)),
        constants=manifest.constants,
        call=None if manifest.call is None else call_from(manifest.call, names),
        outputs=tuple(map(_port, manifest.outputs)),
        dimensions=tuple(
            Dimension(entry.name, entry.low, entry.high, entry.step, entry.traced, entry.usual)
            for entry in manifest.dimensions
        ),
        preprocess=_preprocess(manifest.preprocess),
        preprocess_in_graph=manifest.preprocess_in_graph,
        labels=None if manifest.labels is None else tuple(manifest.labels),
    )


def _preprocess(entry: PreprocessEntry | None) -> Preprocess | None:
    return None if entry is None else Preprocess(**entry.model_dump())


def _port(entry: PortEntry) -> Port:
    return Port(**{**entry.model_dump(), "shape": tuple(entry.shape)})


def to_json(manifest: Manifest) -> str:
    """ASCII JSON in a fixed order, without NaN or Infinity."""
    tree = manifest.model_dump(mode="json")
    return json.dumps(tree, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def write(manifest: Manifest, folder: Path) -> None:
    """Write the manifest in one step: a reader sees the old one or the new one."""
    partial = folder / f".{FILE_NAME}.{os.getpid()}"
    try:
        partial.write_text(to_json(manifest), encoding="ascii", newline="\n")
        partial.replace(folder / FILE_NAME)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def read(folder: Path) -> Manifest:
    """The manifest of a bundle; raises `BundleError` with the reason."""
    tree = _parsed(folder)
    version = tree.get("schema_version")
    if version != SCHEMA_VERSION:
        raise BundleError(
            f"{folder.name}: the manifest's schema version is {version}, "
            f"this toolkit reads {SCHEMA_VERSION}",
            hint="a newer toolkit wrote it: update this one"
            if isinstance(version, int) and version > SCHEMA_VERSION
            else "bundles are written by `toolkit export`",
        )
    try:
        return Manifest.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BundleError(f"{folder.name}: manifest: {where}: {first['msg']}") from error


def _parsed(folder: Path) -> dict[str, Any]:
    path = folder / FILE_NAME
    try:
        if path.is_symlink() or path.stat().st_size > LARGEST_BYTES:
            raise BundleError(f"{folder.name}: {FILE_NAME} is a link, or absurdly large")
        tree = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleError(
            f"{folder.name} is no bundle: {FILE_NAME}: {error.strerror}",
            hint="bundles are written by `toolkit export`",
        ) from error
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{folder.name}: {FILE_NAME} is not JSON") from error
    if not isinstance(tree, dict):
        raise BundleError(f"{folder.name}: {FILE_NAME} is no JSON object")
    return tree

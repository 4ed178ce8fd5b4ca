"""`manifest.json` of a bundle: what lies in the folder and where it came from.

No absolute path, time, duration, user or host stands in it: the same weights and versions give
the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib import metadata
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from toolkit._version import __version__
from toolkit.errors import BundleError
from toolkit.labels import class_names
from toolkit.spec import Dimension, ModelSpec, Port, Preprocess

FILE_NAME = "manifest.json"
SCHEMA_VERSION = 1
LARGEST_BYTES = 16 * 2**20
MOST_IMAGE_SIDE = 2**14

Activation = Literal["softmax", "exp", "sigmoid", "identity"]
"""What makes probabilities of a classifier's first output."""

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
_LIBRARY_WORDS = ("torchvision:", "timm:", "hf:")


def _plain_file_name(name: str) -> str:
    """Refuse whatever could lead out of the folder."""
    if name in ("", ".", "..", FILE_NAME) or any(sign in name for sign in "/\\:\0"):
        raise ValueError("not a plain file name")
    return name


FileName = Annotated[str, AfterValidator(_plain_file_name)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class PortEntry(_Entry):
    """An input or output, its dtype and the range of its values."""

    name: str
    shape: list[int | str]
    dtype: str
    low: float | None = None
    high: float | None = None
    up_to: str | None = None


class DimensionEntry(_Entry):
    """The range of a dynamic dimension and the size that the exporters saw."""

    name: str
    low: int
    high: int | None
    step: int
    traced: int


class PreprocessEntry(_Entry):
    """How an image file becomes one sample: the fields of `toolkit.spec.Preprocess`."""

    channels: Literal[1, 3]
    resize: int = Field(ge=1, le=MOST_IMAGE_SIDE)
    crop: int = Field(ge=1, le=MOST_IMAGE_SIDE)
    mean: tuple[float, ...]
    std: tuple[Annotated[float, Field(gt=0)], ...]
    padding: int = Field(default=0, ge=0, le=MOST_IMAGE_SIDE)
    pad_value: float = 0.0

    @model_validator(mode="after")
    def _has_one_of_each_a_channel(self) -> PreprocessEntry:
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(f"mean and std must have {self.channels} values each")
        return self


class WeightsEntry(_Entry):
    """Where the weights came from, and the hash of their values (`toolkit.hashing`'s rule).

    `note` is what must be said of them. `substituted`: random ones, which nobody asked for, in
    place of published ones.
    """

    origin: str
    sha256: str
    seed: int | None = None
    data: str | None = None
    note: str | None = None
    substituted: bool = False


class FileEntry(_Entry):
    """One file: a `form` of the model, its `external-data`, the `weights` or the `golden` cases."""

    path: FileName
    role: Literal["form", "external-data", "weights", "golden"]
    sha256: str
    size_bytes: int
    format: str | None = None
    opset: int | None = None
    options: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
    warnings: list[str] = Field(default_factory=list)


class RefusalEntry(_Entry):
    """A format that is not there: a known `limit`, or an `error`, with the reason."""

    format: str
    status: Literal["limit", "error"]
    message: str


class Manifest(_Entry):
    """Everything about a bundle but the files themselves."""

    schema_version: int = SCHEMA_VERSION
    name: str
    word: str
    arguments: list[str] = Field(default_factory=list)
    weights: WeightsEntry
    inputs: list[PortEntry]
    outputs: list[PortEntry]
    dimensions: list[DimensionEntry]
    preprocess: PreprocessEntry | None = None
    labels: list[str] | None = None
    activation: Activation | None = None
    versions: dict[str, str]
    files: list[FileEntry] = Field(default_factory=list)
    refused: list[RefusalEntry] = Field(default_factory=list)
    parity: dict[str, Any] | None = None

    def form(self, format_name: str) -> FileEntry | None:
        """The file of a format, or None."""
        forms = (entry for entry in self.files if entry.role == "form")
        return next((entry for entry in forms if entry.format == format_name), None)


def portable_word(word: str) -> str:
    """A model word as typed, but for folders that only this machine has: those are left out."""
    if word.startswith(_LIBRARY_WORDS):
        return word
    head, colon, attribute = word.rpartition(":") if _has_attribute(word) else (word, "", "")
    windows = "\\" in head
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
        )
        for dimension in dimensions
    ]


def prediction_entries(spec: ModelSpec) -> dict[str, Any]:
    """What `toolkit predict` needs of a spec: `preprocess`, `labels` and `activation`."""
    steps = spec.preprocess
    return {
        "preprocess": None if steps is None else PreprocessEntry(**asdict(steps)),
        "labels": None if spec.labels is None else list(class_names(spec.labels)),
        "activation": ACTIVATION_OF.get(spec.outputs[0].name) if spec.outputs else None,
    }


def spec_of(manifest: Manifest) -> ModelSpec:
    """What the bundle's model takes and gives; the module itself is not in the bundle."""

    def build() -> Any:
        raise BundleError("a bundle holds no module to build", model=manifest.name)

    return ModelSpec(
        name=manifest.name,
        build=build,
        inputs=tuple(map(_port, manifest.inputs)),
        outputs=tuple(map(_port, manifest.outputs)),
        dimensions=tuple(
            Dimension(entry.name, entry.low, entry.high, entry.step, entry.traced)
            for entry in manifest.dimensions
        ),
        preprocess=_preprocess(manifest.preprocess),
        labels=None if manifest.labels is None else tuple(manifest.labels),
    )


def _preprocess(entry: PreprocessEntry | None) -> Preprocess | None:
    return None if entry is None else Preprocess(**entry.model_dump())


def _port(entry: PortEntry) -> Port:
    return Port(entry.name, tuple(entry.shape), entry.dtype, entry.low, entry.high, entry.up_to)


def to_json(manifest: Manifest) -> str:
    """ASCII JSON in a fixed order, without NaN or Infinity."""
    tree = manifest.model_dump(mode="json")
    return json.dumps(tree, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def write(manifest: Manifest, folder: Path) -> None:
    """Write the manifest in one step: a reader sees the old one or the new one."""
    partial = folder / f".{FILE_NAME}.{os.getpid()}"
    try:
        partial.write_text(to_json(manifest), encoding="ascii")
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

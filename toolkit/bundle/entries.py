"""What stands in a bundle's `manifest.json`, as values that check themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from toolkit.calling import Constant
from toolkit.spec import Interpolation

FILE_NAME = "manifest.json"
SCHEMA_VERSION = 1
MOST_IMAGE_SIDE = 2**14

Activation = Literal["softmax", "exp", "sigmoid", "identity"]
"""What makes probabilities of a classifier's first output."""


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
    path: str | None = None
    mask: bool = False


class DimensionEntry(_Entry):
    """The range of a dynamic dimension, the size that the exporters saw, and the usual one."""

    name: str
    low: int
    high: int | None
    step: int
    traced: int
    usual: int | None = None


class PreprocessEntry(_Entry):
    """How an image file becomes one sample: the fields of `toolkit.spec.Preprocess`."""

    channels: Literal[1, 3]
    resize: int = Field(ge=1, le=MOST_IMAGE_SIDE)
    crop: int = Field(ge=1, le=MOST_IMAGE_SIDE)
    mean: tuple[float, ...]
    std: tuple[Annotated[float, Field(gt=0)], ...]
    padding: int = Field(default=0, ge=0, le=MOST_IMAGE_SIDE)
    pad_value: float = 0.0
    interpolation: Interpolation = "bilinear"

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


class LibraryEntry(_Entry):
    """A library of operators that onnxruntime was given; it does not lie in the bundle."""

    name: FileName
    sha256: str


class RefusalEntry(_Entry):
    """A format that is not there: a known `limit`, or an `error`, with the reason."""

    format: str
    status: Literal["limit", "error"]
    message: str


class Manifest(_Entry):
    """Everything about a bundle but the files themselves.

    `arguments_left_out`: the constructor had one that names a path, so none is kept.
    """

    schema_version: int = SCHEMA_VERSION
    name: str
    word: str
    arguments: list[str] = Field(default_factory=list)
    arguments_left_out: bool = False
    imports: list[str] = Field(default_factory=list)
    ort_libraries: list[LibraryEntry] = Field(default_factory=list)
    weights: WeightsEntry
    inputs: list[PortEntry]
    outputs: list[PortEntry]
    dimensions: list[DimensionEntry]
    constants: dict[str, Constant] = Field(default_factory=dict)
    call: dict[str, Any] | None = None
    preprocess: PreprocessEntry | None = None
    preprocess_in_graph: bool = False
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

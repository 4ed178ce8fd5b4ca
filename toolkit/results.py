"""What a run found, as values; versioned JSON in and out.

Field names are the keys that scripts outside this project rely on. Raw samples are stored in
whole and compactly; what a table shows is derived from them.
"""

from __future__ import annotations

import base64
import json
import math
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from toolkit.errors import ResultsError

SCHEMA_VERSION = 1
MOST_SAMPLES_BYTES = 1 << 26
"""What one packed array may unpack to: far more calls than fit in one round of any protocol."""

FormStatus = Literal["ok", "limit", "error"]
CheckStatus = Literal[
    "pass", "fail", "limit", "error", "timeout", "crash", "out-of-memory", "refused"
]
NoiseSource = Literal["float64", "perturbation", "override"]
TimingVerdict = Literal["faster", "slower", "same", "unstable", "noisy", "not timed"]


def _pack(samples: NDArray[np.int64]) -> str:
    return base64.b64encode(zlib.compress(samples.astype("<i8").tobytes(), 6)).decode("ascii")


def _unpack(packed: object) -> object:
    """Samples from their packed form; arrays and lists of durations are taken as they are."""
    if not isinstance(packed, str):
        try:
            return np.asarray(packed, dtype=np.int64).reshape(-1)
        except (TypeError, OverflowError) as error:
            raise ValueError(f"samples are not durations: {error}") from error
    try:
        inflator = zlib.decompressobj()
        raw = inflator.decompress(base64.b64decode(packed, validate=True), MOST_SAMPLES_BYTES)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"samples are damaged: {error}") from error
    if not inflator.eof:
        raise ValueError("samples are damaged: cut short, or larger than one round can be")
    if len(raw) % 8:
        raise ValueError("samples are damaged: not a whole number of durations")
    return np.frombuffer(raw, dtype="<i8").astype(np.int64)


Samples = Annotated[
    np.ndarray[Any, Any], BeforeValidator(_unpack), PlainSerializer(_pack, return_type=str)
]
"""Durations of single calls in nanoseconds; base64 of zlib of little-endian int64 in JSON."""


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Measured = Annotated[float | None, BeforeValidator(_finite)]
"""A figure that may be missing: NaN and infinity are None here already, as in the JSON."""


class _Value(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="ignore", arbitrary_types_allowed=True, ser_json_inf_nan="null"
    )


class PortShape(_Value):
    """An input or output as `list` and `show` print it."""

    name: str
    shape: list[int | str]
    dtype: str


class ListedModel(_Value):
    """One row of `toolkit list`."""

    name: str
    family: str
    document: str | None
    parameters: int | None
    inputs: list[PortShape]
    outputs: list[PortShape]
    trains_on: str | None
    formats: list[str]
    limits: dict[str, str]


class Metric(_Value):
    """A held-out metric and the floor that the plan sets for it."""

    name: str
    value: Measured
    floor: float
    met: bool = True


class WeightsOrigin(_Value):
    """Where weights came from: `trained`, `random`, `file`, `constructed`, … and their hash."""

    origin: str
    sha256: str
    seed: int | None


class TrainedModel(_Value):
    """One row of `toolkit train`; `reused` where earlier weights of the same plan served."""

    name: str
    data: str
    epochs: int
    seconds: Measured
    metric: Metric
    weights: WeightsOrigin
    reused: bool = False


class Form(_Value):
    """One exported form of a model."""

    format: str
    path: str | None
    sha256: str | None
    size_bytes: int | None
    opset: int | None
    seconds: Measured
    status: FormStatus
    message: str


class ExportedModel(_Value):
    """One bundle; `bundle` is None when nothing could be written."""

    name: str
    bundle: str | None
    forms: list[Form]
    weights: WeightsOrigin | None = None
    notes: list[str] = Field(default_factory=list)


class Finding(_Value):
    """Something that a check found, with its evidence in words."""

    name: str
    severity: Literal["error", "note"]
    message: str
    stage: str | None = None
    module: str | None = None
    reproduce: str | None = None


class CheckResult(_Value):
    """The verdict on one form; `format` is None for a model that could not be built.

    A score passes up to `max_score`.
    """

    model: str
    format: str | None
    runtime: str | None
    device: str
    status: CheckStatus
    score: Measured
    noise_source: NoiseSource | None
    cases: int
    findings: list[Finding] = Field(default_factory=list)
    weights: str | None = None
    seconds: Measured = None
    max_score: Measured = None


class Speedup(_Value):
    """Baseline ÷ variant with its 95 % interval."""

    estimate: Measured
    low: Measured
    high: Measured


class Variant(_Value):
    """One row of a latency table; times are of single calls, over every timed call."""

    model: str
    variant: str
    format: str | None
    runtime: str
    device: str
    dtype: str
    threads: int
    batch: int | None
    p50_us: Measured
    p50_low_us: Measured
    p50_high_us: Measured
    p90_us: Measured
    p99_us: Measured
    calls: int
    items_per_s: Measured
    speedup: Speedup | None
    verdict: TimingVerdict
    roof_percent: Measured = None
    load_s: Measured = None
    first_call_us: Measured = None
    peak_rss_bytes: int | None = None
    size_bytes: int | None = None
    parity_score: Measured = None
    note: str | None = None
    weights: str | None = None
    warm_up_calls: int | None = None
    samples_ns: list[Samples] = Field(default_factory=list)
    """One array of call durations a round."""


class RoundConditions(_Value):
    """What the machine was doing in one round; nothing is ever dropped for it."""

    order: list[str]
    load: Measured
    steal_s: Measured
    involuntary_switches: int | None
    cpu_per_wall: Measured


class Comparison(_Value):
    """One interleaved comparison of any number of variants.

    `aa_band` is a fraction: 0.012 where identical code was seen to differ by 1.2 %. `baseline` is
    the `variant` that the speed-ups refer to, after its model and a space where several have one.
    """

    baseline: str
    aa_band: Measured
    rounds: int
    sets: int
    variants: list[Variant]
    seed: int = 0
    aa: Speedup | None = None
    within_one_process: bool = True
    load_start: Measured = None
    load_end: Measured = None
    harness_ns: Measured = None
    conditions: list[RoundConditions] = Field(default_factory=list)
    aa_samples_ns: list[Samples] = Field(default_factory=list)


class Environment(_Value):
    """The machine and the versions; None for what is not installed."""

    python: str
    torch: str | None
    torchvision: str | None
    onnx: str | None
    onnxruntime: str | None
    platform: str
    cpu: str
    cores: int
    threads: int
    devices: list[str]


class ErrorDocument(_Value):
    """Why a command could not do its work (exits 2 and 3)."""

    name: str
    message: str
    hint: str | None = None


class Trained(_Value):
    """The training part of a `run`."""

    models: list[TrainedModel] = Field(default_factory=list)


class ExportedPart(_Value):
    """The export part of a `run`."""

    models: list[ExportedModel] = Field(default_factory=list)


class Checked(_Value):
    """The parity part of a `run`."""

    results: list[CheckResult] = Field(default_factory=list)


class Benched(_Value):
    """The latency part of a `run`."""

    comparisons: list[Comparison] = Field(default_factory=list)


MODEL_KINDS: Mapping[str, type[_Value]] = MappingProxyType(
    {"list": ListedModel, "show": ListedModel, "train": TrainedModel, "export": ExportedModel}
)
"""What stands under `models` in the document of each command."""


class Document(_Value):
    """One JSON document: what a command prints with `--json` and what `toolkit report` reads.

    A command fills the keys of its own; the others are left out of the JSON.
    """

    schema_version: int = SCHEMA_VERSION
    command: str
    toolkit: str
    environment: Environment
    exit_code: int
    command_line: str | None = None
    error: ErrorDocument | None = None
    models: list[ListedModel] | list[TrainedModel] | list[ExportedModel] | None = None
    results: list[CheckResult] | None = None
    comparisons: list[Comparison] | None = None
    train: Trained | None = None
    export: ExportedPart | None = None
    check: Checked | None = None
    bench: Benched | None = None
    rows: list[dict[str, Any]] | None = None

    @field_validator("models", mode="before")
    @classmethod
    def _of_the_command(cls, models: object, info: ValidationInfo) -> object:
        """The command says what its models are: they share so many keys that shape does not."""
        kind = MODEL_KINDS.get(info.data.get("command", ""))
        if kind is None or models is None:
            return models
        return TypeAdapter(list[kind]).validate_python(models)  # type: ignore[valid-type]

    @property
    def all_results(self) -> list[CheckResult]:
        """The verdicts, wherever the command put them."""
        return self.results or (self.check.results if self.check else [])

    @property
    def all_comparisons(self) -> list[Comparison]:
        """The latency tables, wherever the command put them."""
        return self.comparisons or (self.bench.comparisons if self.bench else [])

    @property
    def all_exports(self) -> list[ExportedModel]:
        """The exported models, wherever the command put them."""
        if self.export:
            return self.export.models
        return [model for model in self.models or [] if isinstance(model, ExportedModel)]

    @property
    def all_trained(self) -> list[TrainedModel]:
        """The trained models, wherever the command put them."""
        if self.train:
            return self.train.models
        return [model for model in self.models or [] if isinstance(model, TrainedModel)]


def to_json(document: Document) -> str:
    """The document as ASCII JSON, without NaN or Infinity; keys no command filled are left out."""
    tree = json.loads(document.model_dump_json())
    filled = {key: value for key, value in tree.items() if value is not None}
    return json.dumps(filled, indent=1, ensure_ascii=True, allow_nan=False)


def save(document: Document, path: Path) -> None:
    """Write the document beside `path` and move it there: a reader sees the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(to_json(document) + "\n", encoding="ascii")
    partial.replace(path)


def load(path: Path) -> Document:
    """Read a results file; raises `ResultsError` with the reason."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultsError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{path} is not JSON: {error}") from error
    version = tree.get("schema_version") if isinstance(tree, dict) else None
    if version != SCHEMA_VERSION:
        raise ResultsError(
            f"{path}: schema version {version}, this toolkit reads {SCHEMA_VERSION}",
            hint="results files are written by `toolkit run`, `check` and `bench`",
        )
    try:
        return Document.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ResultsError(f"{path} is not a results file: {where}: {first['msg']}") from error

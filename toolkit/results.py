"""What a run found, as values; versioned JSON in and out.

Field names are the keys that scripts outside this project rely on. Raw samples are stored in
whole and compactly; what a table shows is derived from them.
"""

from __future__ import annotations

import base64
import json
import os
import zlib
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
)

from toolkit.errors import ResultsError

SCHEMA_VERSION = 1

FormStatus = Literal["ok", "limit", "error"]
CheckStatus = Literal[
    "pass", "fail", "limit", "error", "timeout", "crash", "out-of-memory", "refused"
]
NoiseSource = Literal["float64", "perturbation", "override"]
TimingVerdict = Literal["faster", "slower", "same", "unstable", "noisy", "not timed"]


def _pack(samples: NDArray[np.int64]) -> str:
    return base64.b64encode(zlib.compress(samples.astype("<i8").tobytes(), 6)).decode("ascii")


def _unpack(packed: object) -> object:
    if not isinstance(packed, str):
        return packed
    try:
        return np.frombuffer(zlib.decompress(base64.b64decode(packed)), dtype="<i8")
    except (ValueError, zlib.error) as error:
        raise ValueError(f"samples are damaged: {error}") from error


Samples = Annotated[
    np.ndarray[Any, Any], BeforeValidator(_unpack), PlainSerializer(_pack, return_type=str)
]
"""Durations of single calls in nanoseconds; base64 of zlib of little-endian int64 in JSON."""


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
    value: float | None
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
    seconds: float
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
    seconds: float
    status: FormStatus
    message: str


class ExportedModel(_Value):
    """One bundle; `bundle` is None when nothing could be written."""

    name: str
    bundle: str | None
    forms: list[Form]
    weights: WeightsOrigin | None = None


class Finding(_Value):
    """Something that a check found, with its evidence in words."""

    name: str
    severity: Literal["error", "note"]
    message: str
    stage: str | None = None
    module: str | None = None
    reproduce: str | None = None


class CheckResult(_Value):
    """The verdict on one form; `format` is None for a model that could not be built."""

    model: str
    format: str | None
    runtime: str | None
    device: str
    status: CheckStatus
    score: float | None
    noise_source: NoiseSource | None
    cases: int
    findings: list[Finding] = Field(default_factory=list)
    weights: str | None = None
    seconds: float | None = None


class Speedup(_Value):
    """Baseline ÷ variant with its 95 % interval."""

    estimate: float | None
    low: float | None
    high: float | None


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
    p50_us: float | None
    p50_low_us: float | None
    p50_high_us: float | None
    p90_us: float | None
    p99_us: float | None
    calls: int
    items_per_s: float | None
    speedup: Speedup | None
    verdict: TimingVerdict
    roof_percent: float | None = None
    load_s: float | None = None
    first_call_us: float | None = None
    peak_rss_bytes: int | None = None
    size_bytes: int | None = None
    parity_score: float | None = None
    note: str | None = None
    weights: str | None = None
    warm_up_calls: int | None = None
    samples_ns: list[Samples] = Field(default_factory=list)
    """One array of call durations a round."""


class RoundConditions(_Value):
    """What the machine was doing in one round; nothing is ever dropped for it."""

    order: list[str]
    load: float | None
    steal_s: float | None
    involuntary_switches: int | None
    cpu_per_wall: float | None


class Comparison(_Value):
    """One interleaved comparison of any number of variants."""

    baseline: str
    aa_band: float | None
    rounds: int
    sets: int
    variants: list[Variant]
    seed: int = 0
    aa: Speedup | None = None
    within_one_process: bool = True
    load_start: float | None = None
    load_end: float | None = None
    harness_ns: float | None = None
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
    except ValueError as error:
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

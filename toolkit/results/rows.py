"""The rows that a run can find; field names are the keys that scripts elsewhere rely on."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

FormStatus = Literal["ok", "limit", "error"]
CheckStatus = Literal[
    "pass", "fail", "limit", "error", "timeout", "crash", "out-of-memory", "refused"
]
NoiseSource = Literal["float64", "perturbation", "override"]
PredictionStatus = Literal["ok", "refused", "error", "timeout", "crash", "out-of-memory"]


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Measured = Annotated[float | None, BeforeValidator(_finite)]
"""A figure that may be missing: NaN and infinity are None here already, as in the JSON."""


class Value(BaseModel):
    """A frozen value; keys that it does not know are passed over."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", arbitrary_types_allowed=True, ser_json_inf_nan="null"
    )


class PortShape(Value):
    """An input or output as `list` and `show` print it."""

    name: str
    shape: list[int | str]
    dtype: str


class ListedModel(Value):
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


class Metric(Value):
    """A held-out metric and the floor that the plan sets for it."""

    name: str
    value: Measured
    floor: float | None
    met: bool = True


class WeightsOrigin(Value):
    """Where weights came from: `trained`, `random`, `file`, `constructed`, … and their hash.

    `note` is what must be said of them, as of random ones in place of published ones.
    """

    origin: str
    sha256: str
    seed: int | None
    note: str | None = None


class TrainedModel(Value):
    """One row of `toolkit train`; `reused` where earlier weights of the same plan served.

    `per_class` is the held-out accuracy of each class by its name, None for one without samples.
    `interrupted` where Ctrl-C ended the training: the weights are the best until then, kept in
    `file`.
    """

    name: str
    data: str
    epochs: int
    seconds: Measured
    metric: Metric
    weights: WeightsOrigin
    reused: bool = False
    per_class: dict[str, Measured] = Field(default_factory=dict)
    interrupted: bool = False
    file: str | None = None


class Form(Value):
    """One exported form of a model."""

    format: str
    path: str | None
    sha256: str | None
    size_bytes: int | None
    opset: int | None
    seconds: Measured
    status: FormStatus
    message: str


class ExportedModel(Value):
    """One bundle; `bundle` is None when nothing could be written."""

    name: str
    bundle: str | None
    forms: list[Form]
    weights: WeightsOrigin | None = None
    notes: list[str] = Field(default_factory=list)


class Script(Value):
    """A script that shows a finding with torch, onnxruntime and numpy alone.

    It holds `operators` of the model's `captured` ones; `confirmed` where it exited 1 when run.
    """

    path: str
    confirmed: bool
    operators: int
    captured: int


class Finding(Value):
    """Something that a check found, with its evidence in words."""

    name: str
    severity: Literal["error", "note"]
    message: str
    stage: str | None = None
    module: str | None = None
    reproduce: str | None = None
    script: Script | None = None


class StageScore(Value):
    """How a form does at one stage: captured, converted, optimised, on the device."""

    stage: str
    status: Literal["pass", "fail", "error", "refused"]
    score: Measured
    cases: int


class CheckResult(Value):
    """The verdict on one form; `format` is None for a model that could not be built.

    A score passes up to `max_score`. `stages` are in the order in which a form goes through them;
    the captured program is among them where the form fails.
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
    stages: list[StageScore] = Field(default_factory=list)
    reference: str | None = None
    """What `compare` judged it against."""


class PlannedCase(Value):
    """One case of a plan: `kind` is how its values come about, `flag` the boolean it is about.

    `certain` are those that run whatever the budget.
    """

    model_config = ConfigDict(populate_by_name=True)

    number: int
    sizes: dict[str, int]
    kind: str
    flag: str | None = None
    draw_class: str = Field(alias="class")
    seed: int
    certain: bool


class PlannedModel(Value):
    """What a check of one model runs, all of it in `budget_s` seconds a form where these allow.

    `message` says why there are no cases of a model that could not be looked at.
    """

    model: str
    budget_s: Measured = None
    cases: list[PlannedCase] = Field(default_factory=list)
    message: str | None = None


class Prediction(Value):
    """A class that a form saw in an image file; `rank` is None where there is no answer.

    `index` is the class's place among the model's outputs and `label` its name. `weights` says
    where they came from, with their seed, and `note` what else must be said of them.
    """

    model: str
    image: str
    rank: int | None = None
    index: int | None = None
    label: str | None = None
    probability: Measured = None
    format: str | None = None
    runtime: str | None = None
    device: str | None = None
    weights: str | None = None
    note: str | None = None
    status: PredictionStatus = "ok"
    message: str = ""
    hint: str | None = None


class Picture(Value):
    """A picture that was drawn with a model: its file, what it shows, its size in pixels."""

    model: str
    file: str
    shows: str
    width: int
    height: int
    weights: str


class Environment(Value):
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
    openvino: str | None = None


class ErrorDocument(Value):
    """Why a command could not do its work (exits 2 and 3)."""

    name: str
    message: str
    hint: str | None = None

"""What a model is and takes: frozen values that check themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from toolkit.calling import Call, Constant
from toolkit.errors import SpecError
from toolkit.ports import BATCH, DTYPES, FLOATS, INTEGERS, Dimension, Port, Size

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = [
    "ALL_FORMATS",
    "BATCH",
    "DTYPES",
    "FLOATS",
    "FORMAT_NAMES",
    "INTEGERS",
    "PART_FAMILIES",
    "Dimension",
    "Interpolation",
    "ModelSpec",
    "PartOf",
    "Port",
    "Preprocess",
    "Pretrained",
    "Severity",
    "Size",
    "TrainingPlan",
    "Twin",
]

FORMAT_NAMES = ("onnx", "pt2", "trace", "script")
"""What is exported where nothing is said."""

ALL_FORMATS = (*FORMAT_NAMES, "onnx-legacy")
"""What can be asked for; `onnx-legacy` is torch.onnx's older, TorchScript-based exporter."""


PART_FAMILIES = ("layer", "loss")
"""Entries that are parts of networks: a sweep over the catalogue checks them and times none."""


@dataclass(frozen=True)
class TrainingPlan:
    """How an entry is trained briefly: data, objective, optimiser and the floor it must meet.

    `floor` bounds `metric` on held-out data: from below, or from above for a metric in which
    less is better; None where nothing is promised. Pixels are scaled to `pixel_range`, or
    normalised by `mean` and `std` where these are given. `kl_weight` is the β of a variational
    autoencoder; `partner` builds the second network of an alternating training, and `reader` the
    classifier that judges generated images. The `schedule` of the learning rate is `constant` or
    `linear`: down to 0 at the last step.

    `classes` keeps the samples of these classes alone; `positive` makes a binary task of them,
    the target 1 for these. `l1` and `l2` weigh the norms of all weights that are trained, added to
    the loss; `clip_norm` bounds the gradient's norm; `patience` stops after so many epochs without
    a better validation loss and keeps the best weights. `initialiser` draws the weights anew
    before training; parameters under a prefix of `freeze` are left as they are.
    """

    data: str
    objective: str
    metric: str
    floor: float | None
    less_is_better: bool = False
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.0
    nesterov: bool = False
    adam_betas: tuple[float, float] = (0.9, 0.999)
    schedule: Literal["constant", "linear"] = "constant"
    weight_decay: float = 0.0
    batch_size: int = 64
    epochs: int = 5
    pixel_range: tuple[float, float] = (0.0, 1.0)
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    classes: tuple[int, ...] = ()
    positive: tuple[int, ...] = ()
    kl_weight: float = 1.0
    l1: float = 0.0
    l2: float = 0.0
    clip_norm: float | None = None
    patience: int | None = None
    initialiser: str | None = None
    freeze: tuple[str, ...] = ()
    partner: Callable[[], nn.Module] | None = None
    reader: Callable[[], nn.Module] | None = None

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or self.learning_rate <= 0:
            raise SpecError("a training plan needs ≥ 1 epoch, ≥ 1 sample a batch, a rate above 0")
        if self.patience is not None and self.patience < 1:
            raise SpecError(f"a training plan's patience is 1 epoch or more, not {self.patience}")
        if not self.pixel_range[0] < self.pixel_range[1]:
            raise SpecError(f"a training plan's pixel range {self.pixel_range} is empty")

    def met_by(self, value: float) -> bool:
        """Whether a held-out metric reaches the floor; NaN never does."""
        if self.floor is None:
            return math.isfinite(value)
        return value <= self.floor if self.less_is_better else value >= self.floor


@dataclass(frozen=True)
class Twin:
    """A module that computes the same, exported in place of one that a format cannot take.

    `build` makes it from the documented module, with the same weights. Eager and the oracle stay
    the documented module: the twin is judged against it like any form, and the manifest names it.
    """

    formats: tuple[str, ...]
    build: Callable[[nn.Module], nn.Module]
    reason: str


@dataclass(frozen=True)
class Pretrained:
    """Published weights: a member of torchvision's enums, as in `ResNet50_Weights.IMAGENET1K_V2`.

    Or the address of a file whose name holds the first digits of its SHA-256, as theirs do:
    `https://host/net-0123abcd.pth`. `adapt` turns the published state dict into the model's own;
    keys that it leaves out stay as they were seeded (a new head). With `fetch` the tensors are
    those that a library's own loader gives, by the model's own names, and `weights` is what they
    are called.
    """

    weights: str
    adapt: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] | None = None
    fetch: Callable[[], Mapping[str, Tensor]] | None = None


@dataclass(frozen=True)
class PartOf:
    """Weights that are those of a part of another entry, trained as a whole.

    `part` is the path of the submodule, empty for all of it; `partner` is the second network of
    an alternating training.
    """

    whole: str
    part: str = ""


Interpolation = Literal["bilinear", "bicubic"]


@dataclass(frozen=True)
class Preprocess:
    """How an image file becomes one sample of an image model, step by step.

    The shorter side is resized to `resize` pixels by the antialiased filter `interpolation`, a
    centre square of `crop` pixels is cut out, made grey where `channels` is 1, scaled to [0, 1],
    normalised by `mean` and `std`, and surrounded by `padding` pixels of value `pad_value` (after
    normalisation).
    """

    channels: int
    resize: int
    crop: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    padding: int = 0
    pad_value: float = 0.0
    interpolation: Interpolation = "bilinear"


def _none() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class ModelSpec:
    """Everything the toolkit knows about a model; nothing about it stands anywhere else.

    `inputs` are in the order of `forward`'s parameters. `outputs` may be empty for a user's own
    model: they are then read off its first run. `constants` are arguments that are no tensors, by
    path; `call` is how both are handed to `forward`, None for the inputs in order. `limits` maps a
    format to the reason why the model cannot be had in it; a limit is a strict expectation.

    Weights: trained by `training` where that is given and its data are at hand, else `pretrained`,
    else those of `part_of`, else seeded. `recipe` is the document's own training as it stands.
    `preprocess_in_graph`: the module does its `preprocess` itself, its input is the raw image.
    `labels` names a set of class names (`toolkit.labels`), or holds the names themselves.
    """

    name: str
    build: Callable[[], nn.Module]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...] = ()
    dimensions: tuple[Dimension, ...] = ()
    constants: Mapping[str, Constant] = field(default_factory=_none)
    call: Call | None = None
    family: str = "user"
    document: str | None = None
    summary: str = ""
    parameters: int | None = None
    training: TrainingPlan | None = None
    recipe: TrainingPlan | None = None
    pretrained: Pretrained | None = None
    part_of: PartOf | None = None
    twins: tuple[Twin, ...] = ()
    preprocess: Preprocess | None = None
    preprocess_in_graph: bool = False
    labels: str | tuple[str, ...] | None = None
    limits: Mapping[str, str] = field(default_factory=_none)

    def __post_init__(self) -> None:
        if not self.inputs:
            raise SpecError("a model needs at least one input", model=self.name)
        self._refuse_twins("input", [port.name for port in self.inputs])
        self._refuse_twins("output", [port.name for port in self.outputs])
        self._refuse_twins("dimension", [dimension.name for dimension in self.dimensions])
        used = [*self.limits, *(name for twin in self.twins for name in twin.formats)]
        unknown = [name for name in used if name not in ALL_FORMATS]
        if unknown:
            raise SpecError(f"limits or twins for unknown formats: {unknown}", model=self.name)
        self._refuse_unknown_ends()
        object.__setattr__(self, "dimensions", self._completed_dimensions())
        object.__setattr__(self, "limits", MappingProxyType(dict(self.limits)))
        object.__setattr__(self, "constants", MappingProxyType(dict(self.constants)))

    def _refuse_twins(self, kind: str, names: list[str]) -> None:
        twins = sorted({name for name in names if names.count(name) > 1})
        if twins:
            raise SpecError(f"{kind} named twice: {', '.join(twins)}", model=self.name)

    def _refuse_unknown_ends(self) -> None:
        known = {symbol for port in self.inputs for symbol in port.symbols}
        for port in self.inputs:
            if port.up_to is not None and port.up_to not in known:
                raise SpecError(f"no input has a dimension called {port.up_to}", model=self.name)

    def _completed_dimensions(self) -> tuple[Dimension, ...]:
        """The declared dimensions, and a free one for each further name in an input's shape."""
        used = dict.fromkeys(symbol for port in self.inputs for symbol in port.symbols)
        declared = {dimension.name: dimension for dimension in self.dimensions}
        idle = sorted(set(declared) - set(used))
        if idle:
            raise SpecError(
                f"no input has a dimension called {', '.join(idle)}",
                model=self.name,
                hint=f"the inputs' dimensions are: {', '.join(used) or 'all numbers'}",
            )
        return tuple(declared.get(name, Dimension(name)) for name in used)

    def dimension(self, name: str) -> Dimension:
        """The symbolic dimension of that name; KeyError if there is none."""
        return next(found for found in self.dimensions if found.name == name)

    def twin_for(self, format_name: str) -> Twin | None:
        """What is exported to this format in place of the module; None where it is the module."""
        return next((twin for twin in self.twins if format_name in twin.formats), None)

    @property
    def traced_sizes(self) -> dict[str, int]:
        """Every symbolic dimension at the size that exporters see."""
        return {dimension.name: dimension.traced for dimension in self.dimensions}


Severity = Literal["error", "note"]

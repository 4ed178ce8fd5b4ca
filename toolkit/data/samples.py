"""What a data set is to a training: samples by number, targets, and a part held out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from toolkit.spec import Preprocess, Size

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[Any]

HELD_OUT_SHARE = 0.2
SPLIT_SEED = 20_180_917
"""The split is fixed: no training seed changes which samples are held out."""


@dataclass(frozen=True)
class Wanted:
    """How samples are to be given; the fields are those of a `TrainingPlan` where names agree.

    `shape` is that of the first input without the batch. `preprocess` is how the model takes image
    files, where it says so: in place of the range of pixels, for files alone.
    """

    shape: tuple[Size, ...]
    pixel_range: tuple[float, float] = (0.0, 1.0)
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    classes: tuple[int, ...] = ()
    positive: tuple[int, ...] = ()
    preprocess: Preprocess | None = None
    data_dir: Path | None = None


class Samples(Protocol):
    """Inputs that can be had by number, and their targets: int64 classes, (N,)."""

    @property
    def targets(self) -> Tensor:
        """The class of every sample."""
        ...

    def take(self, rows: Tensor) -> tuple[Tensor, ...]:
        """The inputs of these samples, one tensor an input, the sample axis first."""
        ...

    def chosen(self, rows: Tensor, targets: Tensor) -> Samples:
        """These samples alone, under new targets."""
        ...


@dataclass(frozen=True, eq=False)
class TensorSamples:
    """Samples that lie in memory: one tensor an input, the sample axis first."""

    inputs: tuple[Tensor, ...]
    targets: Tensor

    def take(self, rows: Tensor) -> tuple[Tensor, ...]:
        """The inputs of these samples."""
        return tuple(tensor[rows] for tensor in self.inputs)

    def chosen(self, rows: Tensor, targets: Tensor) -> Samples:
        """These samples alone, under new targets."""
        return TensorSamples(self.take(rows), targets)


@dataclass(frozen=True, eq=False)
class DataSet:
    """Samples to train on and others held out to judge by; `labels` are the classes' names."""

    name: str
    train: Samples
    held_out: Samples
    labels: tuple[str, ...] = ()

"""Units that a whole case plan leaves off, and inputs that turn them on, found by their gradients.

A rectifier's channel that gives nothing but zeros hides whatever is wrong behind it. How many are
ever on is the neuron coverage of Pei et al., DeepXplore (SOSP 2017), and so is ascending the
gradient of the input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from toolkit.inputs import Array, arguments, draw, to_array, to_tensors
from toolkit.parity.ascent import FAR_ENOUGH, Rectified, ascend, deviation
from toolkit.parity.budget import samples_in
from toolkit.parity.plan import Case
from toolkit.spec import ModelSpec

MOST_CASES = 4
STEPS = 10
FIRST_SEED = 700
"""From the check's own; those of the plan end before it."""
RUNS_A_STEP = 6
"""A watched run and its gradient cost up to as much as six plain runs."""
RUNS_A_LOOK = 2
"""And a watched run as two."""


class _Units(Rectified):
    """While entered, keeps the largest value that goes into each unit, rectifier by rectifier.

    A unit is a channel: the second dimension, or the last one of sequences (batch, length,
    channels). `margins` are the same in standard deviations of the rectifier's values.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peaks: list[Tensor] = []
        self.margins: list[Tensor] = []

    def rectified(self, values: Tensor) -> None:
        """Look at the values of one rectifier."""
        channels = values.ndim - 1 if values.ndim == 3 else 1  # noqa: PLR2004 - sequences
        peak = values.amax([one for one in range(values.ndim) if one != channels])
        self.peaks.append(peak.detach())
        self.margins.append(peak / deviation(values))


def least_samples(spec: ModelSpec, cases: Sequence[Case]) -> int:
    """How many samples a search runs that looks at all of the cases and adds one."""
    looked_at = sum(samples_in(case.sizes) for case in cases)
    return RUNS_A_LOOK * looked_at + STEPS * RUNS_A_STEP * samples_in(spec.traced_sizes)


class Lighting:
    """Cases that turn on units which all cases before them leave off, sought for some seconds.

    What a module's own code raises on the way goes through.
    """

    def __init__(
        self,
        module: nn.Module,
        spec: ModelSpec,
        device: str,
        seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self.module = module
        self.spec = spec
        self.device = device
        self.clock = clock
        self.peaks: list[Tensor] = []
        self.ends = clock() + seconds

    @property
    def off(self) -> int:
        """How many units no case has turned on."""
        return sum(int((peak <= 0).sum()) for peak in self.peaks)

    def look(self, cases: Sequence[Case]) -> None:
        """Remember which units the cases turn on; those of many samples first, until all are on.

        Where time ends before all were looked at, no unit is known to be off.
        """
        for case in sorted(cases, key=lambda case: case.kind != "wide"):
            self._turn_on(self._peaks_of(case.inputs(self.spec)))
            if not self.off:
                break
            if self.clock() > self.ends:
                self.peaks = []
                break

    def cases(self, known: Sequence[Case]) -> Iterator[Case]:
        """As many as turn on further units; numbered after the known."""
        number = 1 + max(case.number for case in known)
        for index in range(MOST_CASES):
            if not self.off or self.clock() > self.ends:
                break
            seed = min(case.seed for case in known) + FIRST_SEED + index
            arrays = self._ascended(seed)
            if not self._turn_on(self._peaks_of(arrays)):
                break
            yield Case(number + index, self.spec.traced_sizes, "units", seed, given=arrays)

    def _turn_on(self, peaks: list[Tensor]) -> int:
        """How many units are on for the first time. A run by another way says nothing."""
        if not self.peaks:
            self.peaks = [torch.full_like(peak, -torch.inf) for peak in peaks]
        if [one.shape for one in peaks] != [one.shape for one in self.peaks]:
            return 0
        before = self.off
        self.peaks = list(map(torch.maximum, self.peaks, peaks))
        return before - self.off

    def _peaks_of(self, arrays: Mapping[str, Array]) -> list[Tensor]:
        with torch.no_grad():
            return self._run(to_tensors(self.spec, arrays, device=self.device)).peaks

    def _run(self, tensors: Sequence[Tensor]) -> _Units:
        positional, named = arguments(self.spec, tensors)
        units = _Units()
        with units:
            self.module(*positional, **named)
        return units

    def _ascended(self, seed: int) -> Mapping[str, Array]:
        """Ordinary values, moved step by step to where the units that are off come on."""
        arrays = draw(self.spec, self.spec.traced_sizes, seed)
        tensors = list(to_tensors(self.spec, arrays, device=self.device))
        off = [peak <= 0 for peak in self.peaks]
        for _ in range(STEPS):
            if self.clock() <= self.ends:
                ascend(self.spec, tensors, lambda: self._wanted(tensors, off))
        ports = [port.name for port in self.spec.inputs]
        return dict(zip(ports, map(to_array, tensors), strict=True))

    def _wanted(self, tensors: Sequence[Tensor], off: Sequence[Tensor]) -> list[Tensor]:
        """How far each unit that was off is from being on."""
        margins = self._run(tensors).margins
        pairs = zip(margins, off, strict=False)
        return [(one.clamp(max=FAR_ENOUGH) * mask).sum() for one, mask in pairs]

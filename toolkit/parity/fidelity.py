"""Low precision against stated bounds: signal-to-noise and agreement, where a score says nothing.

A form that computes in integers of eight bits is not as accurate as its model, and is not meant to
be. How much is good enough its user alone can say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from toolkit.parity.compare import Array, feature_axis
from toolkit.parity.findings import Finding, error, note
from toolkit.parity.limits import Limits
from toolkit.spec import Port


@dataclass
class Fidelity:
    """What one output keeps of the reference's, over all cases that were added.

    `signal` and `noise` are sums of squares, `agreeing` of `places` have their largest feature
    where the reference has it (integers: are equal).
    """

    port: Port
    signal: float = 0.0
    noise: float = 0.0
    agreeing: int = 0
    places: int = 0
    compared: int = 0

    @property
    def sqnr_db(self) -> float | None:
        """10 log10(signal / noise): infinite without any noise, None where nothing was compared."""
        if not self.port.is_float or not self.compared or not (self.signal or self.noise):
            return None
        if not self.noise:
            return math.inf
        return 10 * math.log10(self.signal / self.noise) if self.signal else -math.inf

    @property
    def agreement(self) -> float | None:
        """The share of places that agree, None where there are none."""
        return self.agreeing / self.places if self.places else None

    def add(self, exact: Array, candidate: Array) -> None:
        """One case; arrays of another shape are a fault of the structure, and no case here."""
        if exact.shape != candidate.shape:
            return
        if self.port.is_float:
            self._add_floats(exact.astype(np.float64), candidate.astype(np.float64))
        else:
            self.agreeing += int(np.count_nonzero(exact == candidate))
            self.places += exact.size

    def _add_floats(self, exact: Array, candidate: Array) -> None:
        finite = np.isfinite(exact) & np.isfinite(candidate)
        self.compared += int(np.count_nonzero(finite))
        self.signal += float(np.sum(exact[finite] ** 2))
        self.noise += float(np.sum((candidate[finite] - exact[finite]) ** 2))
        axis = _class_axis(self.port)
        if axis is not None and exact.ndim > axis and exact.shape[axis] > 1 and exact.size:
            judged = finite.all(axis=axis)
            same = exact.argmax(axis=axis) == candidate.argmax(axis=axis)
            self.agreeing += int(np.count_nonzero(same & judged))
            self.places += int(np.count_nonzero(judged))

    def __str__(self) -> str:
        parts = []
        if self.sqnr_db is not None:
            parts.append(f"signal-to-noise {self.sqnr_db:.1f} dB")
        if self.agreement is not None:
            parts.append(f"agreement {self.agreement:.4f}")
        return f"{self.port.name}: {', '.join(parts) or 'nothing to measure'}"


def _class_axis(port: Port) -> int | None:
    """The feature axis; where that is dynamic the last one, as of tokens in a row."""
    axis = feature_axis(port)
    if axis is None and port.shape and isinstance(port.shape[-1], int):
        return len(port.shape) - 1
    return axis


@dataclass
class Gauge:
    """Measures a form of `precision` case by case, against `exact` by the numbers of the cases.

    With `alone` nothing else judges its values: without a stated bound it is refused.
    """

    precision: str
    ports: Sequence[Port]
    exact: Mapping[int, Mapping[str, Array]]
    limits: Limits
    alone: bool
    cases: int = 0
    measures: dict[str, Fidelity] = field(init=False)

    def __post_init__(self) -> None:
        self.measures = {port.name: Fidelity(port) for port in self.ports}

    def add(self, number: int, outputs: Mapping[str, Array]) -> None:
        """The outputs of one ordinary case."""
        self.cases += 1
        for name, measure in self.measures.items():
            if name in outputs and name in self.exact[number]:
                measure.add(self.exact[number][name], outputs[name])

    @property
    def refused(self) -> bool:
        """Whether some output has no bound that could be looked at, and there is nothing else."""
        return self.alone and bool(self._unjudged())

    def _unjudged(self) -> list[str]:
        return [name for name, one in self.measures.items() if not self._bounded(one)]

    def _bounded(self, one: Fidelity) -> bool:
        """Whether a bound or a tolerance says what is good enough; equal zeros need none."""
        limits, port = self.limits, one.port
        equal = port.is_float and one.compared > 0 and not (one.signal or one.noise)
        return (
            equal
            or limits.tolerance(port.name, is_float=port.is_float) is not None
            or (limits.min_sqnr is not None and one.sqnr_db is not None)
            or (limits.min_agreement is not None and one.agreement is not None)
        )

    def findings(self) -> list[Finding]:
        """The figures, against the bounds: an error for what is below, or what cannot be said."""
        figures = "; ".join(map(str, self.measures.values()))
        over = f"in {self.precision} over {self.cases} ordinary cases"
        if self.refused:
            return [error("low-precision", f"{self._cannot_say()}; {over}: {figures}")]
        below = [text for one in self.measures.values() for text in self._below(one)]
        if below:
            return [error("low-precision", f"{'; '.join(below)}; {over}: {figures}")]
        return [note("low-precision", f"{over}: {figures}")]

    def _cannot_say(self) -> str:
        asked = "say what is good enough: --min-sqnr DB, --min-agreement SHARE, or both"
        if self.limits.bounded:
            names = ", ".join(self._unjudged())
            asked = f"the bound that was stated does not measure {names}: state the other one too"
        return f"computes in {self.precision}, for which there is no score: {asked}"

    def _below(self, one: Fidelity) -> list[str]:
        texts, name = [], one.port.name
        ratio, share = self.limits.min_sqnr, self.limits.min_agreement
        if ratio is not None and one.sqnr_db is not None and one.sqnr_db < ratio:
            texts.append(f"{name} is below --min-sqnr {ratio:g}")
        if share is not None and one.agreement is not None and one.agreement < share:
            texts.append(f"{name} is below --min-agreement {share:g}")
        return texts

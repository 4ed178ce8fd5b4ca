"""A reference whose noise is known, and a candidate that is changed run by run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor, nn

from tests.parity.models import spec_of
from toolkit.inputs import Array
from toolkit.parity.compare import Slicing
from toolkit.parity.plan import Case
from toolkit.parity.reference import Judged, Reference
from toolkit.parity.second_look import DRAWS
from toolkit.parity.verdict import Verdict
from toolkit.spec import Port

NOISE = 2.0**-20
FAR = 64 * NOISE


class Counting(nn.Module):
    """Its input; how often it ran says how many cases were looked at twice."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = 0

    def forward(self, x: Tensor) -> Tensor:
        self.runs += 1
        return x.clone()


Change = Callable[[int, Array], Array]


@dataclass
class Changed:
    """A candidate that gives its input, changed by the number of the run."""

    change: Change = lambda run, values: values
    runs: list[Array] = field(default_factory=list)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        self.runs.append(inputs["x"])
        return {"output_0": self.change(len(self.runs) - 1, inputs["x"])}


def reference(*values: float) -> Reference:
    """An ordinary case at the traced size for each value, and one at another size."""
    module = Counting()
    spec = spec_of(module, Port("x", ("batch", 1)))
    module.runs = 0
    cases = [judged(number, value) for number, value in enumerate(values)]
    return Reference(
        spec,
        module,
        "cpu",
        planned=len(cases),
        cases=[*cases, judged(len(cases), 0.0, samples=1)],
        slices={"output_0": Slicing(1)},
        noise={("output_0", "ordinary"): np.array([NOISE])},
    )


def judged(number: int, value: float, samples: int = 2) -> Judged:
    x = np.full((samples, 1), value, dtype=np.float32)
    case = Case(number, {"batch": samples}, "ordinary", 0)
    return Judged(case, {"x": x}, {"output_0": x}, {"output_0": x})


def looks(of: Reference) -> float:
    """How many cases were looked at twice."""
    assert isinstance(of.module, Counting)
    return of.module.runs / DRAWS


def errors(verdict: Verdict) -> list[str]:
    return [found.name for found in verdict.findings if found.severity == "error"]


def shifted(run: int, values: Array) -> Array:
    return values + np.float32(FAR)

"""What a run is against a saved one: a verdict on every case, and how the two differ."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from toolkit.errors import REFUSED
from toolkit.results.rows import Measured, Value

Drift = Literal[
    "as before",
    "faster",
    "slower",
    "speed drift",
    "parity drift",
    "missing",
    "cannot tell",
    "new",
    "yardstick",
]
How = Literal["same file", "side by side", "ratios"]

SAID_NO = 1
_ALWAYS: Mapping[Drift, int] = MappingProxyType({"missing": SAID_NO, "parity drift": SAID_NO})
_GATED: Mapping[Drift, int] = MappingProxyType({"speed drift": SAID_NO, "cannot tell": REFUSED})
JUDGED: frozenset[Drift] = frozenset({"as before", "faster", "slower", *_ALWAYS, *_GATED})
"""Verdicts; `new` and `yardstick` are none."""


class TimeRatio(Value):
    """The time of a call now ÷ then with its 95 % interval: 1.05 is 5 % slower."""

    estimate: float
    low: float
    high: float


class BaselineVerdict(Value):
    """What became of one case; `toolkit.baselines.verdicts` has the rule.

    `number` counts rows that are alike in everything else. `how` it was judged: it is the `same
    file` under the same conditions; the saved artefact was timed again `side by side`; or the
    `ratios` to the `yardstick` then and now were compared. `change` is without a value where
    speed was not looked at.
    """

    model: str
    variant: str
    device: str
    threads: int
    batch: int | None
    dtype: str
    drift: Drift
    number: int = 1
    how: How | None = None
    yardstick: str | None = None
    change: TimeRatio | None = None
    score_then: Measured = None
    score_now: Measured = None
    message: str | None = None


class Difference(Value):
    """A condition that is not the same in both runs."""

    what: str
    then: str
    now: str

    def __str__(self) -> str:
        return f"{self.what}: {self.then} then, {self.now} now"


class Against(Value):
    """A run against the baseline of this name; `limit` is a fraction: 0.05 is 5 % slower.

    `commits` are those of the working folder and of the toolkit, where they differ: no conditions.
    Where nothing is `gated` the limit is the usual one, and speed decides no exit code.
    """

    baseline: str
    limit: float
    gated: bool
    verdicts: list[BaselineVerdict] = Field(default_factory=list)
    differences: list[Difference] = Field(default_factory=list)
    commits: list[Difference] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """1 for a case that is missing or has drifted, 3 where the gate cannot tell, else 0."""
        codes = {code for one in self.verdicts if (code := self.code_of(one.drift))}
        if self.gated and not any(one.drift in JUDGED for one in self.verdicts):
            codes.add(REFUSED)
        return min(codes, default=0)

    def code_of(self, drift: Drift) -> int:
        """What one verdict makes of the exit code: speed decides it only where there is a gate."""
        return {**_ALWAYS, **(_GATED if self.gated else {})}.get(drift, 0)

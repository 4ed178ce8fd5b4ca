"""What a self-test of the judge found: planted defects, and which of them were found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, computed_field

from toolkit.results.rows import Measured, Value

Moved = Literal["values", "integers", "non-finite", "structure", "refusal"]


class PlantedDefect(Value):
    """One defect in one file, and what became of it.

    `seed` is the generator's. `movement` is the largest change of an output that was seen, in
    units of the noise; None where it has no number, as where a shape changed (`moved` says how). It
    is `counted` when it is noticed on inputs that are not of the case plan, and `found` when
    the form that holds it does not pass; `findings` are the judge's, of `cases` that ran until
    then.
    """

    kind: str
    seed: int
    where: str
    counted: bool
    moved: Moved | None
    movement: Measured
    found: bool
    findings: list[str] = Field(default_factory=list)
    cases: int


class SelfTest(Value):
    """The judge tried on one form of one model.

    `error` where nothing could be judged, with `message`. `cases` are those of the plan that a
    defect can be found in; `left_out` are too many for the time. `absent` are the kinds of defects
    for which the file has no place, with the seeds that found none.
    """

    model: str
    format: str | None
    device: str
    status: Literal["pass", "fail", "error"]
    message: str | None = None
    noise_source: str | None = None
    least_movement: float
    inputs: int
    seeds: list[int]
    cases: int = 0
    left_out: int = 0
    defects: list[PlantedDefect] = Field(default_factory=list)
    absent: Mapping[str, list[int]] = Field(default_factory=dict)
    weights: str | None = None
    seconds: Measured = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def planted(self) -> int:
        """How many defects were planted."""
        return len(self.defects)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def counted(self) -> int:
        """How many of them count."""
        return sum(defect.counted for defect in self.defects)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def found(self) -> int:
        """How many of those that count were found."""
        return sum(defect.counted and defect.found for defect in self.defects)

    @property
    def missed(self) -> list[PlantedDefect]:
        """Those that count and were not found."""
        return [defect for defect in self.defects if defect.counted and not defect.found]

    @property
    def uncounted(self) -> list[PlantedDefect]:
        """Those that no input of the count shows."""
        return [defect for defect in self.defects if not defect.counted]

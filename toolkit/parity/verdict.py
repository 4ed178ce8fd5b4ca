"""The verdict on one form: its cases judged, and what they show put into findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from toolkit.errors import ToolkitError
from toolkit.events import Observe, Progress, ignore
from toolkit.inputs import Array
from toolkit.parity import batching
from toolkit.parity.baked import baked_dimensions
from toolkit.parity.budget import Budget, listed
from toolkit.parity.cases import CaseVerdict, compare_case, second_look
from toolkit.parity.compare import MAX_SCORE
from toolkit.parity.findings import Finding, error, note
from toolkit.parity.reference import Judged, Reference, departs

Status = Literal["pass", "fail", "error"]

CONFIRMATIONS = 6
"""Faulty cases that get the second look's 16 runs; once so many stand, the verdict does too."""


class Candidate(Protocol):
    """Anything that takes and gives named arrays."""

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Named arrays in, named arrays out; raises `ToolkitError` with the runtime's reason."""
        ...


@dataclass(frozen=True)
class Verdict:
    """What a check says of one form; `score` is None where no value was compared."""

    status: Status
    score: float | None
    noise_source: str | None
    cases: int
    findings: tuple[Finding, ...]


def judge(
    reference: Reference,
    candidate: Candidate,
    *,
    extra: Sequence[Finding] = (),
    label: str = "",
    budget: Budget | None = None,
    observe: Observe = ignore,
) -> Verdict:
    """Run the form over the plan; `extra` are findings made before (warnings, the file itself).

    `label` is the form's name, told with the progress. What `budget` has no time for is listed.
    """
    findings = [*reference.findings, *extra]
    too_little = reference.too_little()
    if too_little:
        return Verdict("error", None, None, len(reference.cases), tuple(findings))
    if reference.random:
        return Verdict("fail", None, None, len(reference.cases), tuple(findings))
    budget = budget or Budget(None)
    verdicts = _run_cases(reference, candidate, label, budget, observe)
    findings += _left_out(reference, len(verdicts))
    findings += _candidate_randomness(candidate, verdicts)
    shown = summarise(reference, verdicts)
    # A form that is right at some sizes of the batch alone would seem to mix its samples.
    if not any(one.name == "baked-dimension" for one in shown):
        shown += batching.try_candidate(reference, candidate.run)
    findings += shown
    failed = any(found.severity == "error" for found in findings)
    return Verdict(
        "fail" if failed else "pass",
        _score(verdicts),
        reference.noise_source,
        len(verdicts),
        tuple(findings),
    )


def _run_cases(
    reference: Reference, candidate: Candidate, label: str, budget: Budget, observe: Observe
) -> list[CaseVerdict]:
    verdicts: list[CaseVerdict] = []
    for done, judged in enumerate(reference.cases):
        if not budget.allows(done, reference.least):
            break
        observe(
            Progress(reference.spec.name, "check", label, done, len(reference.cases), form=label)
        )
        confirmed = sum(one.wrong_values or bool(one.shapes) for one in verdicts)
        look_twice = confirmed < CONFIRMATIONS
        verdicts.append(_judge_case(reference, candidate, judged, look_twice=look_twice))
    return verdicts


def _left_out(reference: Reference, run: int) -> list[Finding]:
    """What the time did not allow, so that nobody takes it for checked."""
    cases = [judged.case for judged in reference.cases[run:]] + reference.left_out
    if not cases:
        return []
    text = (
        f"{run} of {run + len(cases)} cases ran; the time (--budget) left out, by number: "
        f"{listed(cases)}"
    )
    return [note("left-out", text)]


def _judge_case(
    reference: Reference, candidate: Candidate, judged: Judged, *, look_twice: bool
) -> CaseVerdict:
    try:
        outputs = candidate.run(judged.inputs)
    except ToolkitError as raised:
        return CaseVerdict(judged, refusal=raised.message)
    verdict = compare_case(reference, judged, outputs)
    varying = any(reference.varies(name) for name in verdict.shapes)
    if (verdict.wrong_values or varying) and look_twice:
        second_look(reference, verdict, outputs)
    return verdict


def _score(verdicts: Sequence[CaseVerdict]) -> float | None:
    scores = [verdict.score for verdict in verdicts if verdict.score is not None]
    return max(scores, default=None)


def _candidate_randomness(candidate: Candidate, verdicts: Sequence[CaseVerdict]) -> list[Finding]:
    """The same case twice: a right form gives the same twice."""
    if verdicts[0].refusal:
        return []
    inputs = verdicts[0].judged.inputs
    try:
        first, second = candidate.run(inputs), candidate.run(inputs)
    except ToolkitError:
        return []
    moved = [name for name in first if name not in second or departs(first[name], second[name])]
    if not moved:
        return []
    text = f"two runs of the form on the same inputs differ in {', '.join(moved)}"
    return [error("nondeterministic", text, case=verdicts[0].judged.case.number)]


def summarise(reference: Reference, verdicts: Sequence[CaseVerdict]) -> list[Finding]:
    """One finding a kind of fault, each on its smallest case; sizes that fail alone are baked."""
    findings = list(baked_dimensions(reference, verdicts))
    explained = {number for found in findings for number in found.cases}
    rest = [one for one in verdicts if one.judged.case.number not in explained]
    return [
        *(found.finding for found in findings),
        *_refusals(rest),
        *_structure(rest),
        *_non_finite(verdicts),
        *_values(reference, rest),
        *_notes(verdicts),
        *_nothing_compared(reference, verdicts),
    ]


def smallest(verdicts: Sequence[CaseVerdict]) -> CaseVerdict:
    """The case with the fewest input values."""
    return min(verdicts, key=lambda one: sum(array.size for array in one.judged.inputs.values()))


def _refusals(verdicts: Sequence[CaseVerdict]) -> list[Finding]:
    refused = [one for one in verdicts if one.refusal]
    if not refused:
        return []
    least = smallest(refused)
    text = f"refuses {len(refused)} cases that eager accepts, {least.judged.case}: {least.refusal}"
    return [error("structure", text, case=least.judged.case.number)]


def _structure(verdicts: Sequence[CaseVerdict]) -> list[Finding]:
    wrong = [one for one in verdicts if one.structure or one.shapes]
    if not wrong:
        return []
    least = smallest(wrong)
    text = f"{'; '.join([*least.structure, *least.shapes.values()])}, in {least.judged.case}"
    return [error("structure", text, case=least.judged.case.number)]


def _non_finite(verdicts: Sequence[CaseVerdict]) -> list[Finding]:
    wrong = [one for one in verdicts if one.non_finite]
    if not wrong:
        return []
    least = smallest(wrong)
    text = (
        f"{'; '.join(least.non_finite)}, in {least.judged.case}; {len(wrong)} such cases of "
        f"{len(verdicts)}"
    )
    return [error("non-finite", text, case=least.judged.case.number)]


def _values(reference: Reference, verdicts: Sequence[CaseVerdict]) -> list[Finding]:
    wrong = [one for one in verdicts if one.wrong_values]
    if not wrong:
        return []
    least = smallest(wrong)
    parts = [
        f"{name} is off by {least.largest_error[name]:.3g}, score {value:.3g} of {MAX_SCORE:.0f}"
        for name, value in least.scores.items()
        if value > MAX_SCORE
    ]
    parts += [f"{name}: {count} integers differ" for name, count in least.unequal.items()]
    text = (
        f"{'; '.join(parts)}, in {least.judged.case}; {len(wrong)} such cases of {len(verdicts)}"
        f" (noise: {reference.noise_source})"
    )
    return [error("value", text, case=least.judged.case.number)]


def _notes(verdicts: Sequence[CaseVerdict]) -> list[Finding]:
    found = []
    cleared = [one for one in verdicts if one.cleared]
    if cleared:
        text = (
            f"{len(cleared)} cases are over the limit by no more than eager itself moves when "
            f"its inputs and parameters are off by one rounding, first {cleared[0].judged.case}"
        )
        found.append(note("ill-conditioned", text, case=cleared[0].judged.case.number))
    differing = [one for one in verdicts if one.notes]
    if differing:
        first = differing[0]
        text = f"{'; '.join(first.notes)}, in {first.judged.case}"
        found.append(note("non-finite", text, case=first.judged.case.number))
    return found


def _nothing_compared(reference: Reference, verdicts: Sequence[CaseVerdict]) -> list[Finding]:
    """An empty comparison is an error: a check that compared nothing has shown nothing."""
    ran = [one for one in verdicts if not one.refusal and not one.structure and not one.shapes]
    if not ran or any(one.compared for one in ran):
        return []
    names = ", ".join(port.name for port in reference.spec.outputs) or "no output at all"
    return [error("structure", f"not a single value could be compared: {names}")]

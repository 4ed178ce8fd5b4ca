"""The verdict on one form: its cases judged, and what they show put into findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from toolkit.errors import ToolkitError
from toolkit.events import Observe, Progress, ignore
from toolkit.inputs import Array
from toolkit.parity import batching
from toolkit.parity.budget import Budget, listed
from toolkit.parity.cases import CaseVerdict, compare_case, second_look
from toolkit.parity.closer_look import look_closer
from toolkit.parity.fidelity import Gauge
from toolkit.parity.findings import Finding, error, note
from toolkit.parity.held import Held
from toolkit.parity.limits import USUAL, Limits
from toolkit.parity.reference import Judged, Reference
from toolkit.parity.shown import departs
from toolkit.parity.summary import summarise
from toolkit.parity.tf32 import without_tf32

Status = Literal["pass", "fail", "error", "refused"]

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


@without_tf32()
def judge(
    reference: Reference,
    candidate: Candidate,
    *,
    limits: Limits = USUAL,
    gauge: Gauge | None = None,
    extra: Sequence[Finding] = (),
    held: Held | None = None,
    label: str = "",
    budget: Budget | None = None,
    observe: Observe = ignore,
    until_failed: bool = False,
) -> Verdict:
    """Run the form over the plan; `extra` are findings made before (warnings, the file itself).

    `gauge` measures a form of low precision (`toolkit.parity.standards`). `held` reads the form's
    own numbers: where some depart from the module's and no case shows it, one that does is sought.
    `label` is the form's name, told with the progress. What `budget` has no time for is listed.
    With `until_failed` the first case that fails is the last, and what else is wrong is not looked
    for.
    """
    findings = [*reference.findings, *extra]
    too_little = reference.too_little()
    if too_little:
        return Verdict("error", None, None, len(reference.cases), tuple(findings))
    if reference.random:
        return Verdict("fail", None, None, len(reference.cases), tuple(findings))
    terms = Terms(limits, gauge)
    reference.form = label or None

    def tell(done: int) -> None:
        name, planned = reference.spec.name, len(reference.cases)
        observe(Progress(name, "check", label, done, planned, form=label))

    budget = budget or Budget(None)
    verdicts = _run_cases(reference, candidate, terms, budget, tell, until_failed=until_failed)
    if held is not None and gauge is None and not any(one.failed for one in verdicts):
        findings += _looked_closer(reference, candidate, terms, verdicts, held=held, budget=budget)
    if until_failed and verdicts[-1].failed:
        findings += summarise(reference, verdicts)
    else:
        findings += _whole_findings(reference, candidate, terms, verdicts)
    if gauge is not None:
        findings = [*gauge.findings(), *findings]  # first, for a refusal rests on them
    return Verdict(
        _status(findings, terms),
        _score(verdicts),
        _noise_source(reference, verdicts),
        len(verdicts),
        tuple(findings),
    )


def _looked_closer(
    reference: Reference,
    candidate: Candidate,
    terms: Terms,
    verdicts: list[CaseVerdict],
    *,
    held: Held,
    budget: Budget,
) -> list[Finding]:
    """Judge the form where its own numbers show, if some depart and no case so far shows it.

    The case stays with the reference, behind those that ran: findings name it by its number.
    """
    found = look_closer(reference, held, budget)
    if isinstance(found, Finding):
        return [found]
    if found is not None:
        reference.cases.insert(len(verdicts), found)
        verdicts.append(judge_case(reference, candidate, found, look_twice=True, terms=terms))
    return []


def _whole_findings(
    reference: Reference, candidate: Candidate, terms: Terms, verdicts: Sequence[CaseVerdict]
) -> list[Finding]:
    """What all cases show."""
    found = [*_candidate_randomness(candidate, verdicts), *summarise(reference, verdicts)]
    # One that is random, or right at some sizes of the batch alone, would seem to mix its samples.
    otherwise = any(one.name in ("nondeterministic", "baked-dimension") for one in found)
    if terms.scored and not otherwise:
        found += batching.try_candidate(reference, candidate.run, terms.limits)
    return [*_left_out(reference, len(verdicts)), *found]


def _status(findings: Sequence[Finding], terms: Terms) -> Status:
    """Refused where nothing but a missing bound stands in the way of a verdict."""
    wrong = [found for found in findings if found.severity == "error"]
    unbounded = terms.gauge is not None and terms.gauge.refused
    if unbounded and all(found.name == "low-precision" for found in wrong):
        return "refused"
    return "fail" if wrong else "pass"


@dataclass(frozen=True)
class Terms:
    """What a form is held to, and what measures it where its precision is low."""

    limits: Limits
    gauge: Gauge | None = None

    @property
    def scored(self) -> bool:
        """Whether its values have a score."""
        return self.gauge is None or not self.gauge.alone


def _noise_source(reference: Reference, verdicts: Sequence[CaseVerdict]) -> str | None:
    """What the values were judged by; None where that is no score and no tolerance."""
    if any(one.overridden for one in verdicts):
        return "override"
    scored = any(one.scores or one.refusal or one.structure for one in verdicts)
    return reference.noise_source if scored else None


def _run_cases(
    reference: Reference,
    candidate: Candidate,
    terms: Terms,
    budget: Budget,
    tell: Callable[[int], None],
    *,
    until_failed: bool,
) -> list[CaseVerdict]:
    verdicts: list[CaseVerdict] = []
    for done, judged in enumerate(reference.cases):
        if not budget.allows(done, reference.least):
            break
        tell(done)
        confirmed = sum(one.wrong_values or bool(one.shapes) for one in verdicts)
        look_twice = confirmed < CONFIRMATIONS
        verdicts.append(
            judge_case(reference, candidate, judged, look_twice=look_twice, terms=terms)
        )
        if until_failed and verdicts[-1].failed:
            break
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


def judge_case(
    reference: Reference,
    candidate: Candidate,
    judged: Judged,
    *,
    look_twice: bool,
    terms: Terms,
) -> CaseVerdict:
    """One form in one case; a second look where it is over the limit and that is wanted."""
    try:
        outputs = candidate.run(judged.inputs)
    except ToolkitError as raised:
        return CaseVerdict(judged, terms.limits, refusal=raised.message or raised.name)
    verdict = compare_case(reference, judged, outputs, terms.limits, scored=terms.scored)
    if terms.gauge is not None and judged.case.draw_class == "ordinary":
        terms.gauge.add(judged.case.number, outputs)
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

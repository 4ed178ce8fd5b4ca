"""A form judged at the stages that made it: the first one that departs from eager is to blame.

An ONNX file is always run both ways, without the runtime's optimisations and with all of them.
What came before the file is looked at only where it fails, in the cases that show the fault.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from toolkit import formats, results, runtimes
from toolkit.errors import ToolkitError
from toolkit.events import Observe, ignore
from toolkit.folders import temporary_folder
from toolkit.formats import captured
from toolkit.formats.captured import Captured
from toolkit.locating import first_diverging
from toolkit.parity.budget import Budget
from toolkit.parity.findings import Finding
from toolkit.parity.limits import USUAL, Limits
from toolkit.parity.reference import Reference
from toolkit.parity.tf32 import without_tf32
from toolkit.parity.verdict import Terms, Verdict, judge, judge_case
from toolkit.runtimes.base import Runner, RunOptions
from toolkit.runtimes.torch_export import moved, program_runner
from toolkit.stages.holding import held
from toolkit.stages.sources import exportable
from toolkit.stages.subject import Subject

CAPTURE, CONVERSION, OPTIMISATION, DEVICE = "capture", "conversion", "optimisation", "device"
_OF_FORMS = ("value", "non-finite", "structure", "baked-dimension", "batch-dependence")
"""Findings about what a form computes: they have a stage."""
_STANDING = {"pass": 0, "refused": 1, "error": 2, "fail": 3}

Load = Callable[[RunOptions], Runner]


@dataclass(frozen=True)
class Judging:
    """One form of one model: its file, how that is loaded, and what is known of it already."""

    subject: Subject
    reference: Reference
    name: str
    path: Path
    load: Load
    options: RunOptions
    about: Callable[[Runner], Sequence[Finding]]
    limits: Limits = USUAL
    budget_s: float | None = None
    observe: Observe = ignore


@dataclass(frozen=True)
class Staged:
    """The verdict on a form, and the score of each stage that was looked at, in their order."""

    verdict: Verdict
    stages: tuple[results.StageScore, ...]


def judge_stages(judging: Judging) -> Staged:
    """The form at every level of optimisation that its runtime has, and where it went wrong."""
    levels = _levels(judging)
    share = None if judging.budget_s is None else judging.budget_s / len(levels)
    verdicts: dict[str, Verdict] = {}
    for stage, optimise in levels:
        runner = judging.load(replace(judging.options, optimise=optimise))
        verdicts[stage] = judge(
            judging.reference,
            runner,
            limits=judging.limits,
            extra=judging.about(runner),
            held=partial(held, judging.path, getattr(runner, "module", None)),
            label=judging.name,
            budget=Budget(share),
            observe=judging.observe,
        )
        del runner  # one session at a time: each may hold the weights twice
    rows = [stage_row(stage, verdict) for stage, verdict in verdicts.items()]
    whole = joined(list(verdicts.values()))
    if whole.status != "fail" or not _faults(judging, whole):
        return Staged(whole, tuple(rows))
    return _blamed(judging, verdicts, whole, rows)


def _levels(judging: Judging) -> list[tuple[str, bool]]:
    """The stages that a run of the file shows, each with whether the runtime optimises."""
    if runtimes.RUNTIME_OF[judging.name] != "onnxruntime":
        return [(CONVERSION if judging.name in captured.FORMATS else CAPTURE, True)]
    if judging.subject.file is not None:
        return [(OPTIMISATION, True)]  # the file without optimisations is its own judge
    return [(CONVERSION, False), (OPTIMISATION, True)]


def stage_row(stage: str, verdict: Verdict) -> results.StageScore:
    """What a table shows of one stage."""
    return results.StageScore(
        stage=stage, status=verdict.status, score=verdict.score, cases=verdict.cases
    )


def joined(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict of those at each level: the worst status and score, each finding once.

    What an earlier stage shows already is not told again of a later one.
    """
    findings: dict[tuple[str, str, str], Finding] = {}
    told: set[str] = set()
    for verdict in verdicts:
        new = [one for one in verdict.findings if one.severity == "note" or one.name not in told]
        for one in new:
            findings.setdefault((one.name, one.severity, one.message), one)
        told |= {one.name for one in new if one.severity == "error"}
    scores = [verdict.score for verdict in verdicts if verdict.score is not None]
    return replace(
        max(verdicts, key=lambda verdict: _STANDING[verdict.status]),
        score=max(scores, default=None),
        cases=min(verdict.cases for verdict in verdicts),
        findings=tuple(findings.values()),
    )


def _faults(judging: Judging, verdict: Verdict) -> list[Finding]:
    """What the form gets wrong, and eager does not."""
    return [
        found
        for found in verdict.findings
        if found.severity == "error"
        and found.name in _OF_FORMS
        and found.stage is None
        and found not in judging.reference.findings
    ]


def _blamed(
    judging: Judging,
    verdicts: dict[str, Verdict],
    whole: Verdict,
    rows: list[results.StageScore],
) -> Staged:
    """The verdict with the stage of each fault, and the scores of the stages before the file."""
    faults = _faults(judging, whole)
    captured_row, wrong = _before_the_file(judging, faults)
    found = tuple(
        _placed(judging, one, CAPTURE if one.case in wrong else _stage_of(judging, one, verdicts))
        if one in faults
        else one
        for one in whole.findings
    )
    earlier = [] if captured_row is None else [captured_row]
    return Staged(replace(whole, findings=found), (*earlier, *rows))


def _placed(judging: Judging, fault: Finding, stage: str) -> Finding:
    """The finding with its stage, and with the module of the user's at which values depart."""
    cases = {judged.case.number: judged for judged in judging.reference.cases}
    judged = cases.get(-1 if fault.case is None else fault.case)
    of_values = fault.name in ("value", "non-finite") and stage in (CAPTURE, CONVERSION)
    if judged is None or not of_values or judging.subject.file is not None:
        return replace(fault, stage=stage)
    module = None
    with contextlib.suppress(Exception):  # the finding stands, whatever becomes of this
        runner = judging.load(replace(judging.options, optimise=True))
        module = first_diverging(judging.reference, judged, judging.name, judging.path, runner)
    return replace(fault, stage=stage, module=module)


def _stage_of(judging: Judging, fault: Finding, verdicts: dict[str, Verdict]) -> str:
    """The first level that shows a fault of this kind; the device where the CPU does not."""
    stages = [
        stage
        for stage, verdict in verdicts.items()
        if any(one.name == fault.name and one.severity == "error" for one in verdict.findings)
    ]
    options = judging.options
    if options.device == "cpu":
        return stages[0]
    there = replace(options, device="cpu", optimise=stages[-1] == OPTIMISATION)
    with contextlib.suppress(ToolkitError):
        row, _ = _scored(judging, DEVICE, judging.load(there), [fault])
        return DEVICE if row is not None and row.status == "pass" else stages[0]
    return stages[0]


def _before_the_file(
    judging: Judging, faults: Sequence[Finding]
) -> tuple[results.StageScore | None, frozenset[int | None]]:
    """How the captured program does in the cases that show the faults, and those it gets wrong."""
    if judging.name in ("trace", "script") or judging.subject.file is not None:
        return None, frozenset()
    # A service on top of the finding: what goes wrong with it must not hide that.
    with contextlib.suppress(Exception), temporary_folder() as folder:
        return _scored(judging, CAPTURE, _captured_runner(judging, Path(folder)), faults)
    return None, frozenset()


def _captured_runner(judging: Judging, folder: Path) -> Runner:
    """What the form's file was made from: torch.export's program, or the older exporter's trace."""
    built = exportable(judging.subject, judging.name)
    device = judging.options.device
    if judging.name not in captured.FORMATS:
        trace = formats.get("trace").export(built, folder / "model.trace.pt")
        return runtimes.runtime_for("trace").load(trace.path, judging.subject.spec, judging.options)
    capturing = Captured(built)
    graph = capturing.graph_to_run() if judging.name == "pt2" else capturing.graph()
    return program_runner(moved(graph.program, device), judging.subject.spec, device)


@without_tf32()
def _scored(
    judging: Judging, stage: str, runner: Runner, faults: Sequence[Finding]
) -> tuple[results.StageScore | None, frozenset[int | None]]:
    """A stage in the cases that show the faults, None where no case does, and the wrong ones."""
    numbers = {found.case for found in faults}
    cases = [one for one in judging.reference.cases if one.case.number in numbers]
    if not cases:
        return None, frozenset()
    terms = Terms(judging.limits)
    seen = [
        judge_case(judging.reference, runner, one, look_twice=True, terms=terms) for one in cases
    ]
    scores = [one.score for one in seen if one.score is not None]
    row = results.StageScore(
        stage=stage,
        status="fail" if any(one.failed for one in seen) else "pass",
        score=max(scores, default=None),
        cases=len(seen),
    )
    return row, frozenset(one.judged.case.number for one in seen if one.failed)

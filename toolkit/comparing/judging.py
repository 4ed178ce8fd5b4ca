"""Any two models compared: the reference's eager run and oracle judge every form of the other."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial

from toolkit import results
from toolkit.comparing.candidates import Form, Make
from toolkit.comparing.renaming import anchored, renamed
from toolkit.comparing.rows import Comparing, judged_row, plain_row, told
from toolkit.events import Observe, Progress, ignore
from toolkit.locating import first_diverging
from toolkit.options import CheckOptions
from toolkit.parity.budget import Budget
from toolkit.parity.findings import Finding, error, note
from toolkit.parity.graphs import random_operators
from toolkit.parity.matching import PortsError
from toolkit.parity.reference import Reference
from toolkit.parity.standards import Form as Loaded
from toolkit.parity.standards import standard, widened
from toolkit.parity.verdict import Verdict
from toolkit.runtimes.base import RunOptions
from toolkit.runtimes.program_module import ProgramModule
from toolkit.spec import ALL_FORMATS
from toolkit.stages import room
from toolkit.stages.holding import held
from toolkit.stages.room import collect_copies
from toolkit.stages.rows import about_weights, explained, status_of
from toolkit.stages.staging import CONVERSION, OPTIMISATION, joined, stage_row
from toolkit.stages.subject import Subject, reference
from toolkit.words import ModelWords


def compare(
    subject: Subject,
    make: Make,
    options: CheckOptions,
    typed: ModelWords | None = None,
    *,
    done: Collection[str] = (),
    observe: Observe = ignore,
) -> Iterator[results.CheckResult]:
    """A row for each form of the candidate that was asked for and is not `done`."""
    options.limits.require_outputs([port.name for port in subject.spec.outputs], subject.shown)
    candidate = make(subject.spec, observe)
    forms = {form.name: form for form in candidate.forms if form.name not in done}
    known = [name for name in forms if name in ALL_FORMATS]
    room.require_to_check(subject, known, written=True)
    comparing = Comparing(subject, candidate, options, typed or subject.words, observe)
    wanted = options.formats or tuple(form.name for form in candidate.forms)
    for name in wanted:
        if name in forms:
            yield _row(comparing, forms[name])
        elif name not in done:
            yield _not_held(comparing, name)
    if not wanted:
        yield _not_held(comparing, None)


def _not_held(comparing: Comparing, name: str | None) -> results.CheckResult:
    """A form that was asked for and that is not at hand is refused, never passed."""
    held = ", ".join(form.name for form in comparing.candidate.forms) or "none at all"
    message = f"the candidate has no {name or 'form that could be compared'}: it has {held}"
    finding = results.Finding(name="refused", severity="error", message=message)
    return plain_row(comparing, name, None, "refused", finding)


def _row(comparing: Comparing, form: Form) -> results.CheckResult:
    """The row of one form: a failure of any kind is a row too."""
    began = time.monotonic()
    try:
        row = _judged(comparing, form)
    except PortsError as fault:
        finding = told(comparing, form, error("structure", explained(fault)))
        row = plain_row(comparing, form.name, form.runtime, "fail", finding)
    except Exception as failure:  # a user's code and several runtimes may raise anything
        status = status_of(failure)
        finding = results.Finding(name=status, severity="error", message=explained(failure))
        row = plain_row(comparing, form.name, form.runtime, status, finding)
    collect_copies(comparing.subject.built.module)
    return row.model_copy(update={"seconds": round(time.monotonic() - began, 3)})


def _judged(comparing: Comparing, form: Form) -> results.CheckResult:
    if comparing.reference is None:
        comparing.reference = _reference(comparing, form)
    levels = _levels(form)
    budget_s = _share(comparing.options, len(levels))
    verdicts: dict[str, Verdict] = {}
    for stage, optimise in levels:
        run = _options(comparing, optimise)
        verdicts[stage] = _verdict(comparing, form, comparing.reference, run, budget_s)
    whole = _blamed(verdicts)
    found = [_located(comparing, form, comparing.reference, one) for one in whole.findings]
    rows = [stage_row(stage, one) for stage, one in verdicts.items() if stage]
    return judged_row(comparing, form, replace(whole, findings=tuple(found)), rows)


def _announce(comparing: Comparing, form: Form) -> None:
    text = f"loading {form.name}"
    comparing.observe(Progress(comparing.subject.spec.name, "check", text, form=form.name))


def _options(comparing: Comparing, optimise: bool = True) -> RunOptions:
    return RunOptions(device=comparing.options.device, optimise=optimise)


def _reference(comparing: Comparing, form: Form) -> Reference:
    """Eager and the oracle over the plan, which holds the sizes that the form fixes."""
    subject, asked = comparing.subject, comparing.options
    _announce(comparing, form)
    spec = anchored(subject.spec, widened(form.load(_options(comparing)), subject.spec))
    ready = replace(subject, built=replace(subject.built, spec=spec))
    return reference(ready, asked.device, comparing.observe, budget_s=asked.budget_s)


def _levels(form: Form) -> list[tuple[str, bool]]:
    """Both ends of onnxruntime's optimisations, by the stage that they are; any other form once."""
    if form.runtime == "onnxruntime":
        return [(CONVERSION, False), (OPTIMISATION, True)]
    return [("", True)]


def _share(options: CheckOptions, levels: int) -> float | None:
    return None if options.budget_s is None else options.budget_s / levels


def _verdict(
    comparing: Comparing,
    form: Form,
    judged_against: Reference,
    options: RunOptions,
    budget_s: float | None,
) -> Verdict:
    """One level: its session is let go before the next is opened."""
    _announce(comparing, form)  # a form that ends the process is known by this
    loaded = widened(form.load(options), judged_against.spec)
    runner = renamed(loaded, judged_against)
    judged_by = standard(
        judged_against,
        form.path,
        runner,
        comparing.subject.file,
        budget_s=comparing.options.budget_s,
        observe=comparing.observe,
    )
    return judged_by.judge(
        runner,
        limits=comparing.options.limits,
        extra=[*_about(comparing, form, loaded), *runner.findings(judged_against.spec)],
        held=partial(held, form.path, _graph(loaded)),
        label=form.name,
        budget=Budget(budget_s),
        observe=comparing.observe,
    )


def _about(comparing: Comparing, form: Form, loaded: Loaded) -> list[Finding]:
    """What is known before any case runs: of the file, and of either model's weights."""
    of_reference = (
        note("weights", f"of the reference: {text}")
        for text in about_weights(comparing.subject.built)
    )
    drawn = [] if form.path is None else random_operators(form.name, form.path, _graph(loaded))
    return [*form.findings, *of_reference, *comparing.subject.findings, *drawn]


def _graph(loaded: Loaded) -> object:
    """What a runtime of torch made of a file; None for any other."""
    module = getattr(loaded, "module", None)
    return module.program if isinstance(module, ProgramModule) else module


def _blamed(verdicts: dict[str, Verdict]) -> Verdict:
    """One verdict of all levels; what the file gets right before optimisation is that one's fault.

    Who made the file is not known, so nothing before it can be blamed.
    """
    whole = joined(list(verdicts.values()))
    before = verdicts.get(CONVERSION)
    if before is None or before.status != "pass" or whole.status != "fail":
        return whole
    findings = (
        replace(found, stage=OPTIMISATION) if found.severity == "error" else found
        for found in whole.findings
    )
    return replace(whole, findings=tuple(findings))


def _located(
    comparing: Comparing, form: Form, judged_against: Reference, found: Finding
) -> Finding:
    """The finding with the module of the reference at which a file's values first depart."""
    of_values = found.severity == "error" and found.name in ("value", "non-finite")
    judged = comparing.cases.get(found.case)
    if not of_values or found.stage or judged is None:
        return found
    if form.path is None or comparing.subject.file is not None:
        return found
    with contextlib.suppress(Exception):  # the finding stands, whatever becomes of this
        loaded = form.load(_options(comparing))
        inputs = renamed(loaded, judged_against).taken(judged.inputs)
        module = first_diverging(
            judged_against, judged, form.name, form.path, loaded, inputs=inputs
        )
        return replace(found, module=module)
    return found

"""One form of one model checked: exported or at hand, loaded, judged, and put into a row."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from toolkit import formats, results, runtimes
from toolkit.bundle import require_trusted
from toolkit.errors import FallbackError
from toolkit.events import Observe, Progress, ignore
from toolkit.folders import slug
from toolkit.formats.base import CaptureRefusedError, Exported, NotScriptableError
from toolkit.formats.onnx_file import external_file
from toolkit.options import OPSET, CheckOptions
from toolkit.parity.declared import declared_findings
from toolkit.parity.findings import Finding, error, note
from toolkit.parity.graphs import random_operators
from toolkit.parity.reference import Reference
from toolkit.runtimes.base import Runner, RunOptions
from toolkit.spec import ModelSpec, Severity
from toolkit.stages import reproducing
from toolkit.stages.reproducing import Form, Shown
from toolkit.stages.room import collect_copies
from toolkit.stages.rows import (
    about_weights,
    explained,
    not_saved,
    status_of,
    with_hint,
    with_verdict,
)
from toolkit.stages.sources import Sources, exportable, script_is_expected
from toolkit.stages.staging import Judging, Staged, judge_stages
from toolkit.stages.subject import Subject
from toolkit.words import shell_word


@dataclass(frozen=True)
class FormAtHand:
    """A form that lies on disk already, with the findings made about the file itself."""

    exported: Exported
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Checking:
    """What every form of one model is checked with."""

    subject: Subject
    reference: Reference
    options: CheckOptions
    folder: Path
    at_hand: Mapping[str, FormAtHand] = field(default_factory=dict)
    sources: Sources | None = None
    observe: Observe = ignore


def check_form(checking: Checking, name: str) -> results.CheckResult:
    """The row of one format: a failure of any kind is a row too."""
    began = time.monotonic()
    row = _row(checking, name)
    about_sizes = [_told(checking, name, found) for found in checking.subject.findings]
    collect_copies(checking.subject.built.module)
    return row.model_copy(
        update={
            "findings": [*row.findings, *about_sizes],
            "seconds": round(time.monotonic() - began, 3),
        }
    )


def discard(checking: Checking, name: str) -> None:
    """Delete the files of a form that was written to be judged: the next one needs their room."""
    path = checking.folder / formats.get(name).filename
    with contextlib.suppress(OSError):  # Windows keeps what a session still maps
        path.unlink(missing_ok=True)
        external_file(path).unlink(missing_ok=True)


def not_held(checking: Checking, name: str | None) -> results.CheckResult:
    """A form that was asked for and that is not at hand is refused, never passed."""
    what = name or "form that could be checked"
    place = "file is no" if checking.subject.file is not None else "bundle holds no"
    return _plain(checking, name, "refused", f"the {place} {what}")


def _row(checking: Checking, name: str) -> results.CheckResult:
    spec = checking.subject.spec
    if name in spec.limits:
        return _plain(checking, name, "limit", spec.limits[name])
    try:
        form = checking.at_hand.get(name) or _export(checking, name)
        return _judged(checking, name, form)
    except CaptureRefusedError as refusal:
        return _refused_capture(checking, name, refusal)
    except FallbackError as failure:
        return _plain(checking, name, "refused", explained(failure), found=failure.name)
    except Exception as failure:  # a user's code and four exporters may raise anything
        return _plain(checking, name, _status_of(checking, failure), explained(failure))


def _status_of(checking: Checking, failure: Exception) -> results.CheckStatus:
    if isinstance(failure, NotScriptableError):
        expected = script_is_expected(checking.subject, checking.options.formats)
        return "error" if expected else "limit"
    return status_of(failure)


def _export(checking: Checking, name: str) -> FormAtHand:
    spec = checking.subject.spec
    checking.observe(Progress(spec.name, "export", name, form=name))
    exporter = formats.get(name)
    path = checking.folder / exporter.filename
    sources = checking.sources or Sources(checking.subject, [])
    source = sources.take(name)
    opset = checking.options.opset
    exported = exporter.export(source.built, path, opset=opset, captured=source.captured)
    collect_copies(checking.subject.built.module)
    return FormAtHand(exported)


def _judged(checking: Checking, name: str, form: FormAtHand) -> results.CheckResult:
    path = form.exported.path
    if name in checking.at_hand:
        spec = checking.subject.spec
        checking.observe(Progress(spec.name, "check", f"loading {name}", form=name))
        require_trusted(path, name, checking.options.trust)
    known = [
        *form.findings,
        *(note("warning", text) for text in form.exported.warnings),
        *_about_twin(checking.subject.spec, name),
        *(note("weights", text) for text in about_weights(checking.subject.built)),
    ]

    def about(runner: Runner) -> list[Finding]:
        return [
            *known,
            *declared_findings(checking.subject.spec, runner.inputs, runner.outputs),
            *random_operators(name, path, getattr(runner, "module", None)),
        ]

    return _from_staged(checking, name, judge_stages(_judging(checking, name, path, about)))


def _judging(
    checking: Checking, name: str, path: Path, about: Callable[[Runner], list[Finding]]
) -> Judging:
    options = checking.options
    return Judging(
        checking.subject,
        checking.reference,
        name,
        path,
        lambda run_options: _load(checking, name, path, run_options),
        RunOptions(device=options.device, libraries=checking.subject.libraries_for(name)),
        about,
        options.limits,
        options.budget_s,
        checking.observe,
    )


def _about_twin(spec: ModelSpec, name: str) -> list[Finding]:
    twin = spec.twin_for(name)
    return [] if twin is None else [note("twin", f"exported from a twin: {twin.reason}")]


def _load(checking: Checking, name: str, path: Path, options: RunOptions) -> Runner:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit's deprecation is known and not the user's
        return runtimes.runtime_for(name).load(path, checking.subject.spec, options)


def _from_staged(checking: Checking, name: str, staged: Staged) -> results.CheckResult:
    return with_verdict(
        _plain(checking, name, staged.verdict.status, None),
        staged.verdict,
        staged.stages,
        reference=checking.reference,
        limits=checking.options.limits,
        told=lambda found: _told(checking, name, found),
    )


def _refused_capture(
    checking: Checking, name: str, refusal: CaptureRefusedError
) -> results.CheckResult:
    """A size or branch that eager takes and the exporter does not is a fault, not a crash."""
    what = f"dimension {refusal.dimension}: " if refusal.dimension else ""
    found = error("baked-dimension", f"{what}{with_hint(refusal)}", stage="capture")
    findings = [*checking.reference.findings, found]
    return _plain(checking, name, "fail", None).model_copy(
        update={"findings": [_told(checking, name, each, refusal.dimension) for each in findings]}
    )


def _plain(
    checking: Checking,
    name: str | None,
    status: results.CheckStatus,
    message: str | None,
    found: str | None = None,
) -> results.CheckResult:
    """A row without a score; a message becomes its one finding, called as its status or `found`."""
    findings = []
    if message is not None:
        severity: Severity = "note" if status == "limit" else "error"
        script = None
        if name is not None and status == "error":
            script = _script(checking, name, Shown("error", message))
        findings.append(
            results.Finding(name=found or status, severity=severity, message=message, script=script)
        )
    return results.CheckResult(
        model=checking.subject.shown,
        format=name,
        runtime=runtimes.RUNTIME_OF[name] if name else None,
        device=checking.options.device,
        status=status,
        score=None,
        noise_source=None,
        cases=0,
        findings=findings,
        weights=checking.subject.built.weights.origin,
    )


def _told(
    checking: Checking, name: str, found: Finding, dimension: str | None = None
) -> results.Finding:
    """A finding for the report; an error's smallest case is saved with the command to repeat it.

    What eager itself shows is no matter of a format: it reads the same in every row. `dimension`
    is the one that an exporter would not let vary.
    """
    reproduce = None
    if found.severity == "error" and found.case is not None:
        of_eager = found in checking.reference.findings
        reproduce = _save_case(checking, None if of_eager else name, found)
    message = " ".join(found.message.split())
    script = None
    if found.severity == "error" and found not in checking.reference.findings:
        script = _script(checking, name, Shown(found.name, message, found.case, dimension))
    return results.Finding(
        name=found.name,
        severity=found.severity,
        message=message,
        stage=found.stage,
        module=found.module,
        reproduce=reproduce,
        script=script,
    )


def _script(checking: Checking, name: str, shown: Shown) -> results.Script | None:
    """The fault as a script of its own; on another device than the CPU it might be another's."""
    if not checking.options.reproductions or checking.options.device != "cpu":
        return None
    form = Form(name, checking.options.opset, lambda: exportable(checking.subject, name))
    return reproducing.script(
        shown, form, checking.reference, _failures(checking), checking.observe
    )


def _failures(checking: Checking) -> Path:
    return checking.options.failures / f"{slug(checking.subject.shown)}.failures"


def _save_case(checking: Checking, name: str | None, found: Finding) -> str | None:
    cases = {judged.case.number: judged for judged in checking.reference.cases}
    if found.case not in cases:
        return None
    path = _failures(checking) / f"{name or 'eager'}-{found.name}-{found.case}.npz"
    return not_saved(path, cases[found.case].inputs) or reproduction(checking, name, path)


def reproduction(checking: Checking, name: str | None, path: Path) -> str:
    """The command that runs the form, or every form, on the saved case again."""
    words, options = checking.subject.words, checking.options
    by_entry = words.shown == words.entry and not words.altered
    parts = [
        "toolkit check",
        shell_word(words.shown if by_entry else words.word),
        "" if by_entry else words.options(),
        f"-f {name}" if name else "",
        f"--device {options.device}" if options.device != "cpu" else "",
        f"--opset {options.opset}" if options.opset != OPSET else "",
        "--trust" if options.trust else "",
        options.limits.options(),
    ]
    return " ".join(part for part in [*parts, "--inputs", shell_word(str(path))] if part)

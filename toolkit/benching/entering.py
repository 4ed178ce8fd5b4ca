"""What a comparison may time: variants chosen, their forms exported and judged on the device."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from toolkit import results
from toolkit.baselines import fingerprint
from toolkit.errors import UsageError
from toolkit.events import Observe
from toolkit.options import EAGER, BenchOptions, CheckOptions, TimedForm
from toolkit.stages import exporting
from toolkit.stages.checking import Checking, check_form
from toolkit.stages.sources import Sources
from toolkit.stages.subject import Subject, reference
from toolkit.variants import Chosen, parse

ONNX = "onnx"


def for_subject(subject: Subject, options: BenchOptions) -> BenchOptions:
    """The options for an ONNX file: variants of it are all there are, the plain one the baseline.

    Raises `UsageError` where anything else was asked for.
    """
    if subject.file is None:
        return options
    asked = [*options.variants, *([] if options.baseline == EAGER else [options.baseline])]
    others = [word for word in asked if parse(word).variant.format != ONNX]
    if others:
        raise UsageError(
            f"an ONNX file has no variant {others[0]}: only those that run it", model=subject.shown
        )
    baseline = ONNX if options.baseline == EAGER else options.baseline
    return replace(options, variants=options.variants or (ONNX,), baseline=baseline)


def chosen_of(subject: Subject, options: BenchOptions) -> tuple[Chosen, ...]:
    """The variants of one model, the baseline first."""
    return tuple(parse(word) for word in for_subject(subject, options).chosen)


def formats_of(chosen: tuple[Chosen, ...]) -> tuple[str, ...]:
    """The forms that the variants need, each once."""
    needed = (one.variant.format for one in chosen)
    return tuple(dict.fromkeys(name for name in needed if name is not None))


def entered(
    subject: Subject, options: BenchOptions, device: str, folder: Path, observe: Observe
) -> tuple[list[results.CheckResult], dict[str, TimedForm]]:
    """The verdicts of a model's forms on this device, and the forms with them."""
    at_hand = exporting.forms_at_hand(subject, None)
    needed = formats_of(chosen_of(subject, options))
    names = tuple(name for name in needed if name in at_hand or not subject.is_exported)
    check_options = CheckOptions(
        names if options.variants else (),
        device,
        options.opset,
        options.failures,
        options.trust,
        reproductions=False,
    )
    checking = Checking(
        subject,
        reference(subject, device, observe),
        check_options,
        folder,
        at_hand,
        Sources(subject, names),
        observe,
    )
    rows = [check_form(checking, name) for name in names]
    forms = exporting.timed_from(checking, rows)
    return rows, {
        name: replace(form, sha256=fingerprint(form.path)) for name, form in forms.items()
    }

"""What a check would run, without running any of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from toolkit import operators, registry, results
from toolkit.bundle import Bundle
from toolkit.errors import ToolkitError
from toolkit.options import CheckOptions
from toolkit.parity.budget import certain_cases
from toolkit.parity.plan import Case
from toolkit.preprocessing import prepared
from toolkit.spec import ModelSpec
from toolkit.stages import bundled
from toolkit.stages.bundled import bundle_of
from toolkit.stages.case_plan import cases_of
from toolkit.stages.files import file_of, spec_of_file
from toolkit.stages.real_inputs import real_inputs
from toolkit.stages.subject import prepare
from toolkit.words import ModelWords, TrainingWords


def planned(words: ModelWords, options: CheckOptions) -> results.PlannedModel:
    """The case plan of one model, as a check with these options has it; errors name the model."""
    try:
        bundle = bundle_of(words)
        spec = _spec(words, bundle, options.trust)
        cases = cases_of(words, spec, real_inputs(words, spec), bundle)
    except ToolkitError as error:
        error.model = words.shown
        raise
    certain = certain_cases(spec, cases)
    rows = [_row(case, certain=case.number in certain) for case in cases]
    return results.PlannedModel(model=words.shown, budget_s=options.budget_s, cases=rows)


def _spec(words: ModelWords, bundle: Bundle | None, trust: bool) -> ModelSpec:
    """The inputs and dimensions; the model is built only where `--dynamic` has to try its sizes."""
    if bundle is not None:
        bundled.source_of(bundle, words, trust)  # refused as a check of it is
        return bundle.spec
    operators.use(words.imports)
    if words.dynamic is not None:
        anyhow = replace(words, weights="random", training=TrainingWords())
        return prepare(anyhow, trust=trust).spec
    path = file_of(words)
    if path is not None:
        return spec_of_file(words, path, trust=trust)
    spec = registry.find(words)
    return prepared(spec) if words.with_preprocess and not spec.preprocess_in_graph else spec


def _row(case: Case, *, certain: bool) -> results.PlannedCase:
    told: Mapping[str, object] = {
        "number": case.number,
        "sizes": dict(case.sizes),
        "kind": case.kind,
        "flag": case.flag,
        "class": case.draw_class,
        "seed": case.seed,
        "certain": certain,
    }
    return results.PlannedCase.model_validate(told)

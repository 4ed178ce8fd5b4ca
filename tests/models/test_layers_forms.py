"""Every layer in every format, judged as `toolkit check` does; and why some have a twin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from toolkit import registry, results
from toolkit.options import CheckOptions
from toolkit.spec import ALL_FORMATS, ModelSpec
from toolkit.stages.checking import Checking, check_form
from toolkit.stages.subject import Subject, reference
from toolkit.weights import materialize
from toolkit.words import ModelWords

LAYERS = [spec for spec in registry.catalogue().values() if spec.family == "layer"]
RESISTED = [
    pytest.param(spec, name, id=f"{spec.name}-{name}")
    for spec in LAYERS
    for twin in spec.twins
    for name in twin.formats
]


def checked(spec: ModelSpec, names: tuple[str, ...], folder: Path) -> list[results.CheckResult]:
    subject = Subject(ModelWords(spec.name), materialize(spec, choice="random"))
    options = CheckOptions(formats=names, failures=folder)
    checking = Checking(subject, reference(subject), options, folder)
    return [check_form(checking, name) for name in names]


@pytest.mark.parametrize("spec", [pytest.param(spec, id=spec.name) for spec in LAYERS])
def test_a_layer_is_right_in_every_format_at_every_size(spec: ModelSpec, tmp_path: Path) -> None:
    for row in checked(spec, ALL_FORMATS, tmp_path):
        faults = [f"{found.name}: {found.message}" for found in row.findings]
        assert row.status == "pass", (row.format, faults)
        assert (row.cases or 0) >= 8


@pytest.mark.parametrize(("spec", "name"), RESISTED)
def test_a_format_that_gets_a_twin_resists_the_layer_itself(
    spec: ModelSpec, name: str, tmp_path: Path
) -> None:
    """Were it to take the layer one day, this fails and the twin can go."""
    (row,) = checked(replace(spec, twins=()), (name,), tmp_path)
    assert row.status in ("fail", "error")

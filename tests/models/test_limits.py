"""Limits and twins are strict: one that is no longer needed fails here, and is to be taken away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import toolkit
from toolkit import registry
from toolkit.spec import ModelSpec, Twin

MOST_PARAMETERS = 5_000_000
"""Larger entries take minutes an export: too long for a test."""

SMALL = [
    spec
    for spec in registry.catalogue().values()
    if spec.parameters is not None and spec.parameters <= MOST_PARAMETERS
]
TWINS = [
    pytest.param(spec, twin, id=f"{spec.name}-{'-'.join(twin.formats)}")
    for spec in SMALL
    for twin in spec.twins
]


def attainable(spec: ModelSpec, formats: tuple[str, ...], failures: Path) -> list[str]:
    """The formats in which the documented module itself passes the least cases.

    They are the same on every machine: what fails them fails a longer check too.
    """
    plain = replace(spec, limits={}, twins=(), training=None, pretrained=None, part_of=None)
    rows = toolkit.check(plain, formats=formats, failures=failures, budget_s=0.0)
    assert [row.format for row in rows] == list(formats)
    return [str(row.format) for row in rows if row.status == "pass"]


def test_no_entry_states_a_limit_that_no_longer_holds(tmp_path: Path) -> None:
    limited = {spec.name: (spec, tuple(spec.limits)) for spec in SMALL if spec.limits}
    lifted = {name: attainable(*pair, tmp_path) for name, pair in limited.items()}
    assert {name: formats for name, formats in lifted.items() if formats} == {}


@pytest.mark.parametrize(("spec", "twin"), TWINS)
def test_a_twin_stands_only_where_the_model_itself_cannot_be_had(
    spec: ModelSpec, twin: Twin, tmp_path: Path
) -> None:
    assert attainable(spec, twin.formats, tmp_path) == []


def test_a_limit_that_no_longer_holds_is_noticed(tmp_path: Path) -> None:
    outdated = replace(registry.catalogue()["relu"], limits={"onnx": "once refused"})
    assert attainable(outdated, ("onnx",), tmp_path) == ["onnx"]

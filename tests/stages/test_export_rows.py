"""What an export tells of the bundle that stood in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch import nn

import toolkit
from toolkit import formats, results
from toolkit.errors import ExportError

INPUTS = {"input": "batch,4"}


def exported(out: Path) -> results.ExportedModel:
    return toolkit.export(nn.Linear(4, 2), inputs=INPUTS, formats=["trace", "script"], out=out)


def test_a_form_that_could_not_be_exported_again_is_told_to_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> Any:
        raise ExportError("no longer")

    gone = "the bundle that stood here also held script: they are gone"
    assert gone not in exported(tmp_path).notes
    assert gone not in exported(tmp_path).notes
    monkeypatch.setattr(type(formats.get("script")), "export", refused)
    made = exported(tmp_path)
    assert {form.format: form.status for form in made.forms} == {"trace": "ok", "script": "error"}
    assert gone in made.notes

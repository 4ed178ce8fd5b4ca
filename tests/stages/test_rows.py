"""What rows tell of a model's weights and of a failure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import toolkit
from toolkit.stages.rows import not_saved

INPUTS = {"x": "batch,4"}


class WithExtraState(nn.Module):
    """Its state holds what is no tensor, as that of quantised layers does."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def get_extra_state(self) -> dict[str, int]:
        return {"version": 2}

    def set_extra_state(self, state: Any) -> None:
        assert state == {"version": 2}

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def test_a_state_that_holds_more_than_tensors_is_checked() -> None:
    (row,) = toolkit.check(WithExtraState(), inputs=INPUTS, formats=["trace"], budget_s=0.0)
    assert row.status == "pass"


def test_weights_that_are_not_finite_are_noted_beside_what_is_no_tensor() -> None:
    module = WithExtraState()
    with torch.no_grad():
        module.layer.weight[0] = torch.inf
    (row,) = toolkit.check(module, inputs=INPUTS, formats=["trace"], budget_s=0.0)
    notes = [found.message for found in row.findings if found.name == "weights"]
    assert notes == ["layer.weight holds values that are not finite"]


def test_what_was_not_compared_has_no_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    class Undefined(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * torch.nan

    (row,) = toolkit.check(Undefined(), inputs=INPUTS, formats=["trace"], budget_s=0.0)
    assert (row.status, row.score, row.noise_source) == ("fail", None, None)


def test_a_case_that_cannot_be_saved_is_told_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    told = not_saved(tmp_path / "taken" / "case.npz", {})
    assert told == "(the case could not be saved: File exists)"

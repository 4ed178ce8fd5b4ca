"""Networks whose graph torch guards against a batch of 1, or whose views do not translate."""

from __future__ import annotations

from pathlib import Path

import pytest

import toolkit
from toolkit.formats import captured
from toolkit.formats.capture import capture

pytest.importorskip("timm", reason="the networks that showed it are timm's")

IMAGES = {"x": "batch,3,64,64"}
GUARDED = "timm:test_convnext"
VIEWED = "timm:test_vit_relpos"


def statuses(word: str, formats: tuple[str, ...], folder: Path) -> list[str]:
    rows = toolkit.check(word, inputs=IMAGES, formats=formats, budget_s=0.0, failures=folder)
    return [row.status for row in rows]


@pytest.mark.parametrize("word", [GUARDED, VIEWED])
def test_onnx_and_pt2_pass_at_a_batch_of_one_and_any_other(word: str, tmp_path: Path) -> None:
    assert statuses(word, ("onnx", "pt2"), tmp_path) == ["pass", "pass"]


def test_without_the_second_capture_the_batch_of_one_would_be_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captured, "capture_to_run", lambda built, plain: plain or capture(built))
    assert statuses(GUARDED, ("pt2",), tmp_path) == ["fail"]

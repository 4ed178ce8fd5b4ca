"""Whatever a check imports is there before the first run."""

from __future__ import annotations

import pytest

import toolkit
from tests.strangers.networks import Plain


@pytest.fixture(autouse=True, scope="session")
def _imported(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever a check imports is there before: runs in this process forget what they import."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("imported"))
        formats = ["onnx", "pt2", "trace", "script"]
        toolkit.check(Plain(), inputs={"x": "batch,8"}, formats=formats, budget_s=0.0)

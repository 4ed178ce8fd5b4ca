"""A fault of an exporter becomes a small script that exits 1 in a process of its own."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from torch import nn

import toolkit
from tests.reproduction.networks import Branching, Sound, UnstableLoss, Untranslated
from toolkit import probing, results
from toolkit.options import REPRODUCTIONS
from toolkit.parity.plan import Array
from toolkit.reproduction.writing import Fault, Reproduction, reproduce
from toolkit.spec import ModelSpec, Port
from toolkit.weights import Built, WeightsRecord

Arrays = Mapping[str, Array]

BUDGET_S = 30.0
ALLOWED = {"torch", "onnx", "onnxruntime", "numpy"}


@pytest.fixture(autouse=True)
def _scripts_are_wanted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(REPRODUCTIONS, "1")
    monkeypatch.chdir(tmp_path)


def run(script: Reproduction | results.Script) -> subprocess.CompletedProcess[str]:
    """The script away from the toolkit and from the network that it came from."""
    path = Path(script.path)
    return subprocess.run(
        [sys.executable, path.name], cwd=path.parent, capture_output=True, text=True, check=False
    )


def imported(script: Reproduction | results.Script) -> set[str]:
    """The libraries that it needs."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(Path(script.path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).split(".")[0])
    return found - set(sys.stdlib_module_names)


def shown(network: nn.Module, form: str, finding: str, case: Arrays | None) -> Reproduction:
    """The script of a fault, without the check that finds it."""
    module = network.eval()
    spec = ModelSpec("net", lambda: module, (Port("x", ("batch", 8)),))
    spec = probing.complete(spec, module)
    message = "No ONNX function found: no decompositions registered"
    fault = Fault(
        Built(spec, module, WeightsRecord("constructed", "0")), form, 20, finding, message, case
    )
    made = reproduce(fault, Path("script.py"), lambda: None, budget_s=BUDGET_S)
    assert made is not None
    return made


def proven(made: Reproduction | results.Script) -> str:
    """What a script prints whose one operator, with few libraries, makes it exit 1."""
    assert made.confirmed
    assert made.operators == 1
    assert made.captured > 1
    assert imported(made) <= ALLOWED
    done = run(made)
    assert done.returncode == 1, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_check_writes_a_script_of_the_one_operator_at_fault() -> None:
    (row,) = toolkit.check(Branching(), inputs={"x": "batch,8"}, formats=["trace"])
    (found,) = [found for found in row.findings if found.name == "baked-dimension"]
    assert found.script is not None
    assert "value: off by" in proven(found.script)


@pytest.mark.slow
def test_an_operator_without_a_translation_is_found_among_others() -> None:
    made = shown(Untranslated(), "onnx", "error", None)
    assert "raises: DispatchError: No ONNX function" in proven(made)


@pytest.mark.slow
def test_a_script_exits_1_while_the_operator_is_wrong_and_0_once_it_is_mended() -> None:
    case = {"x": np.ones((3, 8), np.float32)}
    made = shown(UnstableLoss(), "onnx", "non-finite", case)
    assert "non-finite: " in proven(made)
    text = made.path.read_text(encoding="utf-8")
    wrong = "torch.ops.aten.binary_cross_entropy_with_logits.default("
    assert wrong in text
    stable = (
        "def stable(x, *_):\n    return torch.nn.functional.softplus(x)\n\n\nclass Reproduction"
    )
    mended = text.replace(wrong, "stable(").replace("class Reproduction", stable, 1)
    made.path.write_text(mended, encoding="utf-8")
    done = run(made)
    assert done.returncode == 0, done.stderr


def test_no_script_is_written_where_nothing_is_wrong() -> None:
    (row,) = toolkit.check(Sound(), inputs={"x": "batch,8"}, formats=["trace"])
    assert row.status == "pass"
    assert not list(Path().rglob("*.py"))


def test_scripts_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REPRODUCTIONS, "0")
    (row,) = toolkit.check(Branching(), inputs={"x": "batch,8"}, formats=["trace"])
    assert row.status == "fail"
    assert all(found.script is None for found in row.findings)

"""What is done once in place of every time: the same bytes, and no harm where it cannot be."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.formats.networks import build
from toolkit import formats
from toolkit.formats import fixed_costs, recurrent
from toolkit.formats import onnx as onnx_format
from toolkit.formats.base import Exported

REGISTRATION = import_module("torch.onnx._internal.exporter._registration")
UTILITIES = import_module("torch._export.utils")
COMPATIBILITY = import_module("torch.onnx._internal.exporter._compat")


def export(name: str, path: Path) -> Exported:
    return formats.get("onnx").export(build(name), path)


@pytest.fixture
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_costs, "_registries", {})


@pytest.mark.parametrize("name", ["convolutional", "recurrent", "generator"])
def test_the_file_is_the_one_that_the_plain_exporter_writes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (tmp_path / "first", tmp_path / "reused"):
        export(name, path)
    monkeypatch.setattr(onnx_format, "paid_once", contextlib.nullcontext)
    export(name, tmp_path / "plain")
    plain = (tmp_path / "plain").read_bytes()
    assert (tmp_path / "first").read_bytes() == plain
    assert (tmp_path / "reused").read_bytes() == plain


@pytest.mark.usefixtures("nothing_kept")
def test_the_registry_is_built_once_for_each_opset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []
    plain = REGISTRATION.ONNXRegistry.from_torchlib

    def counted(opset_version: int) -> Any:
        built.append(opset_version)
        return plain(opset_version)

    monkeypatch.setattr(REGISTRATION.ONNXRegistry, "from_torchlib", staticmethod(counted))
    exporter = formats.get("onnx")
    for opset in (20, 20, 21, 20):
        exporter.export(build("named"), tmp_path / "model.onnx", opset=opset)
    assert built == [20, 21]


def test_what_one_export_adds_to_its_registry_stays_its_own() -> None:
    with fixed_costs.paid_once():
        first = REGISTRATION.ONNXRegistry.from_torchlib(opset_version=20)
        next(iter(first.functions.values())).clear()
        first.functions["aten::mine"] = []
        second = REGISTRATION.ONNXRegistry.from_torchlib(opset_version=20)
    assert "aten::mine" not in second.functions
    assert all(second.functions.values())
    assert second.opset_version == 20


def test_torch_is_left_as_it_was(tmp_path: Path) -> None:
    before = vars(REGISTRATION.ONNXRegistry)["from_torchlib"], UTILITIES._materialize_cpp_cia_ops
    export("perceptron", tmp_path / "model.onnx")
    after = vars(REGISTRATION.ONNXRegistry)["from_torchlib"], UTILITIES._materialize_cpp_cia_ops
    assert before == after


def move_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_costs, "REGISTRATION", f"{fixed_costs.REGISTRATION}_of_another_torch")


def define_the_registry_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    class Derived(REGISTRATION.ONNXRegistry):  # type: ignore[misc,name-defined]
        """Inherits what was its own."""

    monkeypatch.setattr(REGISTRATION, "ONNXRegistry", Derived)


def move_the_utilities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_costs, "EXPORT_UTILITIES", "torch.export.another_place")


def keep_functions_under_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(registry: object) -> None:
        raise AttributeError("'ONNXRegistry' object has no attribute 'functions'")

    monkeypatch.setattr(fixed_costs, "_own_copy", refuse)


def keep_functions_in_another_form(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(registry: object) -> None:
        raise ValueError("not enough values to unpack (expected 2, got 1)")

    monkeypatch.setattr(fixed_costs, "_own_copy", refuse)


def ask_for_the_registry_by_place(monkeypatch: pytest.MonkeyPatch) -> None:
    class Asked:
        def from_torchlib(self, opset_version: int) -> Any:
            return REGISTRATION.ONNXRegistry.from_torchlib(opset_version)

    monkeypatch.setattr(COMPATIBILITY, "_registration", SimpleNamespace(ONNXRegistry=Asked))


def ask_for_the_registry_with_a_further_word(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = REGISTRATION.ONNXRegistry.from_torchlib

    def with_further_word(opset_version: int, strict: bool = False) -> Any:
        assert strict, "the word went missing"
        return plain(opset_version=opset_version)

    class Asked:
        def from_torchlib(self, opset_version: int) -> Any:
            registry = REGISTRATION.ONNXRegistry
            return registry.from_torchlib(opset_version=opset_version, strict=True)

    changed = staticmethod(with_further_word)
    monkeypatch.setattr(REGISTRATION.ONNXRegistry, "from_torchlib", changed)
    monkeypatch.setattr(COMPATIBILITY, "_registration", SimpleNamespace(ONNXRegistry=Asked))


def list_the_operators_of_one_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    listed, collected = (
        UTILITIES._materialize_cpp_cia_ops,
        UTILITIES._collect_all_valid_cia_ops_for_namespace,
    )

    def of_namespace(namespace: object = None) -> None:
        listed()

    def collect(namespace: object) -> Any:
        UTILITIES._materialize_cpp_cia_ops(namespace)
        return collected(namespace)

    monkeypatch.setattr(UTILITIES, "_materialize_cpp_cia_ops", of_namespace)
    monkeypatch.setattr(UTILITIES, "_collect_all_valid_cia_ops_for_namespace", collect)


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize(
    "change",
    [
        move_the_registry,
        define_the_registry_elsewhere,
        move_the_utilities,
        keep_functions_under_another_name,
        keep_functions_in_another_form,
        ask_for_the_registry_by_place,
        ask_for_the_registry_with_a_further_word,
        list_the_operators_of_one_namespace,
    ],
)
def test_where_an_internal_is_another_the_plain_call_writes_the_file_and_the_form_says_so(
    change: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = export("perceptron", tmp_path / "usual")
    assert usual.warnings == ()
    change(monkeypatch)
    exported = export("perceptron", tmp_path / "plain")
    (line,) = exported.warnings
    assert line.startswith("torch.onnx pays its fixed costs at every export: ")
    assert (tmp_path / "plain").read_bytes() == (tmp_path / "usual").read_bytes()


def test_a_recurrent_layer_is_exported_the_slow_way_where_torch_keeps_that_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert export("gated", tmp_path / "usual").warnings == ()
    monkeypatch.setattr(recurrent, "CAPTURE_STRATEGIES", "torch.onnx.another_place")
    (line,) = export("gated", tmp_path / "plain").warnings
    assert line.startswith("torch.onnx learns the shapes of recurrent layers in its own slow way")
    assert (tmp_path / "plain").read_bytes() == (tmp_path / "usual").read_bytes()


PRELOADED = """
import os, sys
import torch
import toolkit.pipeline
threads = lambda: len(os.listdir("/proc/self/task"))
before = threads()
asked = []
torch.cuda.is_available = torch.cuda.device_count = lambda: asked.append("cuda") or False
torch._C._cuda_init = torch._C._cuda_getDeviceCount = lambda: asked.append("cuda") or 0
import toolkit.formats.preloaded
from toolkit.formats import fixed_costs
assert not asked, asked
assert threads() == before, "a fork after a thread was started can hang"
assert "onnxruntime" not in sys.modules
assert [opset for opset, _ in fixed_costs._registries] == [20]
assert "onnxscript" in sys.modules and "torch.export._trace" in sys.modules
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_what_children_inherit_starts_no_thread_and_asks_for_no_device() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRELOADED],
        env={**os.environ, "OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

"""Operators of the user's own: named modules, named libraries, and what is said without them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from toolkit import operators
from toolkit.bundle import code_key
from toolkit.errors import BuildError, MissingError, RefusedError, RunError, UsageError
from toolkit.operators import Library
from toolkit.runtimes import runtime_for
from toolkit.runtimes.base import Runner, RunOptions
from toolkit.spec import ModelSpec, Port

SOURCE = Path(__file__).parent / "operators" / "smooth_clip.c"
LIMIT = 1.5
REGISTERS_DOUBLE = """
import torch

@torch.library.custom_op("{space}::double", mutates_args=())
def double(x: torch.Tensor) -> torch.Tensor:
    return 2 * x

def translation(x):
    return x
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder of modules; afterwards none of them is known or in use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = dict(sys.modules)
    yield tmp_path
    operators.use(())
    for name in set(sys.modules) - set(before):
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def write(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.py").write_text(text, encoding="utf-8")


def test_a_module_in_use_registers_operators_and_says_what_they_are_in_onnx(folder: Path) -> None:
    table = "ONNX_TRANSLATIONS = {torch.ops.dotted.double.default: translation}"
    write(folder, "dotted_ops", REGISTERS_DOUBLE.format(space="dotted") + table)
    operators.use(["dotted_ops"])
    operator = torch.ops.dotted.double.default
    assert operator(torch.ones(2)).tolist() == [2.0, 2.0]
    assert operators.translations() == {operator: sys.modules["dotted_ops"].translation}


def test_an_operator_without_its_overload_stands_for_all_of_them(folder: Path) -> None:
    table = "ONNX_TRANSLATIONS = {torch.ops.packet.double: translation}"
    write(folder, "packet_ops", REGISTERS_DOUBLE.format(space="packet") + table)
    operators.use(["packet_ops.py"])
    assert list(operators.translations()) == [torch.ops.packet.double.default]


def test_a_module_that_is_no_longer_named_says_nothing(folder: Path) -> None:
    table = "ONNX_TRANSLATIONS = {torch.ops.aten.relu.default: lambda x: x}"
    write(folder, "earlier_ops", f"import torch\n{table}")
    operators.use(["earlier_ops"])
    assert operators.translations()
    operators.use(())
    assert not operators.translations()


def test_a_module_that_is_not_there_is_a_usage_error(folder: Path) -> None:
    with pytest.raises(UsageError, match="--import: there is no module nowhere_ops"):
        operators.use(["nowhere_ops"])
    with pytest.raises(UsageError, match=r"--import: there is no file nowhere_ops\.py"):
        operators.use(["nowhere_ops.py"])


def test_what_a_module_raises_is_told_with_the_option_that_named_it(folder: Path) -> None:
    write(folder, "broken_ops", "raise ValueError('not today')")
    with pytest.raises(BuildError, match=r"--import broken_ops: .* ValueError: not today"):
        operators.use(["broken_ops"])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("[1, 2]", "is a list"),
        ("{'relu': print}", "has the key 'relu'"),
        ("{torch.ops.aten.relu.default: 3}", "maps aten.relu.default to 3"),
    ],
)
def test_a_table_that_is_none_is_a_usage_error(folder: Path, table: str, said: str) -> None:
    write(folder, "table_ops", f"import torch\nONNX_TRANSLATIONS = {table}")
    with pytest.raises(UsageError, match=said):
        operators.use(["table_ops"])


def test_an_operator_that_nobody_registered_is_named() -> None:
    with pytest.raises(AttributeError) as caught:
        torch.ops.nobodys.operator(torch.ones(1))
    error = operators.unregistered(caught.value)
    assert error is not None
    assert "nobodys::operator" in error.message
    assert "--import" in str(error.hint)
    assert operators.unregistered(AttributeError("'Net' object has no attribute 'size'")) is None


@pytest.mark.parametrize(
    ("message", "operator", "option"),
    [
        ("No ONNX function found for <OpOverload(op='my.f', overload='x')>", "my.f", "--import"),
        ("an operator with unrecognized namespace my::f. If you", "my::f", "--import"),
        ("Fatal error: my.ops:F(-1) is not a registered function/op", "my.ops:F", "--ort-library"),
    ],
)
def test_the_option_that_mends_an_unknown_operator_is_said(
    message: str, operator: str, option: str
) -> None:
    advice = str(operators.advice(message))
    assert operator in advice
    assert option in advice
    assert operators.advice("Sizes of tensors must match") is None


def test_imports_of_a_manifest_are_part_of_what_is_trusted() -> None:
    plain = code_key("net.py:Net", [], "ab")
    assert code_key("net.py:Net", [], "ab", []) == plain
    assert code_key("net.py:Net", [], "ab", ["evil"]) != plain
    assert code_key("net.py:Net", ["evil"], "ab") != code_key("net.py:Net", [], "ab", ["evil"])


def test_a_library_is_told_by_its_name_and_hash(tmp_path: Path) -> None:
    (tmp_path / "lib.so").write_bytes(b"x")
    (found,) = operators.described([str(tmp_path / "lib.so")])
    assert found.name == "lib.so"
    assert len(found.sha256) == 64
    with pytest.raises(MissingError, match=r"there is no file .*other\.so"):
        operators.described([str(tmp_path / "other.so")])


def test_another_library_than_the_bundles_is_refused() -> None:
    recorded = [Library("lib.so", "aa")]
    operators.require_same([Library("lib.so", "aa"), Library("more.so", "cc")], recorded)
    with pytest.raises(RefusedError, match=r"lib\.so is not the library"):
        operators.require_same([Library("lib.so", "bb")], recorded)


def test_a_library_that_a_bundle_needs_has_to_be_named() -> None:
    recorded = [Library("lib.so", "aa")]
    operators.require_given(["build/lib.so"], recorded)
    with pytest.raises(MissingError, match=r"exported with lib\.so"):
        operators.require_given([], recorded)


@pytest.fixture
def clipped(tmp_path: Path) -> Path:
    """An ONNX file with one operator of the domain my.ops."""
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]) for name in ("x", "y")
    ]
    node = helper.make_node("SmoothClip", ["x"], ["y"], domain="my.ops", limit=LIMIT)
    model = helper.make_model(
        helper.make_graph([node], "clipped", ports[:1], ports[1:]),
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("my.ops", 1)],
        ir_version=10,
    )
    onnx.save(model, tmp_path / "clipped.onnx")
    return tmp_path / "clipped.onnx"


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The library with that operator, compiled here."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs a C compiler, and Linux's way of making shared libraries")
    built = tmp_path_factory.mktemp("library") / "libsmooth_clip.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(built), str(SOURCE), "-lm"]
    subprocess.run(command, check=True)
    return str(built)


def loaded(path: Path, *libraries: str) -> Runner:
    spec = ModelSpec("clipped", torch.nn.Tanh, (Port("x", ("batch", 4)),))
    return runtime_for("onnx").load(path, spec, RunOptions(threads=1, libraries=libraries))


def test_onnxruntime_runs_the_operators_of_a_library(clipped: Path, library: str) -> None:
    x = np.linspace(-3, 3, 12, dtype=np.float32).reshape(3, 4)
    (y,) = loaded(clipped, library).run({"x": x}).values()
    np.testing.assert_allclose(y, LIMIT * np.tanh(x / LIMIT), rtol=1e-5)


def test_without_the_library_the_operator_is_not_known(clipped: Path) -> None:
    with pytest.raises(RunError, match="is not a registered function") as caught:
        loaded(clipped)
    assert "--ort-library" in str(operators.advice(caught.value.message))


def test_a_file_that_is_no_library_is_refused_in_one_line(clipped: Path, tmp_path: Path) -> None:
    (tmp_path / "text.so").write_text("no library", encoding="utf-8")
    with pytest.raises(RefusedError, match=r"text\.so cannot be used") as caught:
        loaded(clipped, str(tmp_path / "text.so"))
    assert "\n" not in caught.value.message
    assert str(tmp_path) not in caught.value.message


def test_a_library_that_has_gone_is_missing(clipped: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"there is no library gone\.so"):
        loaded(clipped, str(tmp_path / "gone.so"))

"""What a model will take of memory and disk, and what is said where that is too little."""

from __future__ import annotations

import contextlib
import functools
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import psutil
import pytest
import torch
from torch import nn

import toolkit
from toolkit import capacity
from toolkit.capacity import Need, Weights
from toolkit.errors import REFUSED, MissingError
from toolkit.formats import onnx_file
from toolkit.isolation import Limits, run_job
from toolkit.options import CheckOptions, ExportOptions
from toolkit.pipeline import checked, export
from toolkit.spec import ALL_FORMATS, FORMAT_NAMES, ModelSpec, Port
from toolkit.stages.subject import of_spec
from toolkit.words import ModelWords

GB = 10**9
LARGE = Weights(3 * GB, 3 * GB, 6 * GB, GB)
SPEC = ModelSpec("linear", lambda: nn.Linear(4, 2), (Port("input", ("batch", 4)),))

Patch = pytest.MonkeyPatch


def free(patch: Patch, *, memory: int = 10**15, disk: int | Callable[[Path], int] = 10**15) -> None:
    """A machine that has so much left."""
    patch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=memory))

    def usage(folder: Path) -> SimpleNamespace:
        return SimpleNamespace(total=10**16, free=disk(folder) if callable(disk) else disk)

    patch.setattr(shutil, "disk_usage", usage)


def large(patch: Patch) -> None:
    """Every module's weights count as many gigabytes."""
    patch.setattr(capacity, "weights_of", lambda _: LARGE)


def test_weights_are_counted_once_however_often_they_are_named() -> None:
    module = nn.ModuleList([nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)])
    module[1].weight = module[0].weight
    found = capacity.weights_of(module)
    assert (found.stored_bytes, found.written_bytes) == (256, 512)
    assert (found.float64_bytes, found.largest_bytes) == (512, 256)


def test_integers_and_half_precision_take_what_they_take() -> None:
    module = nn.Linear(4, 4, bias=False).half()
    module.register_buffer("table", torch.zeros(10, dtype=torch.int64))
    found = capacity.weights_of(module)
    assert (found.stored_bytes, found.float64_bytes) == (32 + 80, 128 + 80)


def test_weights_are_counted_on_the_meta_device_and_where_a_layer_is_lazy() -> None:
    with torch.device("meta"):
        assert capacity.weights_of(nn.Linear(50_000, 50_000, bias=False)).stored_bytes == 10 * GB
    assert capacity.weights_of(nn.LazyLinear(3)).stored_bytes == 0


def test_a_check_needs_eager_and_a_float64_oracle() -> None:
    need = capacity.to_check(LARGE, ["pt2"], Path("/tmp"))
    assert need.memory_bytes >= LARGE.stored_bytes + LARGE.float64_bytes


def test_onnxruntime_lays_out_what_convolutions_hold_anew(tmp_path: Path) -> None:
    linear, convolution = nn.Linear(96, 96), nn.Conv2d(32, 32, 3)
    assert capacity.weights_of(linear).convolved_bytes == 0
    held = capacity.weights_of(convolution)
    assert held.convolved_bytes == 4 * 32 * 32 * 9
    plain = replace(held, convolved_bytes=0)
    needs = {
        name: [
            capacity.to_check(one, [name], tmp_path, written=True).memory_bytes
            for one in (held, plain)
        ]
        for name in ("onnx", "pt2")
    }
    assert needs["onnx"][0] > needs["onnx"][1]
    assert needs["pt2"][0] == needs["pt2"][1]


def test_a_bundle_takes_the_disk_of_all_forms_and_the_weights(tmp_path: Path) -> None:
    need = capacity.to_export(LARGE, ["onnx", "pt2"], tmp_path / "not" / "there", tmp_path)
    (count,) = need.disk_bytes.values()
    assert 3 * LARGE.stored_bytes < count < 3.2 * LARGE.stored_bytes


def test_a_check_takes_the_disk_of_one_form_however_many_there_are(tmp_path: Path) -> None:
    one = capacity.to_check(LARGE, ["onnx"], tmp_path)
    assert capacity.to_check(LARGE, FORMAT_NAMES, tmp_path).disk_bytes == one.disk_bytes
    assert capacity.to_check(LARGE, FORMAT_NAMES, tmp_path, written=True).disk_bytes == {}


def test_an_external_file_saves_memory(monkeypatch: Patch) -> None:
    below = capacity.to_export(LARGE, ["onnx"], Path("/tmp"), Path("/tmp"))
    monkeypatch.setattr(onnx_file, "LARGEST_SINGLE_FILE_BYTES", 2 * LARGE.stored_bytes)
    within = capacity.to_export(LARGE, ["onnx"], Path("/tmp"), Path("/tmp"))
    assert below.memory_bytes < within.memory_bytes


def test_every_format_has_its_factors() -> None:
    assert set(capacity.WRITING) == set(capacity.LOADING) == set(ALL_FORMATS)


@pytest.mark.parametrize(("memory", "disk", "refused"), [(9, 5, False), (7, 5, True), (9, 3, True)])
def test_only_what_does_not_fit_is_refused(
    monkeypatch: Patch, memory: int, disk: int, refused: bool
) -> None:
    free(monkeypatch, memory=memory * GB, disk=disk * GB)
    need = Need(8 * GB, {Path("out"): 4 * GB})
    with pytest.raises(MissingError) if refused else contextlib.nullcontext() as caught:
        capacity.require(need, "net", Path("/tmp"), {})
    assert (caught is not None) is refused


def test_too_little_memory_names_both_figures_and_a_format_that_would_fit(
    monkeypatch: Patch,
) -> None:
    free(monkeypatch, memory=8 * GB)
    with pytest.raises(MissingError) as caught:
        capacity.require(
            Need(20 * GB, {}),
            "net",
            Path("/tmp"),
            {"script": Need(20 * GB, {}), "onnx": Need(7 * GB, {})},
        )
    assert caught.value.exit_code == REFUSED
    assert caught.value.message == "about 20.00 GB of memory are needed and 8.00 GB are free"
    assert str(caught.value.hint).startswith("-f onnx alone would fit")


def test_a_format_that_would_not_fit_either_is_not_advised(monkeypatch: Patch) -> None:
    free(monkeypatch, memory=6 * GB)
    with pytest.raises(MissingError) as caught:
        capacity.require(Need(8 * GB, {}), "net", Path("/tmp"), {"onnx": Need(7 * GB, {})})
    assert "onnx" not in str(caught.value.hint)


@pytest.mark.parametrize(("temporary", "named"), [(Path("tmp"), "TMPDIR"), (Path("x"), "-o ")])
def test_too_little_disk_says_what_names_another(
    temporary: Path, named: str, monkeypatch: Patch
) -> None:
    free(monkeypatch, disk=GB)
    with pytest.raises(MissingError, match=r"about 6\.00 GB of disk.*1\.00 GB are free") as caught:
        capacity.require(Need(0, {Path("tmp"): 6 * GB}), "net", temporary, {})
    assert named in str(caught.value.hint)


def test_a_small_model_is_never_refused_for_memory(monkeypatch: Patch) -> None:
    free(monkeypatch, memory=0)
    subject = of_spec(SPEC, ModelWords("linear"))
    (row,) = checked(subject, CheckOptions(("pt2",), budget_s=0.0), ("pt2",))
    assert row.status == "pass"


def test_a_file_system_that_tells_nothing_is_not_taken_for_full(monkeypatch: Patch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=0, free=0))
    assert capacity.free_disk_bytes(Path("/tmp")) > 10**15


def test_the_limit_of_a_child_counts_what_it_holds_already(monkeypatch: Patch) -> None:
    free(monkeypatch)
    held = psutil.Process().memory_info().rss
    monkeypatch.setenv(capacity.LIMIT_VARIABLE, str(held + 50 * 2**20))
    assert 0 <= capacity.free_memory_bytes() < 100 * 2**20


def test_a_control_group_with_a_limit_counts(tmp_path: Path) -> None:
    group = tmp_path / "jobs"
    group.mkdir()
    (group / "memory.max").write_text("1000\n")
    (group / "memory.current").write_text("900\n")
    (group / "memory.stat").write_text("anon 700\ninactive_file 200\n")
    names = ("memory.max", "memory.current", "inactive_file")
    assert capacity.left_in_group(group, *names) == [300]
    (group / "memory.max").write_text("max\n")
    assert capacity.left_in_group(group, *names) == []
    assert capacity.left_in_group(tmp_path / "none", *names) == []


def test_an_export_that_would_not_fit_is_refused_before_it_writes(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    large(monkeypatch)
    free(monkeypatch, memory=4 * GB)
    options = ExportOptions(("onnx",), tmp_path / "out")
    with pytest.raises(MissingError, match="memory are needed"):
        toolkit.export(SPEC, formats=("onnx",), out=options.out)
    with pytest.raises(MissingError, match="lenet5"):
        list(export(ModelWords("lenet5", weights="random"), options, {}))
    assert not options.out.exists()


def test_a_check_and_a_bench_that_would_not_fit_are_refused(monkeypatch: Patch) -> None:
    large(monkeypatch)
    free(monkeypatch, disk=GB)
    with pytest.raises(MissingError, match="the folder for temporary files"):
        toolkit.check(SPEC, formats=("onnx",))
    with pytest.raises(MissingError, match="the folder for temporary files"):
        toolkit.bench(SPEC)


def _onnx_file(path: Path) -> Path:
    """y = x · w, and no module behind it."""
    tensor = functools.partial(onnx.helper.make_tensor_value_info, elem_type=1)
    weight = onnx.numpy_helper.from_array(np.ones((4, 2), np.float32), "w")
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    ports = ([tensor("x", shape=("batch", 4))], [tensor("y", shape=("batch", 2))])
    graph = onnx.helper.make_graph([node], "graph", *ports, [weight])
    opsets = [onnx.helper.make_opsetid("", 20)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


def test_a_check_of_an_onnx_file_needs_memory_and_no_disk(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    path = _onnx_file(tmp_path / "model.onnx")
    alone = capacity.to_check(LARGE, ["onnx"], tmp_path, written=True).memory_bytes
    large(monkeypatch)
    free(monkeypatch, memory=alone, disk=0)
    (row,) = toolkit.check(str(path), failures=tmp_path, budget_s=0.0)
    assert row.status == "pass"
    free(monkeypatch, memory=alone - GB)
    with pytest.raises(MissingError, match="memory are needed"):
        toolkit.check(str(path), failures=tmp_path)


def test_a_format_that_the_model_cannot_have_is_not_counted(monkeypatch: Patch) -> None:
    large(monkeypatch)
    free(monkeypatch, disk=int(7 * GB))
    limited = ModelSpec(
        "linear", SPEC.build, SPEC.inputs, limits=dict.fromkeys(("trace", "script"), "known")
    )
    with pytest.raises(MissingError, match=r"about 12\.\d\d GB"):
        toolkit.export(SPEC, formats=("onnx", "pt2", "trace"))
    with pytest.raises(MissingError, match=r"about 9\.\d\d GB"):
        toolkit.export(limited, formats=("onnx", "pt2", "trace"))


def test_a_child_refuses_what_would_break_its_memory_limit(tmp_path: Path) -> None:
    wide = tmp_path / "wide.py"
    wide.write_text(
        "from torch import nn\n\n\nclass Wide(nn.Sequential):\n"
        "    def __init__(self):\n        super().__init__(nn.Linear(9000, 4000))\n"
    )
    words = ModelWords(f"{wide}:Wide", inputs=("input=batch,9000",))
    limits = Limits(memory_bytes=11 * GB // 10)
    with pytest.raises(MissingError, match="memory are needed"):
        list(run_job("check", words, CheckOptions(("pt2",)), ("pt2",), None, limits=limits))

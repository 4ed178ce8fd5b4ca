"""Exported files as model words: judged, timed, and refused where nobody vouches for them."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

import toolkit
from toolkit.cli import main
from toolkit.errors import REFUSED, InputsError, RefusedError, UnreadableError, UsageError
from toolkit.given import Inputs
from toolkit.options import BenchOptions
from toolkit.runtimes import onnx_module
from toolkit.stages.files import spec_of_file
from toolkit.stages.subject import prepare
from toolkit.words import ModelWords


class Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.linear = nn.Linear(4, 5)

    def forward(self, image: torch.Tensor, *, scale: float = 1.0) -> torch.Tensor:
        features: torch.Tensor = self.linear(self.conv(image).relu().mean((2, 3)))
        return features * scale


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    inputs: Inputs = {"image": "batch,3,height,8", "scale": 2.0}
    exported = toolkit.export(Head(), inputs=inputs, out=tmp_path_factory.mktemp("files"))
    return Path(str(exported.bundle))


def statuses(word: Path, failures: Path, **options: object) -> dict[str | None, str]:
    rows = toolkit.check(str(word), failures=failures, budget_s=0.0, **options)  # type: ignore[arg-type]
    return {row.format: row.status for row in rows}


def test_an_onnx_file_is_judged_against_itself_without_optimisations(
    bundle: Path, tmp_path: Path
) -> None:
    (row,) = toolkit.check(str(bundle / "model.onnx"), failures=tmp_path, budget_s=0.0)
    assert (row.format, row.status, row.noise_source) == ("onnx", "pass", "perturbation")


def test_the_weights_of_an_onnx_file_are_moved_by_the_second_look(bundle: Path) -> None:
    subject = prepare(ModelWords(str(bundle / "model.onnx")))
    weights = {
        name: numpy_helper.to_array(one)
        for one in onnx.load(bundle / "model.onnx").graph.initializer
        if (name := one.name)
    }
    parameters = [parameter.numpy() for parameter in subject.built.module.parameters()]
    floating = [array for array in weights.values() if array.dtype == np.float32]
    assert len(parameters) == len(floating) > 0
    image = torch.ones(1, 3, 4, 8)
    before = subject.built.module(image)["output_0"]
    with torch.no_grad():
        for parameter in subject.built.module.parameters():
            parameter.mul_(2.0)
    assert not torch.equal(subject.built.module(image)["output_0"], before)


def test_a_program_is_judged_like_a_module(bundle: Path, tmp_path: Path) -> None:
    found = statuses(bundle / "model.pt2", tmp_path, formats=("onnx", "pt2", "trace"))
    assert found == {"onnx": "pass", "pt2": "pass", "trace": "pass"}


def test_the_inputs_of_a_program_are_read_off_the_file(bundle: Path) -> None:
    path = bundle / "model.pt2"
    spec = spec_of_file(ModelWords(str(path)), path, trust=False)
    (port,) = spec.inputs
    assert (port.name, port.shape, port.dtype) == ("image", ("batch", 3, "image_2", 8), "float32")


def test_a_script_is_judged_in_the_formats_that_take_torchscript(
    bundle: Path, tmp_path: Path
) -> None:
    found = statuses(bundle / "model.trace.pt", tmp_path, inputs={"image": "batch,3,height,8"})
    assert found == {"onnx": "limit", "pt2": "limit", "trace": "pass", "script": "pass"}


def test_a_constant_that_a_script_does_not_take_is_refused(bundle: Path) -> None:
    with pytest.raises(InputsError, match="no parameter nosuch"):
        toolkit.check(
            str(bundle / "model.trace.pt"), inputs={"image": "batch,3,height,8", "nosuch": 1}
        )


def test_sizes_of_a_script_are_tried(bundle: Path, tmp_path: Path) -> None:
    found = statuses(
        bundle / "model.trace.pt",
        tmp_path,
        inputs={"image": "2,3,8,8"},
        formats=("trace",),
        dynamic="auto",
    )
    assert found == {"trace": "pass"}


def test_a_script_without_inputs_says_how_to_give_them(bundle: Path) -> None:
    with pytest.raises(InputsError, match="inputs are not known"):
        toolkit.check(str(bundle / "model.trace.pt"))


@pytest.mark.parametrize("name", ["model.pt2", "model.trace.pt"])
def test_a_program_that_nobody_vouches_for_is_refused(
    name: str, bundle: Path, tmp_path: Path
) -> None:
    stranger = tmp_path / name
    stranger.write_bytes((bundle / name).read_bytes() + b" ")
    with pytest.raises(RefusedError, match="program"):
        toolkit.check(str(stranger), inputs={"image": "batch,3,8,8"})


def test_an_onnx_file_cannot_be_exported_again(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exported already"):
        toolkit.export(str(bundle / "model.onnx"), out=tmp_path)


def test_an_onnx_file_is_its_own_baseline(bundle: Path) -> None:
    (comparison,) = toolkit.bench(str(bundle / "model.onnx"), options=BenchOptions(preset="quick"))
    assert comparison.baseline == "onnx"
    assert [variant.variant for variant in comparison.variants] == ["onnx"]


def test_another_variant_of_an_onnx_file_is_refused(bundle: Path) -> None:
    with pytest.raises(UsageError, match="no variant pt2"):
        toolkit.bench(str(bundle / "model.onnx"), options=BenchOptions(variants=("pt2",)))


def test_what_is_no_onnx_is_said(tmp_path: Path) -> None:
    path = tmp_path / "torn.onnx"
    path.write_bytes(b"not a graph")
    with pytest.raises(UnreadableError, match="is not an ONNX file") as raised:
        toolkit.check(str(path))
    assert raised.value.exit_code == REFUSED


def test_an_empty_file_is_no_onnx(tmp_path: Path) -> None:
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(UnreadableError, match="it has no graph"):
        toolkit.check(str(tmp_path / "empty.onnx"))


@pytest.mark.parametrize("name", ["weights.pt", "weights.pt2"])
def test_a_checkpoint_is_no_program_and_trust_is_not_asked_for(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    torch.save(torch.nn.Linear(3, 2).state_dict(), path)
    with pytest.raises(UnreadableError, match="is no program") as raised:
        prepare(ModelWords(str(path), inputs=("x=2,3",) if name == "weights.pt" else ()))
    assert f"file.py:Net --weights {name}" in str(raised.value.hint)


@pytest.mark.parametrize(
    "words", [{"weights": "other.pth"}, {"inputs": {"image": "1,3,8,8"}}], ids=["weights", "inputs"]
)
def test_words_that_a_file_answers_itself_are_refused(
    words: dict[str, object], bundle: Path
) -> None:
    with pytest.raises(InputsError, match=r"the file says|of its own"):
        toolkit.check(str(bundle / "model.onnx"), **words)  # type: ignore[arg-type]


def test_the_range_of_a_files_dimension_may_be_said(bundle: Path, tmp_path: Path) -> None:
    (row,) = toolkit.check(
        str(bundle / "model.onnx"), dims={"batch": "2..3"}, failures=tmp_path, budget_s=0.0
    )
    assert row.status == "pass"


def test_weights_too_large_for_one_message_stay_in_the_file(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_module, "LARGEST_MESSAGE_BYTES", 100)
    assert not list(prepare(ModelWords(str(bundle / "model.onnx"))).built.module.parameters())
    assert statuses(bundle / "model.onnx", tmp_path) == {"onnx": "pass"}


@pytest.mark.parametrize("name", ["none.pt", "none.pt2"])
def test_a_file_that_is_no_program_is_said_to_be_none(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"something else")
    with pytest.raises(UnreadableError, match="is no program that torch can load") as raised:
        prepare(ModelWords(str(path), inputs=("x=2,3",) if name == "none.pt" else ()), trust=True)
    assert raised.value.exit_code == REFUSED


def _save_program(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        module = torch.jit.trace(nn.Linear(3, 2).eval(), torch.ones(2, 3))  # type: ignore[no-untyped-call]
        module.save(path)


def test_a_program_of_another_hand_is_exported_when_it_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _save_program(Path("theirs.pt"))
    command = ["export", "theirs.pt", "--input", "input=batch,3", "-f", "trace"]
    with pytest.raises(RefusedError, match="theirs"):
        toolkit.export("theirs.pt", inputs={"input": "batch,3"}, formats=["trace"])
    assert main(command) == REFUSED
    assert main([*command, "--trust"]) == 0
    made = toolkit.export("theirs.pt", inputs={"input": "batch,3"}, formats=["trace"], trust=True)
    assert [form.status for form in made.forms] == ["ok"]

"""Any two models compared: modules, files made elsewhere, programs and bundles, in either place."""

from __future__ import annotations

import contextlib
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import toolkit
from tests.strangers.networks import SPEC
from toolkit.api import Model
from toolkit.errors import InputsError, ModelNotFoundError, RefusedError, UsageError
from toolkit.results import CheckResult

INPUTS = {"image": "batch,6"}
STRANGERS = Path(__file__).parents[1] / "strangers" / "networks.py"
PLAIN = "networks.py:Plain"
OF_PLAIN = {"x": "batch,8"}


class Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 5)
        self.last = nn.Linear(5, 5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.last(self.first(image).relu())
        return hidden


class Renamed(Head):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)


class Masked(Head):
    """Takes an input that it does not use."""

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        del mask
        return super().forward(image)


class Two(Head):
    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
        hidden = self.first(image).relu()
        return hidden, self.last(hidden)


class Swapped(Two):
    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
        hidden, logits = super().forward(image)
        return logits, hidden


class Tokens(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 4)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.table(tokens)
        return found


class Nested(nn.Module):
    """Takes two inputs in one parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 6)

    def forward(
        self, states: tuple[torch.Tensor, torch.Tensor], bias: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        first = self.layer(states[0])
        return {"first": first if bias is None else first + bias, "second": states[1] + 1}


class Fallen(Head):
    """Never runs."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        raise ValueError("it fell over")


def made(kind: type[nn.Module], seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return kind().eval()


def older_export(module: nn.Module, path: Path, batch: int = 2, **options: Any) -> Path:
    """A file as torch's older exporter makes it: quick, and with names of its own making."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (torch.ones(batch, 6),), str(path), dynamo=False, **options)
    return path


DYNAMIC: dict[str, Any] = {"input_names": ["in"], "dynamic_axes": {"in": {0: "n"}}}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network as other people's files, one of them with the weights of another seed."""
    folder = tmp_path_factory.mktemp("elsewhere")
    head, image = made(Head), torch.ones(2, 6)
    dynamic = ({0: torch.export.Dim.DYNAMIC},)
    older_export(head, folder / "head.onnx", **DYNAMIC)
    older_export(made(Head, seed=1), folder / "other.onnx", **DYNAMIC)
    older_export(head, folder / "fixed.onnx", batch=7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # how others export is theirs
        torch.jit.trace(head, image).save(folder / "head.pt")  # type: ignore[no-untyped-call]
        program = torch.export.export(head, (image,), dynamic_shapes=dynamic)
        torch.export.save(program, folder / "head.pt2")
        plain = folder / "plain.onnx"
        torch.onnx.export(head, (image,), plain, dynamic_shapes=dynamic, verbose=False)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a user's code, and bundles of it: `0`, and `1` with another seed's weights."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(STRANGERS, folder / "networks.py")
    with contextlib.chdir(folder):
        for seed in (0, 1):
            formats = ["onnx-legacy", "trace"]
            made = toolkit.export(PLAIN, inputs=OF_PLAIN, formats=formats, seed=seed, out="made")
            Path(str(made.bundle)).rename(str(seed))
    return folder


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def compared(reference: Model | Path, candidate: Model | Path, **options: Any) -> list[CheckResult]:
    return toolkit.compare(reference, candidate, budget_s=0.0, **options)


def told(row: CheckResult, severity: str = "error") -> str:
    return "\n".join(
        f"{found.name}: {found.message}" for found in row.findings if found.severity == severity
    )


def test_a_module_passes_with_its_own_file_made_by_plain_torch_elsewhere(files: Path) -> None:
    (row,) = compared(made(Head), files / "plain.onnx", inputs=INPUTS)
    assert (row.model, row.reference, row.format) == ("plain.onnx", "Head", "onnx")
    assert (row.status, row.noise_source, row.runtime) == ("pass", "float64", "onnxruntime")
    assert "outputs are taken by position" in told(row, "note")


def test_a_file_is_run_with_and_without_the_runtimes_optimisations(files: Path) -> None:
    (row,) = compared(made(Head), files / "head.onnx", inputs=INPUTS)
    assert [(one.stage, one.status) for one in row.stages] == [
        ("conversion", "pass"),
        ("optimisation", "pass"),
    ]


def test_the_file_of_another_seed_fails_and_the_command_that_shows_it_is_told(files: Path) -> None:
    (row,) = compared(made(Head), files / "other.onnx", inputs=INPUTS)
    (found,) = [one for one in row.findings if one.severity == "error"]
    assert (row.status, found.name, found.stage) == ("fail", "value", None)
    assert found.module == "first"
    assert found.reproduce is not None
    assert found.reproduce.startswith("toolkit compare Head")
    kept = np.load(found.reproduce.rpartition(" ")[2])
    assert kept["image"].shape == (1, 6)


def test_the_saved_case_fails_again(files: Path) -> None:
    first, *_ = compared(made(Head), files / "other.onnx", inputs=INPUTS)
    place = str(next(one.reproduce for one in first.findings if one.reproduce)).split()[-1]
    (again,) = compared(made(Head), files / "other.onnx", inputs=INPUTS, inputs_file=place)
    assert (first.status, again.status) == ("fail", "fail")


def test_two_files_are_compared_by_perturbing_the_first(files: Path) -> None:
    (same,) = compared(files / "head.onnx", files / "plain.onnx")
    (other,) = compared(files / "head.onnx", files / "other.onnx")
    assert (same.status, same.noise_source) == ("pass", "perturbation")
    assert (other.status, other.noise_source) == ("fail", "perturbation")


@pytest.mark.parametrize(("seed", "status"), [(0, "pass"), (1, "fail")])
def test_a_file_judges_a_module_that_takes_its_inputs(files: Path, seed: int, status: str) -> None:
    (row,) = compared(files / "head.onnx", made(Renamed, seed))
    assert (row.format, row.runtime, row.status) == ("eager", "eager", status)
    assert "x as in" in told(row, "note")


def test_what_is_said_of_inputs_is_for_the_candidate_where_the_reference_has_its_own(
    files: Path,
) -> None:
    (row,) = compared(files / "head.onnx", made(Renamed), inputs={"x": "n,6"})
    assert row.status == "pass"


def test_what_lies_inside_a_parameter_is_known_by_its_name_in_the_file(tmp_path: Path) -> None:
    nested, path = made(Nested), tmp_path / "nested.onnx"
    names = ["states_0", "states_1"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = ((torch.ones(2, 6), torch.ones(2, 6)),)
        torch.onnx.export(nested, given, str(path), dynamo=False, input_names=names)
    (row,) = compared(path, nested)
    assert row.status == "pass"
    assert "inputs are taken" not in told(row, "note")


def test_inputs_that_neither_needs_are_refused(files: Path) -> None:
    with pytest.raises(InputsError, match="the file says its inputs"):
        compared(files / "head.onnx", files / "plain.onnx", inputs=INPUTS)


@pytest.mark.parametrize("name", ["head.pt", "head.pt2"])
def test_a_program_is_compared_once_it_is_trusted(name: str, files: Path) -> None:
    with pytest.raises(RefusedError, match="is a program"):
        compared(made(Head), files / name, inputs=INPUTS)
    (row,) = compared(made(Head), files / name, inputs=INPUTS, trust=True)
    assert (row.status, row.weights) == ("pass", "file")


@pytest.mark.parametrize(("name", "said"), [("head.pt", INPUTS), ("head.pt2", {})])
def test_a_program_is_a_reference(name: str, said: dict[str, str], files: Path) -> None:
    (row,) = compared(files / name, files / "head.onnx", trust=True, inputs=said)
    assert (row.status, row.noise_source) == ("pass", "float64")


@pytest.mark.parametrize(("other", "status"), [("0", "pass"), ("1", "fail")])
def test_of_a_bundle_every_form_is_a_row(
    other: str, status: str, project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(project)
    rows = compared("0", other, failures=tmp_path)
    assert [(row.format, row.status, row.weights) for row in rows] == [
        ("onnx-legacy", status, "constructed"),
        ("trace", status, "constructed"),
    ]


def test_forms_of_a_bundle_are_chosen_and_one_that_is_not_there_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    rows = compared(PLAIN, "0", inputs=OF_PLAIN, formats=["trace", "pt2"])
    assert [(row.format, row.status) for row in rows] == [("trace", "pass"), ("pt2", "refused")]
    assert "it has onnx-legacy, trace" in told(rows[1])


def test_a_bundle_as_candidate_needs_none_of_its_code(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(project / "0", tmp_path / "alone")
    monkeypatch.chdir(tmp_path)
    rows = compared(Path("alone") / "model.legacy.onnx", "alone")
    assert {row.status for row in rows} == {"pass"}


def test_the_seed_of_the_words_builds_either_model(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(project)
    (same,) = compared(PLAIN, "1", inputs=OF_PLAIN, formats=["trace"], seed=1)
    (other,) = compared(PLAIN, "1", inputs=OF_PLAIN, formats=["trace"], failures=tmp_path)
    assert (same.status, other.status) == ("pass", "fail")


def test_weights_are_for_the_model_and_not_for_the_file(files: Path, tmp_path: Path) -> None:
    place = tmp_path / "other.pth"
    torch.save(made(Head, seed=1).state_dict(), place)
    (row,) = compared(made(Head), files / "other.onnx", inputs=INPUTS, weights=place)
    assert row.status == "pass"


def test_a_spec_is_compared_with_its_inputs() -> None:
    (row,) = compared(SPEC, SPEC)
    assert (row.model, row.reference, row.status) == ("mine", "mine", "pass")


def test_a_module_takes_the_references_inputs_by_position_where_its_names_are_others() -> None:
    (row,) = compared(made(Head), made(Renamed), inputs=INPUTS)
    assert row.status == "pass"
    assert "x as image" in told(row, "note")


@pytest.mark.parametrize("names", [["hidden", "logits"], None], ids=["named", "by position"])
def test_swapped_outputs_are_found(names: list[str] | None, tmp_path: Path) -> None:
    right = older_export(made(Two), tmp_path / "right.onnx", output_names=names, **DYNAMIC)
    wrong = older_export(made(Swapped), tmp_path / "wrong.onnx", output_names=names, **DYNAMIC)
    (passed,) = compared(made(Two), right, inputs=INPUTS)
    (failed,) = compared(made(Two), wrong, inputs=INPUTS)
    assert (passed.status, failed.status) == ("pass", "fail")
    assert "output_0 is off" in told(failed)


def test_outputs_of_like_names_are_no_fault_in_another_order(tmp_path: Path) -> None:
    names = ["hidden", "logits"]
    one = older_export(made(Two), tmp_path / "one.onnx", output_names=names, **DYNAMIC)
    other = older_export(
        made(Swapped), tmp_path / "other.onnx", output_names=names[::-1], **DYNAMIC
    )
    (row,) = compared(one, other)
    assert row.status == "pass"
    assert "by position" not in told(row, "note")


def test_an_input_that_nothing_uses_may_be_left_out_of_a_file(files: Path) -> None:
    inputs = {**INPUTS, "mask": "batch,2"}
    (row,) = compared(made(Masked), files / "head.onnx", inputs=inputs)
    assert row.status == "pass"
    assert "without the input mask" in told(row, "note")


@pytest.mark.parametrize(
    ("reference", "inputs", "said"),
    [
        (Head, {"image": "batch,4,6"}, "of rank 2"),
        (Tokens, {"tokens": "batch,6:int64"}, "as int64 of rank 2"),
        (Two, INPUTS, "gives the output"),
    ],
    ids=["rank", "dtype", "number of outputs"],
)
def test_other_ports_are_a_finding_and_no_case_is_run(
    reference: type[nn.Module], inputs: dict[str, str], said: str, files: Path
) -> None:
    (row,) = compared(made(reference), files / "head.onnx", inputs=inputs)
    assert (row.status, row.cases, row.score) == ("fail", 0, None)
    assert told(row).startswith("structure: the candidate")
    assert said in told(row)


def test_a_module_that_takes_fewer_inputs_is_a_finding() -> None:
    inputs = {**INPUTS, "mask": "batch,2"}
    (row,) = compared(made(Masked), made(Head), inputs=inputs)
    assert (row.status, told(row)) == (
        "fail",
        "structure: the candidate's forward(image) cannot take the reference's inputs image, mask",
    )


def test_a_size_that_a_file_fixes_is_named_with_those_at_which_it_fails(files: Path) -> None:
    (row,) = toolkit.compare(made(Head), files / "fixed.onnx", inputs=INPUTS)
    (found,) = [one for one in row.findings if one.name == "baked-dimension"]
    assert row.status == "fail"
    assert "dimension batch" in found.message
    assert "at 1, 2, 3, 5" in found.message
    assert "traced at 7" in found.message


def test_a_file_of_fixed_size_passes_where_the_reference_is_fixed_too(files: Path) -> None:
    (row,) = compared(made(Head), files / "fixed.onnx", inputs={"image": "7,6"})
    assert row.status == "pass"


def test_a_candidate_that_refuses_what_eager_takes_fails() -> None:
    (row,) = compared(made(Head), made(Fallen), inputs=INPUTS)
    assert row.status == "fail"
    assert "it fell over" in told(row)


def test_tolerances_take_the_place_of_the_score(files: Path) -> None:
    (row,) = compared(made(Head), files / "other.onnx", inputs=INPUTS, atol=1e6)
    assert (row.status, row.noise_source) == ("pass", "override")


@pytest.mark.parametrize("words", [(PLAIN, "lenet55"), ("lenet55", PLAIN)])
def test_an_unknown_word_is_named_in_either_place(
    words: tuple[str, str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    with pytest.raises(ModelNotFoundError) as caught:
        compared(*words, inputs=OF_PLAIN)
    assert caught.value.model == "lenet55"
    assert str(caught.value.hint).startswith("did you mean lenet5")


def test_arguments_of_a_module_that_is_built_are_refused() -> None:
    with pytest.raises(UsageError, match="this one is built"):
        compared(made(Head), made(Head), inputs=INPUTS, arguments={"width": 3})

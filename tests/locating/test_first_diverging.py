"""The module of the user's network at which a form departs first is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

import toolkit
from toolkit import formats, results, runtimes
from toolkit.locating import first_diverging
from toolkit.parity.reference import Judged, Reference
from toolkit.runtimes.base import RunOptions
from toolkit.stages.sources import exportable
from toolkit.stages.subject import Subject, of_module, reference
from toolkit.words import ModelWords


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.beside = nn.Conv2d(4, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.norm(self.conv(x)) + self.beside(x))


class Convolutional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.blocks = nn.Sequential(Block(), Block())
        self.head = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(8)
        self.query, self.key, self.value = (nn.Linear(8, 8) for _ in range(3))
        self.norm2 = nn.LayerNorm(8)
        self.feed = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm1(x)
        weights = torch.softmax(self.query(y) @ self.key(y).transpose(1, 2), dim=-1)
        x = x + weights @ self.value(y)
        return x + self.feed(self.norm2(x))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.LSTM(4, 6, batch_first=True)
        self.second = nn.LSTM(6, 6, batch_first=True)
        self.head = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.second(self.first(x)[0])[0])


NETWORKS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "convolutional": (Convolutional, "x=batch,3,8,8"),
    "attention": (Attention, "x=batch,5,8"),
    "recurrent": (Recurrent, "x=batch,5,4"),
}


def prepared(name: str) -> tuple[Subject, Reference]:
    build, inputs = NETWORKS[name]
    return of_network(build, ModelWords(name, inputs=(inputs,)))


def of_network(build: Callable[[], nn.Module], words: ModelWords) -> tuple[Subject, Reference]:
    torch.manual_seed(0)
    subject = of_module(build().eval(), words)
    return subject, reference(subject, budget_s=0.0)


def ordinary(of: Reference) -> Judged:
    return next(judged for judged in of.cases if judged.case.kind == "ordinary")


def named(subject: Subject, of: Reference, path: Path, format_name: str) -> str | None:
    runner = runtimes.runtime_for(format_name).load(path, subject.spec, RunOptions())
    return first_diverging(of, ordinary(of), format_name, path, runner)


def exported(subject: Subject, folder: Path, format_name: str) -> Path:
    exporter = formats.get(format_name)
    return exporter.export(exportable(subject, format_name), folder / exporter.filename).path


WITHOUT_EFFECT = "key.bias"
"""Softmax takes away what all keys have in common."""


def owners(module: nn.Module, values: np.ndarray) -> list[str]:
    """The modules that hold a parameter of these values, exporters' transposing allowed for."""
    return [
        name.rpartition(".")[0]
        for name, parameter in module.named_parameters()
        if name != WITHOUT_EFFECT
        and any(
            np.array_equal(values, each)
            for each in (parameter.detach().numpy(), parameter.detach().numpy().T)
        )
    ]


def changed_files(path: Path, module: nn.Module) -> Iterator[tuple[Path, str]]:
    """The file with one weight after the other changed, and the module that owns it."""
    for number in range(len(onnx.load(path).graph.initializer)):
        model = onnx.load(path)
        weight = model.graph.initializer[number]
        values = numpy_helper.to_array(weight)
        owner = owners(module, values)
        if len(owner) == 1:
            moved = values * np.float32(1.3) + np.float32(0.1)
            weight.CopyFrom(numpy_helper.from_array(moved, weight.name))
            changed = path.with_name("changed.onnx")
            onnx.save(model, changed)
            yield changed, owner[0]


@pytest.mark.parametrize(("network", "least"), [("convolutional", 6), ("attention", 9)])
def test_the_module_whose_weight_is_another_is_named(
    tmp_path: Path, network: str, least: int
) -> None:
    subject, of = prepared(network)
    path = exported(subject, tmp_path, "onnx")
    seen = [
        (named(subject, of, changed, "onnx"), owner)
        for changed, owner in changed_files(path, subject.built.module)
    ]
    assert len(seen) >= least
    assert [found for found, _ in seen] == [owner for _, owner in seen]


def test_of_recurrent_layers_the_first_wrong_one_is_named(tmp_path: Path) -> None:
    subject, of = prepared("recurrent")
    path = exported(subject, tmp_path, "onnx")
    model = onnx.load(path)
    first = next(node for node in model.graph.node if node.op_type == "LSTM")
    weight = next(one for one in model.graph.initializer if one.name == first.input[1])
    values = numpy_helper.to_array(weight) * np.float32(1.3)
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    onnx.save(model, path)
    assert named(subject, of, path, "onnx") == "first"


@pytest.mark.parametrize("network", sorted(NETWORKS))
@pytest.mark.parametrize("format_name", ["onnx", "pt2"])
def test_in_a_right_form_nothing_is_named(tmp_path: Path, network: str, format_name: str) -> None:
    subject, of = prepared(network)
    path = exported(subject, tmp_path, format_name)
    assert named(subject, of, path, format_name) is None


def with_another_weight(path: Path, name: str) -> Path:
    program = torch.export.load(path)
    with torch.no_grad():
        program.state_dict[name].mul_(1.3)
    torch.export.save(program, path)
    return path


def test_a_program_with_another_weight_names_its_module(tmp_path: Path) -> None:
    subject, of = prepared("attention")
    path = with_another_weight(exported(subject, tmp_path, "pt2"), "norm2.weight")
    assert named(subject, of, path, "pt2") == "norm2"


def test_in_double_precision_what_lies_beside_a_wrong_module_is_no_part_of_it(
    tmp_path: Path,
) -> None:
    words = ModelWords("double", inputs=("x=batch,5,8:float64",))
    subject, of = of_network(lambda: Attention().double(), words)
    path = with_another_weight(exported(subject, tmp_path, "pt2"), "query.weight")
    assert named(subject, of, path, "pt2") == "query"


def test_modules_are_looked_at_without_tf32(tmp_path: Path) -> None:
    allowed: set[bool] = set()

    class Noting(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            allowed.add(bool(torch.backends.cudnn.allow_tf32))
            return super().forward(x)

    torch.manual_seed(0)
    subject = of_module(Noting(4, 2).eval(), ModelWords("noting", inputs=("x=batch,4",)))
    of = reference(subject, budget_s=0.0)
    path = exported(subject, tmp_path, "trace")
    allowed.clear()
    assert torch.backends.cudnn.allow_tf32, "as torch leaves it"
    named(subject, of, path, "trace")
    assert allowed == {False}


NESTED = """
import torch
from torch import nn


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, x):
        if x.shape[0] > 2 and torch.compiler.is_exporting() or x.mean() > 0.1:
            return self.linear(x) * 2
        return self.linear(x)


class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.inner = Inner()
        self.last = nn.Linear(6, 3)

    def forward(self, x):
        return self.last(self.inner(self.first(x)))


class Exporting(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.last = nn.Linear(6, 3)

    def forward(self, x):
        scale = 1.1 if torch.compiler.is_exporting() else 1.0
        return self.last(torch.sigmoid(self.first(x) * scale))
"""


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "diverging_networks.py").write_text(NESTED, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def wrong_value(name: str, format_name: str) -> results.Finding:
    word = f"diverging_networks.py:{name}"
    (row,) = toolkit.check(word, inputs={"x": "batch,6"}, formats=[format_name], budget_s=0.0)
    (found,) = [one for one in row.findings if one.name == "value"]
    return found


def test_a_branch_frozen_in_a_trace_names_the_module_that_branches(own_folder: Path) -> None:
    assert wrong_value("Outer", "trace").module == "inner"


@pytest.mark.parametrize("format_name", ["onnx", "pt2"])
def test_a_fault_in_the_code_between_modules_names_the_module_that_calls_them(
    own_folder: Path, format_name: str
) -> None:
    found = wrong_value("Exporting", format_name)
    assert (found.stage, found.module) == ("capture", "Exporting")

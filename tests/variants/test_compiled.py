"""Variants that compile: quick tests of what surrounds the compiler, slow ones with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.variants import sources
from toolkit import variants
from toolkit.errors import RunError
from toolkit.runtimes import eager
from toolkit.runtimes.base import RunOptions
from toolkit.spec import ModelSpec, Port
from toolkit.variants import Source, compiling
from toolkit.weights import Built, WeightsRecord

OPTIONS = RunOptions(threads=1)
CLOSE = 1e-5


class Backend:
    """Stands for inductor: it counts what it is given, and runs that as it is."""

    def __init__(self) -> None:
        self.graphs: list[Sequence[torch.Size]] = []
        self.images: list[bool] = []

    def __call__(self, graph: torch.fx.GraphModule, examples: list[Any]) -> Callable[..., Any]:
        self.graphs.append([one.shape for one in examples if isinstance(one, Tensor)])
        images = [one for one in examples if isinstance(one, Tensor) and one.dim() == 4]
        last = torch.channels_last
        self.images += [one.is_contiguous(memory_format=last) for one in images]
        return graph.forward


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    """torch.compile without the time that a compiler takes; how it was asked is in its module."""
    made, real = Backend(), torch.compile

    def compile_(module: nn.Module, *, mode: str, **options: Any) -> Any:
        module.asked = mode  # type: ignore[assignment]
        return real(module, backend=made, **options)

    monkeypatch.setattr(torch, "compile", compile_)
    torch._dynamo.reset()
    yield made
    torch._dynamo.reset()


def _of(module: nn.Module) -> Source:
    """Something to compile that takes rows of four."""
    spec = ModelSpec("net", lambda: module, (Port("x", ("batch", 4)),))
    record = WeightsRecord("random", "0" * 64)
    return Source(Built(spec, module, record), {}, sources.arrays(spec), Path())


@pytest.mark.parametrize(
    ("word", "mode"), [("compile", "default"), ("compile-max", "max-autotune")]
)
def test_it_is_compiled_before_the_first_call(word: str, mode: str, backend: Backend) -> None:
    of = _of(nn.Linear(4, 2))
    runner: Any = variants.get(word).load(of, OPTIONS)
    assert len(backend.graphs) == 1
    assert runner.module.asked == mode
    with torch.inference_mode():
        calls = [runner.prepare(sources.arrays(of.spec, seed=seed)) for seed in range(4)]
        for call in calls:
            call()
    runner.run(of.inputs)
    assert len(backend.graphs) == 1


@pytest.mark.skipif(not compiling.CAN_BE_APART, reason="this torch shares what it compiled")
def test_another_batch_is_compiled_for_its_own_sizes(backend: Backend) -> None:
    of = _of(nn.Linear(4, 2))
    for batch in (2, 5):
        inputs = sources.arrays(of.spec, batch)
        variants.get("compile").load(replace(of, inputs=inputs), OPTIONS)
    rows = [[shape[0] for shape in shapes if shape[-1] == 4] for shapes in backend.graphs]
    assert [2 in rows[0], 5 in rows[1], len(rows)] == [True, True, 2]


@pytest.mark.skipif(not compiling.CAN_BE_APART, reason="this torch shares what it compiled")
def test_a_twin_is_compiled_anew(backend: Backend) -> None:
    of = _of(nn.Linear(4, 2))
    for _ in range(2):
        variants.get("compile").load(of, OPTIONS)
    assert len(backend.graphs) == 2


@pytest.mark.parametrize(("word", "last"), [("compile", False), ("compile+channels_last", True)])
def test_it_is_compiled_for_the_layout_asked_for(word: str, last: bool, backend: Backend) -> None:
    chosen = variants.parse(word)
    chosen.variant.load(sources.bare("nested"), chosen.options("cpu", 1))
    assert backend.images == [last, last]  # of the weights, and of the images


class Eagerly(nn.Module):
    """Tells torch to compile none of it."""

    @torch._dynamo.disable  # type: ignore[untyped-decorator]
    def forward(self, x: Tensor) -> Tensor:
        return x * 2


@pytest.mark.skipif(not compiling.CAN_BE_APART, reason="this torch shares what it compiled")
def test_eager_under_another_name_is_no_row(backend: Backend) -> None:
    with pytest.raises(RunError, match="nothing to compile"):
        variants.get("compile").load(_of(Eagerly()), OPTIONS)


class Stops(nn.Module):
    """Compiled in two parts, with a line of Python's own between them."""

    def forward(self, x: Tensor) -> Tensor:
        doubled = x * 2
        torch._dynamo.graph_break()
        return doubled + 1


def test_what_is_left_to_eager_is_told(backend: Backend) -> None:
    whole: Any = variants.get("compile").load(_of(nn.Linear(4, 2)), OPTIONS)
    parts: Any = variants.get("compile").load(_of(Stops()), OPTIONS)
    assert whole.note is None
    assert parts.note == "torch.compile left parts to eager; graph breaks: 1"


class Raises(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise ValueError(f"not on a Sunday, with {x.dim()} axes")


def test_what_a_module_raises_is_one_line(backend: Backend) -> None:
    with pytest.raises(RunError, match=r"^net: torch.compile cannot compile it: .*Sunday"):
        variants.get("compile").load(_of(Raises()), OPTIONS)


def test_of_a_compiler_its_first_error_is_quoted() -> None:
    said = "Command:\ng++ -O3 /tmp/a/b.cpp\nOutput:\n/tmp/a/b.cpp:3:4: error: no luck\n  ^~~\nmore"
    assert compiling.refusal(RuntimeError(said)) == (
        "the C++ compiler said: b.cpp:3:4: error: no luck"
    )
    assert compiling.refusal(RuntimeError("of another kind")) == "of another kind"


class Package:
    """Stands for AOTInductor: a package is the program's own graph."""

    def __init__(self) -> None:
        self.compiled: list[str] = []
        self.run: Any = None

    def compile(self, program: Any, *, package_path: str) -> str:
        assert program.example_inputs is not None
        self.compiled.append(Path(package_path).name)
        self.run = program.module()
        Path(package_path).write_bytes(b"compiled")
        return package_path

    def load(self, path: str) -> Any:
        assert Path(path).read_bytes() == b"compiled"
        return self.run


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """A model with the form that packages are made of."""
    return sources.source("lenet5", tmp_path_factory.mktemp("program"), ("pt2",))


@pytest.fixture
def inductor(monkeypatch: pytest.MonkeyPatch) -> Package:
    """AOTInductor without the time that a compiler takes."""
    made = Package()
    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", made.compile)
    monkeypatch.setattr(torch._inductor, "aoti_load_package", made.load)
    return made


def test_a_package_is_compiled_once_for_each_number_of_threads(
    inductor: Package, program: Source, tmp_path: Path
) -> None:
    of = replace(program, scratch=tmp_path / "scratch")
    for threads in (1, 1, 2):
        variants.get("aoti").load(of, RunOptions(threads=threads))
    assert [name[-13:] for name in inductor.compiled] == ["threads-1.pt2", "threads-2.pt2"]
    assert sorted(path.name for path in of.scratch.iterdir()) == sorted(inductor.compiled)


def test_a_package_is_found_by_the_threads_that_it_was_compiled_for(
    inductor: Package, program: Source, tmp_path: Path
) -> None:
    from toolkit.variants.packages import package_of

    of = replace(program, scratch=tmp_path)
    variants.get("aoti").load(of, RunOptions(threads=2))
    torch.set_num_threads(1)  # as a process has it that times other variants
    found = [package_of(of.form("pt2"), of.scratch, "cpu", threads).is_file() for threads in (1, 2)]
    assert found == [False, True]


def test_a_package_is_not_run_on_what_it_was_not_compiled_for(
    inductor: Package, program: Source, tmp_path: Path
) -> None:
    of = replace(program, scratch=tmp_path)
    runner: Any = variants.get("aoti").load(of, OPTIONS)
    runner.run(of.inputs)

    def never(*tensors: Tensor) -> None:
        pytest.fail("the package was run")

    runner.module = never
    wrong = {"input": np.zeros((2, 1, 31, 32), np.float32)}
    for used in (runner.run, runner.prepare):
        with pytest.raises(RunError, match="input is 31 along axis 2, not 32"):
            used(wrong)


def test_what_inductor_refuses_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, program: Source, tmp_path: Path
) -> None:
    def refuse(program: object, *, package_path: str) -> None:
        Path(package_path).write_bytes(b"half")
        raise RuntimeError("an operator\nwithout a kernel")

    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", refuse)
    of = replace(program, scratch=tmp_path / "scratch")
    with pytest.raises(RunError, match="AOTInductor cannot compile it: an operator"):
        variants.get("aoti").load(of, OPTIONS)
    assert list(of.scratch.iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("_compiled")
@pytest.mark.parametrize("word", ["compile", "aoti"])
def test_compiled_code_computes_what_eager_does(word: str, tmp_path: Path) -> None:
    lacking = variants.get(word).missing("cpu")
    if lacking:
        pytest.skip(lacking)
    of = sources.source("nested", tmp_path, ("pt2",))
    runner = variants.get(word).load(of, OPTIONS)
    found, wanted = runner.run(of.inputs), eager.load(of.built, OPTIONS).run(of.inputs)
    assert list(found) == list(wanted)
    for name, array in wanted.items():
        np.testing.assert_allclose(found[name], array, atol=CLOSE)
    with torch.inference_mode():
        runner.prepare(of.inputs)()

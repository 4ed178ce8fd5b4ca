"""Every variant computes what the module itself does, under the same names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.variants import sources
from toolkit import variants
from toolkit.errors import MissingError, RunError, ToolkitError, UsageError
from toolkit.runtimes import eager
from toolkit.runtimes.base import Array, Remarking, RunOptions
from toolkit.runtimes.onnxruntime import OnnxRunner
from toolkit.runtimes.torch_modules import ModuleRunner
from toolkit.variants import Source

Sources = Callable[[str], Source]
OPTIONS = RunOptions(threads=1)
COMPILED = ("compile", "compile-max", "aoti")
ON_CUDA = ("cuda-graph", "onnx-host")
QUICK = tuple(name for name in variants.OURS if name not in COMPILED + ON_CUDA)
CLOSE = 1e-5


def assert_as_eager(found: Mapping[str, Array], source: Source, inputs: dict[str, Array]) -> None:
    wanted = eager.load(source.built, OPTIONS).run(inputs)
    assert list(found) == list(wanted)
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype, name
        np.testing.assert_allclose(found[name], array, atol=CLOSE, err_msg=name)


@pytest.fixture(params=QUICK)
def word(request: pytest.FixtureRequest) -> str:
    """Every variant that is ready at once on a CPU and is here."""
    name: str = request.param
    lacking = variants.get(name).missing("cpu")
    if lacking:
        pytest.skip(lacking)
    return name


@pytest.mark.parametrize("model", sources.NAMES)
def test_a_variant_computes_what_eager_does(model: str, word: str, source: Sources) -> None:
    of = source(model)
    runner = variants.parse(word).variant.load(of, OPTIONS)
    for batch in (2, 3):
        inputs = sources.arrays(of.spec, batch, seed=batch)
        assert_as_eager(runner.run(inputs), of, inputs)


def test_a_prepared_call_can_be_made_again_and_again(word: str, source: Sources) -> None:
    of = source("lenet5")
    runner = variants.get(word).load(of, OPTIONS)
    with torch.inference_mode():
        calls = [runner.prepare(sources.arrays(of.spec, seed=seed)) for seed in range(2)]
        for call in (*calls, *calls):
            call()
    assert_as_eager(runner.run(of.inputs), of, dict(of.inputs))


def test_what_is_prepared_is_what_runs(source: Sources) -> None:
    of = source("lenet5")
    [wanted] = eager.load(of.built, OPTIONS).run(of.inputs).values()
    bound = variants.get("onnx-iobinding").load(of, OPTIONS).prepare(of.inputs)
    bound()
    [found] = bound.binding.copy_outputs_to_cpu()  # type: ignore[attr-defined]
    np.testing.assert_allclose(found, wanted, atol=CLOSE)


@pytest.mark.parametrize("word", ["eager", "script", "trace", "pt2", "trace-frozen"])
def test_channels_last_gives_the_same_from_another_layout(word: str, source: Sources) -> None:
    of = source("nested" if word in ("eager", "pt2") else "lenet5")
    chosen = variants.parse(f"{word}+channels_last")
    runner = chosen.variant.load(of, chosen.options("cpu", 1))
    assert isinstance(runner, ModuleRunner)
    seen: list[bool] = []
    image = next(place for place, port in enumerate(of.spec.inputs) if port.is_float)

    def watched(*tensors: torch.Tensor) -> object:
        seen.append(tensors[image].is_contiguous(memory_format=torch.channels_last))
        return module(*tensors)

    module, runner.module = runner.module, watched
    assert_as_eager(runner.run(of.inputs), of, dict(of.inputs))
    assert seen == [True]


def test_channels_last_lays_out_a_copy_of_the_weights() -> None:
    of = sources.bare("nested")
    runner = variants.get("eager").load(of, replace(OPTIONS, channels_last=True))
    assert isinstance(runner, ModuleRunner)
    assert isinstance(runner.module, torch.nn.Module)
    assert isinstance(of.built.module, sources.Nested)
    own = runner.module.get_parameter("first.weight")
    assert own.is_contiguous(memory_format=torch.channels_last)
    assert of.built.module.first.weight.is_contiguous()


def test_two_eagers_have_weights_of_their_own() -> None:
    of = sources.bare("lenet5")
    loaded = [variants.get("eager").load(of, OPTIONS) for _ in range(2)]
    modules = [one.module for one in loaded if isinstance(one, ModuleRunner)]
    places = {next(one.parameters()).data_ptr() for one in (*modules, of.built.module)}  # type: ignore[attr-defined]
    assert len(places) == 3


LEVELS = {
    "onnx": "ORT_ENABLE_ALL",
    "onnx-extended": "ORT_ENABLE_EXTENDED",
    "onnx-basic": "ORT_ENABLE_BASIC",
    "onnx-none": "ORT_DISABLE_ALL",
}


@pytest.mark.parametrize("word", [*LEVELS, "onnx-spin", "onnx-iobinding"])
def test_a_session_has_the_settings_of_its_variant(word: str, source: Sources) -> None:
    runner = variants.get(word).load(source("lenet5"), RunOptions(threads=2))
    assert isinstance(runner, OnnxRunner)
    settings = runner.session.get_session_options()
    assert settings.graph_optimization_level.name == LEVELS.get(word, "ORT_ENABLE_ALL")
    assert (settings.intra_op_num_threads, settings.inter_op_num_threads) == (2, 1)
    spinning = settings.get_session_config_entry("session.intra_op.allow_spinning")
    assert spinning == ("1" if word == "onnx-spin" else "0")


def test_the_share_of_nodes_on_the_provider_is_told(source: Sources) -> None:
    runner = variants.get("onnx").load(source("lenet5"), OPTIONS)
    assert isinstance(runner, OnnxRunner)
    assert runner.placed == 1.0


def test_openvino_computes_in_float32_with_the_threads_asked_for(source: Sources) -> None:
    pytest.importorskip("openvino", reason="the extra [openvino] is not installed")
    from toolkit.runtimes.openvino import OpenVinoRunner

    runner = variants.get("openvino").load(source("lenet5"), RunOptions(threads=1))
    assert isinstance(runner, OpenVinoRunner)
    assert runner.compiled.get_property("INFERENCE_PRECISION_HINT").to_string() == "f32"
    assert runner.compiled.get_property("INFERENCE_NUM_THREADS") == 1
    assert runner.inputs[0].shape == (None, 1, 32, 32)
    assert runner.note is None


def test_openvino_tells_where_it_takes_fewer_threads_than_were_asked_for(source: Sources) -> None:
    pytest.importorskip("openvino", reason="the extra [openvino] is not installed")
    runner = variants.get("openvino").load(source("lenet5"), RunOptions(threads=10_000))
    assert isinstance(runner, Remarking)
    assert re.fullmatch(r"OpenVINO took \d+ of the 10000 threads asked for", str(runner.note))


def test_a_wrong_shape_is_one_line(word: str, source: Sources) -> None:
    of = source("lenet5")
    runner = variants.get(word).load(of, OPTIONS)
    with pytest.raises(RunError) as caught:
        runner.run({"input": np.zeros((2, 1, 31, 31), np.float32)})
    assert "site-packages" not in caught.value.message
    assert len(caught.value.message) < 1000


def test_a_form_that_is_not_there_is_named() -> None:
    of = sources.bare("lenet5")
    for name in variants.OURS:
        variant = variants.get(name)
        if variant.format is not None and variant.missing("cpu") is None:
            with pytest.raises(UsageError, match=f"there is no {variant.format} form"):
                variant.load(of, OPTIONS)


@pytest.mark.parametrize("word", ["trace-frozen", "aoti", "openvino", "onnx-none"])
def test_a_damaged_form_is_a_run_error_or_refused(word: str, tmp_path: Path) -> None:
    variant = variants.get(word)
    if variant.missing("cpu"):
        pytest.skip(str(variant.missing("cpu")))
    path = tmp_path / "form"
    path.write_bytes(b"no model at all")
    of = replace(sources.bare("lenet5"), forms={str(variant.format): path})
    with pytest.raises(RunError, match="form"):
        variant.load(of, OPTIONS)


@pytest.mark.parametrize("word", variants.OURS)
def test_no_variant_falls_back_to_the_cpu(
    word: str, source: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(MissingError):
        variants.get(word).load(source("lenet5"), RunOptions(device="cuda"))


def test_openvino_refuses_libraries_of_another_runtime(source: Sources) -> None:
    of = replace(source("lenet5"), libraries={"onnx": ("operators.so",)})
    with pytest.raises(MissingError, match="libraries of operators"):
        variants.get("openvino").load(of, OPTIONS)


def test_libraries_of_operators_reach_onnxruntime(source: Sources) -> None:
    of = replace(source("lenet5"), libraries={"onnx": ("gone.so",)})
    with pytest.raises(ToolkitError, match=r"there is no library gone\.so"):
        variants.get("onnx-basic").load(of, OPTIONS)
    variants.get("onnx-legacy").load(of, OPTIONS)

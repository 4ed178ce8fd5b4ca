"""Rule 7: forms of a lower precision than their model are never judged by the model's own eps."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from tests.parity.models import Altered, reference_of
from toolkit import runtimes
from toolkit.parity.fidelity import Gauge
from toolkit.parity.limits import Limits
from toolkit.parity.precision import of_file, of_run
from toolkit.parity.reference import Reference
from toolkit.parity.standards import Form, standard, widened
from toolkit.parity.verdict import Verdict, judge
from toolkit.runtimes.base import RunOptions
from toolkit.spec import Port

INPUT = Port("input", ("batch", 6))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3)).eval()


MODULE = network()


def export(module: nn.Module, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter is the quicker one
        torch.onnx.export(
            module,
            (torch.zeros(2, 6),),
            path,
            dynamo=False,
            input_names=["input"],
            output_names=["output_0"],
            dynamic_axes={"input": {0: "batch"}, "output_0": {0: "batch"}},
        )


@pytest.fixture(scope="module")
def reference() -> Reference:
    return reference_of(MODULE, INPUT)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "float32.onnx"
    export(MODULE, path)
    return path


def in_halves(exported: Path, *, keep_ports: bool) -> Path:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    path = exported.with_name(f"float16-{keep_ports}.onnx")
    onnx.save(convert_float_to_float16(onnx.load(exported), keep_io_types=keep_ports), path)
    return path


def in_integers(exported: Path) -> Path:
    from onnxruntime.quantization import quantize_dynamic

    path = exported.with_name("int8.onnx")
    quantize_dynamic(exported, path)
    return path


def judged(reference: Reference, path: Path, limits: Limits | None = None) -> Verdict:
    loaded = runtimes.runtime_for("onnx").load(path, reference.spec, RunOptions(threads=1))
    form = widened(loaded, reference.spec)
    return standard(reference, path, form, None).judge(form, limits=limits or Limits())


def low(verdict: Verdict) -> list[tuple[str, str]]:
    found = verdict.findings
    return [(one.severity, one.message) for one in found if one.name == "low-precision"]


def test_a_file_in_the_models_own_precision_is_judged_by_the_score_alone(
    reference: Reference, exported: Path
) -> None:
    assert of_file(exported) == frozenset()
    verdict = judged(reference, exported, Limits(min_sqnr=1e6))
    assert (verdict.status, low(verdict)) == ("pass", [])


@pytest.mark.parametrize("keep_ports", [True, False])
def test_a_file_in_float16_is_judged_against_the_model_in_float16(
    reference: Reference, exported: Path, keep_ports: bool
) -> None:
    path = in_halves(exported, keep_ports=keep_ports)
    assert of_file(path) == {"float16"}
    loaded = runtimes.runtime_for("onnx").load(path, reference.spec, RunOptions(threads=1))
    by_the_models_eps = judge(reference, widened(loaded, reference.spec))
    assert by_the_models_eps.status == "fail"
    verdict = judged(reference, path)
    assert (verdict.status, verdict.noise_source) == ("pass", "float64")
    ((severity, message),) = low(verdict)
    assert severity == "note"
    assert "in float16" in message


def test_a_fault_in_a_file_in_float16_is_found(reference: Reference, exported: Path) -> None:
    model = onnx.load(in_halves(exported, keep_ports=True))
    weight = next(one for one in model.graph.initializer if list(one.dims) == [3, 16])
    values = numpy_helper.to_array(weight).copy()
    values[0] *= 1.5
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    path = exported.with_name("wrong.onnx")
    onnx.save(model, path)
    assert judged(reference, path).status == "fail"


def test_bounds_hold_for_a_file_in_float16_beside_its_score(
    reference: Reference, exported: Path
) -> None:
    path = in_halves(exported, keep_ports=True)
    assert judged(reference, path, Limits(min_sqnr=40.0)).status == "pass"
    strict = judged(reference, path, Limits(min_sqnr=140.0))
    assert strict.status == "fail"
    assert "--min-sqnr 140" in low(strict)[0][1]


def test_a_file_in_integers_is_refused_until_a_bound_is_stated(
    reference: Reference, exported: Path
) -> None:
    verdict = judged(reference, in_integers(exported))
    assert (verdict.status, verdict.score, verdict.noise_source) == ("refused", None, None)
    ((severity, message),) = low(verdict)
    assert severity == "error"
    assert "--min-sqnr DB" in message
    assert "dB, agreement 0." in message or "agreement 1." in message


def test_a_file_in_integers_passes_and_fails_by_the_bounds_that_are_stated(
    reference: Reference, exported: Path
) -> None:
    path = in_integers(exported)
    assert judged(reference, path, Limits(min_sqnr=10.0, min_agreement=0.5)).status == "pass"
    noisy = judged(reference, path, Limits(min_sqnr=100.0))
    assert noisy.status == "fail"
    assert "below --min-sqnr 100" in low(noisy)[0][1]


def test_a_file_in_integers_that_gives_nan_fails_whatever_its_bounds(
    reference: Reference, exported: Path
) -> None:
    path = in_integers(exported)
    loaded = runtimes.runtime_for("onnx").load(path, reference.spec, RunOptions(threads=1))

    def broken(inputs: object, outputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: one * np.float32(np.nan) for name, one in outputs.items()}

    class Broken:
        inputs, outputs = loaded.inputs, loaded.outputs

        def run(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            return broken(inputs, loaded.run(inputs))

        def prepare(self, inputs: dict[str, np.ndarray]) -> Callable[[], object]:
            return loaded.prepare(inputs)

    form: Form = Broken()  # type: ignore[assignment]
    verdict = standard(reference, path, form, None).judge(form, limits=Limits(min_sqnr=-99.0))
    assert verdict.status == "fail"
    assert "non-finite" in [one.name for one in verdict.findings if one.severity == "error"]


def test_a_bound_that_measures_nothing_does_not_count(exported: Path) -> None:
    torch.manual_seed(0)
    module = nn.Linear(6, 1)
    reference = reference_of(module, INPUT)
    path = exported.with_name("one.onnx")
    export(module, path)
    quantised = in_integers(path)
    verdict = judged(reference, quantised, Limits(min_agreement=0.5))
    assert verdict.status == "refused"
    assert "state the other one" in low(verdict)[0][1]


def gauge(limits: Limits, exact: dict[str, np.ndarray], given: dict[str, np.ndarray]) -> Gauge:
    ports = (Port("logits", ("batch", 3)), Port("value", ("batch", 1)))
    found = Gauge("int8", ports, {0: exact}, limits, alone=True)
    found.add(0, given)
    return found


EXACT = {"logits": np.eye(3, dtype=np.float32), "value": np.ones((3, 1), np.float32)}


def test_a_bound_that_leaves_an_output_unjudged_is_not_enough() -> None:
    wrong = {**EXACT, "value": EXACT["value"] * -1000}
    found = gauge(Limits(min_agreement=0.99), EXACT, wrong)
    assert found.refused
    assert "does not measure value" in found.findings()[0].message
    both = gauge(Limits(min_agreement=0.99, min_sqnr=20.0), EXACT, wrong)
    assert not both.refused
    assert both.findings()[0].severity == "error"


def test_a_tolerance_for_an_output_is_as_good_as_a_bound() -> None:
    assert not gauge(Limits.said(atol=0.1), EXACT, EXACT).refused


def test_outputs_that_are_zero_in_both_need_no_bound() -> None:
    zeros = {**EXACT, "value": EXACT["value"] * 0}
    assert not gauge(Limits(min_agreement=0.99), zeros, zeros).refused


@pytest.mark.parametrize(
    ("operator", "found"),
    [
        ("QuantizeLinear", {"int8"}),
        ("DynamicQuantizeLinear", {"int8"}),
        ("ConvInteger", {"int8"}),
        ("QLinearMatMul", {"int8"}),
        ("MatMulNBits", {"int8"}),
        ("MatMul", set()),
    ],
)
def test_quantised_operators_are_known_inside_branches_too(
    operator: str, found: set[str], tmp_path: Path
) -> None:
    inner = helper.make_graph([helper.make_node(operator, ["x"], ["y"])], "inner", [], [])
    node = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    onnx.save(helper.make_model(helper.make_graph([node], "g", [], [])), tmp_path / "m.onnx")
    assert of_file(tmp_path / "m.onnx") == found


@pytest.mark.parametrize(("half", "found"), [(2, set()), (20, {"bfloat16"})])
def test_a_file_is_in_half_precision_where_most_of_its_weights_are(
    tmp_path: Path, half: int, found: set[str]
) -> None:
    node = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.BFLOAT16)
    weights = [
        helper.make_tensor("wide", TensorProto.FLOAT, [10], [0.0] * 10),
        helper.make_tensor("narrow", TensorProto.BFLOAT16, [half], [0.0] * half),
    ]
    graph = helper.make_graph([node], "g", [], [], weights)
    onnx.save(helper.make_model(graph), tmp_path / "m.onnx")
    assert of_file(tmp_path / "m.onnx") == found


def test_one_layer_in_half_precision_makes_no_form_of_it(
    reference: Reference, exported: Path
) -> None:
    class OneRounded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the port's name
            weight, bias = self.inner.get_parameter("2.weight"), self.inner.get_parameter("2.bias")
            hidden = nn.Sequential(*list(self.inner.children())[:2])(input).bfloat16()
            return nn.functional.linear(hidden, weight.bfloat16(), bias.bfloat16()).float()

    form = runner_of(OneRounded(), reference)
    judged_by = standard(reference, None, form, None)
    assert judged_by.computes is None
    assert judged_by.judge(form).status == "fail"


class Casting(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x.half() * 2).float()


def test_a_run_of_torch_shows_its_precision_scripts_included() -> None:
    x = torch.ones(2, 4)
    assert of_run(lambda: Casting()(x)) == {"float16"}
    assert of_run(lambda: nn.Linear(4, 4)(x)) == frozenset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and still what people deploy
        assert of_run(lambda: torch.quantize_per_tensor(x, 0.1, 0, torch.qint8)) == {"int8"}
        script = torch.jit.script(Casting())
        assert of_run(lambda: script(x)) == {"float16"}


def test_a_form_that_casts_as_its_model_does_is_judged_as_the_model() -> None:
    reference = reference_of(Casting(), Port("x", ("batch", 4)))
    form = runner_of(Casting(), reference)
    assert standard(reference, None, form, None).reference is reference


def test_a_module_that_casts_where_the_model_does_not_is_judged_in_that_precision() -> None:
    class Plain(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * 2

    reference = reference_of(Plain(), Port("x", ("batch", 4)))
    form = runner_of(Casting(), reference)
    assert judge(reference, form).status == "fail"
    assert standard(reference, None, form, None).judge(form).status == "pass"


def runner_of(module: nn.Module, reference: Reference) -> Form:
    from toolkit.runtimes.torch_modules import ModuleRunner

    return ModuleRunner(module, reference.spec, "cpu")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_module_of_half_precision_is_judged_by_the_float64_run_of_its_rounded_weights(
    dtype: str,
) -> None:
    module = network().to(getattr(torch, dtype))
    reference = reference_of(module, Port("input", ("batch", 6), dtype))
    assert reference.noise_source == "float64"
    assert judge(reference, Altered(module, reference.spec)).status == "pass"
    wrong = network().to(getattr(torch, dtype))
    with torch.no_grad():
        wrong[2].weight[0] *= 2  # type: ignore[index]
    assert judge(reference, Altered(wrong, reference.spec)).status == "fail"


class NormedInFloat32(nn.Module):
    """As transformers of half precision do: the norm in float32, the rest as it comes."""

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        return (wide / (wide.pow(2).mean(1, keepdim=True) + 1).sqrt()).to(x.dtype)


def test_float32_inside_a_module_of_half_precision_is_no_unfit_oracle() -> None:
    reference = reference_of(NormedInFloat32(), Port("x", ("batch", 4), "float16"))
    assert reference.noise_source == "float64"

"""The verbs for Python give the same values as the command line, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import toolkit
from tests.strangers.networks import SPEC, Chatty, Plain, Raising
from toolkit.errors import (
    BundleError,
    DataError,
    InputsError,
    ModelNotFoundError,
    ToolkitError,
    UsageError,
)
from toolkit.hashing import state_dict_sha256
from toolkit.options import BenchOptions

INPUTS = {"x": "batch,8"}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOOLKIT_HOME", str(tmp_path / "home"))


def test_a_module_at_hand_is_checked(capfd: pytest.CaptureFixture[str]) -> None:
    (row,) = toolkit.check(Plain(), inputs=INPUTS, formats=["trace"])
    assert (row.model, row.format, row.status) == ("Plain", "trace", "pass")
    assert row.weights == "constructed"
    assert capfd.readouterr() == ("", "")


def test_the_module_of_the_caller_is_left_as_it_was() -> None:
    module = Plain().train()
    before = state_dict_sha256(module.state_dict())
    toolkit.check(module, inputs=INPUTS, formats=["trace"])
    assert module.training
    assert state_dict_sha256(module.state_dict()) == before


def test_what_is_exported_is_loaded_and_computes_the_same() -> None:
    module = Plain().eval()
    made = toolkit.export(module, inputs=INPUTS, formats=["onnx", "trace"], out="out")
    assert made.bundle is not None
    assert [form.status for form in made.forms] == ["ok", "ok"]
    given = np.ones((3, 8), np.float32)
    expected = module(torch.from_numpy(given)).detach().numpy()
    for name in ("onnx", "trace"):
        outputs = toolkit.load(made.bundle, name).run({"x": given})
        np.testing.assert_allclose(outputs["output_0"], expected, rtol=1e-5, atol=1e-6)


def test_an_altered_or_missing_form_is_not_loaded() -> None:
    made = toolkit.export(Plain(), inputs=INPUTS, formats=["trace"], out="out")
    bundle = Path(str(made.bundle))
    with pytest.raises(BundleError, match="no onnx"):
        toolkit.load(bundle)
    trace = bundle / "model.trace.pt"
    trace.write_bytes(trace.read_bytes() + b"\0")
    with pytest.raises(BundleError, match="altered"):
        toolkit.load(bundle, "trace")


def test_a_spec_is_a_model() -> None:
    (row,) = toolkit.check(SPEC, formats=["trace"])
    assert (row.model, row.status) == ("mine", "pass")


def test_a_modules_own_weights_are_kept() -> None:
    from toolkit.stages.subject import of_module
    from toolkit.words import ModelWords

    module = Plain()
    subject = of_module(module, ModelWords("mine", ("x=batch,8",)))
    assert subject.built.weights.origin == "constructed"
    assert subject.built.weights.sha256 == state_dict_sha256(module.state_dict())


def test_a_bench_is_a_comparison_with_every_sample() -> None:
    options = BenchOptions(variants=("eager",), preset="quick")
    (comparison,) = toolkit.bench(Plain(), inputs=INPUTS, options=options)
    (row,) = comparison.variants
    assert (row.variant, row.batch) == ("eager", 1)
    assert row.calls == sum(len(samples) for samples in row.samples_ns)
    assert comparison.aa is not None


def test_an_error_is_raised_with_its_model_and_hint() -> None:
    with pytest.raises(ModelNotFoundError, match="lenet55") as caught:
        toolkit.check("lenet55")
    assert "lenet5" in str(caught.value.hint)
    with pytest.raises(InputsError, match="raised RuntimeError"):
        toolkit.check(Plain(), inputs={"x": "batch,7"})


def test_a_keyword_that_there_is_not_is_never_passed_over() -> None:
    module, unknown = Plain(), {"inputs": INPUTS, "dim": {"x": "1..4"}}
    verbs: list[Any] = [toolkit.check, toolkit.export, toolkit.bench]
    for verb in verbs:
        with pytest.raises(UsageError, match="no keyword dim") as caught:
            verb(module, **unknown)
        assert caught.value.hint == "did you mean dims?"
    with pytest.raises(UsageError, match="no keyword tolerance"):
        toolkit.compare(module, module, inputs=INPUTS, tolerance=1e-3)  # type: ignore[call-arg]
    with pytest.raises(UsageError, match="no keyword max_score"):
        toolkit.export(module, inputs=INPUTS, max_score=40)  # type: ignore[call-arg]


def test_how_forms_are_judged_reaches_check_and_compare(tmp_path: Path) -> None:
    said: Any = {"inputs": INPUTS, "atol": 1e9, "budget_s": 0.0, "failures": tmp_path / "kept"}
    (row,) = toolkit.check(Plain(), formats="trace", **said)
    assert (row.format, row.noise_source, row.cases) == ("trace", "override", 8)
    module = Plain()
    (row,) = toolkit.compare(module, module, max_score=40, **(said | {"atol": None}))
    assert (row.status, row.max_score, row.noise_source) == ("pass", 40, "float64")
    with pytest.raises(UsageError, match="no device is called gpu"):
        toolkit.check(module, device="gpu", **said)


def test_a_module_without_inputs_is_told_which_it_could_have() -> None:
    with pytest.raises(InputsError) as caught:
        toolkit.check(Plain())
    assert "x=batch,8" in str(caught.value.hint)


def test_a_model_without_a_plan_is_not_trained() -> None:
    Path("net.py").write_text("from torch import nn\nNet = nn.Identity\n")
    with pytest.raises(ToolkitError):
        toolkit.train("net.py:Net")


def test_an_entry_is_trained_on_the_data_and_for_the_epochs_that_are_named() -> None:
    usual = toolkit.train("single_neuron", epochs=1)
    assert (usual.data, usual.epochs, usual.metric.floor) == ("digit-features", 1, 0.95)
    other = toolkit.train("lenet5", data="digits", epochs=1, weights="random", device="cpu")
    assert (other.data, other.epochs, other.reused) == ("digits", 1, False)
    assert toolkit.train("lenet5", data="digits", epochs=1).reused


def test_what_is_said_about_training_reaches_every_verb() -> None:
    trained = toolkit.train("single_neuron", epochs=1)
    made = toolkit.export("single_neuron", epochs=1, formats=["trace"])
    assert made.weights is not None
    assert made.weights.sha256 == trained.weights.sha256
    (row,) = toolkit.check("single_neuron", epochs=1, formats=["trace"], budget_s=0.0)
    assert (row.status, row.weights) == ("pass", "trained")
    assert row.cases < toolkit.check("single_neuron", epochs=1, formats=["trace"])[0].cases


@pytest.mark.parametrize("verb", [toolkit.train, toolkit.export, toolkit.check, toolkit.bench])
def test_words_about_training_that_cannot_be_followed_are_refused(verb: Any) -> None:
    with pytest.raises(UsageError, match="unknown recipe documents"):
        verb("single_neuron", recipe="documents")
    with pytest.raises(UsageError, match="no training of its own"):
        verb("single_neuron", recipe="document")
    with pytest.raises(DataError, match="needs the folder"):
        verb("lenet5", data="image-folder")
    with pytest.raises(DataError, match="nowhere"):
        verb("lenet5", data="image-folder", data_dir=Path("nowhere"))


def test_words_about_training_are_never_passed_over() -> None:
    with pytest.raises(UsageError, match="takes the place of a training"):
        toolkit.check("single_neuron", epochs=1, weights="random")
    for model in (Plain(), SPEC):
        with pytest.raises(UsageError, match="no training plan"):
            toolkit.check(model, inputs=INPUTS, epochs=1)
    with pytest.raises(UsageError, match="no device is called gpu"):
        toolkit.train("single_neuron", device="gpu")


def test_what_judges_and_prepares_is_public() -> None:
    guesses, targets = [0, 1, 1, 1], [0, 1, 0, 1]
    assert toolkit.accuracy(guesses, targets) == 0.75
    assert toolkit.error_rate(guesses, targets) == 0.25
    assert toolkit.per_class_accuracy(guesses, targets, 2) == (0.5, 1.0)
    pixels = torch.full((1, 2, 2), 0.75)
    normalised = toolkit.normalised(pixels, [0.5], [0.25])
    assert torch.equal(normalised, torch.ones(1, 2, 2))
    assert torch.equal(toolkit.unnormalised(normalised, [0.5], [0.25]), pixels)
    layer = nn.Linear(3, 2)
    assert [(each.name, each.shape) for each in toolkit.parameters(layer)] == [
        ("weight", (2, 3)),
        ("bias", (2,)),
    ]
    assert toolkit.parameter_count(layer) == 8


def test_the_catalogue_is_a_list_of_specs() -> None:
    assert "lenet5" in [spec.name for spec in toolkit.list_models()]


def test_every_public_name_is_there_and_no_other() -> None:
    for name in toolkit.__all__:
        assert getattr(toolkit, name) is not None
    with pytest.raises(AttributeError, match="nothing_of_this_name"):
        toolkit.nothing_of_this_name  # noqa: B018


def test_what_a_network_prints_and_raises_goes_through() -> None:
    assert isinstance(Chatty(), nn.Module)
    with pytest.raises(ValueError, match="the width is wrong"):
        Raising()


def test_weights_that_are_not_finite_are_noted_by_a_check() -> None:
    module = Plain()
    with torch.no_grad():
        module.layer.bias[0] = torch.nan
    (row,) = toolkit.check(module, inputs=INPUTS, formats=["trace"], budget_s=0.0)
    notes = [found.message for found in row.findings if found.name == "weights"]
    assert notes == ["layer.bias holds values that are not finite"]

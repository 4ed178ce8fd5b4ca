"""torchvision's networks and those that stand on them, at the smallest images that they take.

`bench/full_size.py` checks them at full size. One network is held at a time: together they are
more than two gigabytes.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from toolkit import inputs, pipeline, registry, weights
from toolkit.options import CheckOptions
from toolkit.spec import ModelSpec, Port, Preprocess
from toolkit.stages.subject import of_spec
from toolkit.weights import construct
from toolkit.words import ModelWords, TrainingWords

SMALLEST = {"alexnet": 63, "alexnet_transfer": 63, "inception_v3": 75}
ENTRIES = [spec for spec in registry.catalogue().values() if spec.family == "torchvision"]
NAMES = [spec.name for spec in ENTRIES]


def at_small_size(name: str) -> ModelSpec:
    """The entry with images as small as the network takes them."""
    spec = registry.catalogue()[name]
    side = SMALLEST.get(name, 32)
    (port,) = spec.inputs
    if not any(isinstance(size, str) for size in port.shape[1:]):
        port = replace(port, shape=("batch", 3, side, side))
    return replace(spec, inputs=(port,))


Held = tuple[ModelSpec, nn.Module]


@pytest.fixture(scope="module", params=NAMES)
def held(request: pytest.FixtureRequest) -> Held:
    """An entry at small images with its seeded module."""
    spec = at_small_size(request.param)
    return spec, construct(spec, seed=0)


def drawn(spec: ModelSpec, step: int) -> tuple[dict[str, int], dict[str, inputs.Array]]:
    """Every dimension at one of its tested sizes, and values for the inputs."""
    sizes = {
        one.name: one.tested[(step + place) % len(one.tested)]
        for place, one in enumerate(spec.dimensions)
    }
    return sizes, inputs.draw(spec, sizes, seed=1)


def test_an_entry_has_the_parameters_and_outputs_that_it_states(held: Held) -> None:
    spec, module = held
    assert sum(parameter.numel() for parameter in module.parameters()) == spec.parameters
    sizes, given = drawn(spec, 0)
    found = inputs.run_module(module, spec, given)
    told = {port.name: (port.at(sizes), port.dtype) for port in spec.outputs}
    assert {name: (array.shape, str(array.dtype)) for name, array in found.items()} == told


def test_seeded_weights_leave_no_layer_at_zero_and_keep_the_scores_in_scale(held: Held) -> None:
    spec, module = held
    buffers = {name: held for name, held in module.named_buffers() if held.is_floating_point()}
    state = {**dict(module.named_parameters()), **buffers}
    assert [name for name, value in state.items() if not bool(value.any())] == []
    _, given = drawn(spec, 1)
    (scores,) = inputs.run_module(module, spec, given).values()
    assert 0.1 < float(np.std(scores)) < 100
    assert float(np.std(scores, axis=0).max()) > 1e-3


def test_an_entry_is_scripted_and_traced_and_run_at_another_size(held: Held) -> None:
    spec, module = held
    twin = spec.twin_for("script")
    scriptable = module if twin is None else twin.build(module).eval()
    example = inputs.to_tensors(spec, inputs.example(spec))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        forms = [
            torch.jit.script(scriptable),
            torch.jit.trace(module, example, check_trace=False),  # type: ignore[no-untyped-call]
        ]
    _, given = drawn(spec, 2)
    (expected,) = inputs.run_module(module, spec, given).values()
    for form in forms:
        (found,) = inputs.run_module(form, spec, given).values()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def published_names(spec: ModelSpec) -> dict[str, Tensor]:
    """The names and shapes of the tensors that the entry's published weights hold, no values."""
    from torchvision import models

    assert spec.pretrained is not None
    name = str(models.get_weight(spec.pretrained.weights)).partition("_Weights")[0].lower()
    options: dict[str, Any] = {"init_weights": False} if name == "inception_v3" else {}
    with torch.device("meta"):
        return models.get_model(name, weights=None, **options).state_dict()


def test_published_weights_fit_all_but_a_new_head(held: Held) -> None:
    spec, module = held
    assert spec.pretrained is not None
    adapt: Callable[[Any], Any] = spec.pretrained.adapt or dict
    published = {name: tuple(value.shape) for name, value in adapt(published_names(spec)).items()}
    own = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    new = {"resnet50_new_head": "fc.", "alexnet_transfer": "classifier."}.get(spec.name)
    if new is not None:
        own = {name: shape for name, shape in own.items() if not name.startswith(new)}
    assert published == own


@pytest.mark.parametrize("spec", ENTRIES, ids=NAMES)
def test_preprocessing_is_that_of_the_published_weights(spec: ModelSpec) -> None:
    from torchvision import models

    assert spec.pretrained is not None
    published = models.get_weight(spec.pretrained.weights).transforms()
    found = spec.preprocess
    assert found is not None
    assert [found.resize] == published.resize_size
    assert [found.crop] == published.crop_size
    assert list(found.mean) == published.mean
    assert list(found.std) == published.std
    assert spec.inputs[0].shape[2] in (found.crop, "height")


def test_the_same_seed_gives_the_same_weights_and_another_does_not() -> None:
    spec = registry.catalogue()["resnet18"]
    hashes = [weights.materialize(spec, seed=seed, choice="random").weights for seed in (1, 1, 2)]
    assert hashes[0] == hashes[1]
    assert hashes[0].sha256 != hashes[2].sha256


def test_looking_at_the_catalogue_does_not_load_torchvision() -> None:
    import subprocess
    import sys

    source = (
        "import sys; from toolkit import registry; registry.catalogue();"
        "sys.exit('torchvision' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", source], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("resnet18", ("onnx", "pt2")),
        ("resnet50_features", ("trace", "script", "onnx-legacy")),
        ("inception_v3", ("script",)),
    ],
)
def test_a_form_is_as_accurate_as_the_network(
    name: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    subject = of_spec(at_small_size(name), ModelWords(name, weights="random"))
    options = CheckOptions(names, failures=tmp_path, budget_s=0.0)
    rows = list(pipeline.checked(subject, options, names))
    assert {row.format: row.status for row in rows} == dict.fromkeys(names, "pass")


def test_inceptions_twin_gives_its_logits_in_value_and_gradient() -> None:
    spec = at_small_size("inception_v3")
    twin = spec.twin_for("script")
    assert twin is not None
    assert spec.twin_for("onnx") is None
    module = construct(spec, seed=0)
    other = twin.build(construct(spec, seed=0)).eval()
    x = torch.randn(2, 3, 75, 75, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    logits, others = module(x), other(y)
    assert torch.equal(logits, others)
    logits.square().sum().backward()
    others.square().sum().backward()
    assert x.grad is not None
    assert y.grad is not None
    torch.testing.assert_close(x.grad, y.grad)


# Transfer


def image_folder(folder: Path, classes: int = 3, each: int = 5, side: int = 70) -> Path:
    """Images of one colour a class, with noise."""
    generator = np.random.default_rng(0)
    for number in range(classes):
        (folder / f"class{number}").mkdir(parents=True)
        for place in range(each):
            pixels = generator.integers(0, 60, (side, side, 3), dtype=np.uint8)
            pixels[:, :, number % 3] += 180
            Image.fromarray(pixels).save(folder / f"class{number}" / f"{place}.png")
    return folder


def test_a_transfer_entry_trains_only_its_new_head_on_a_folder_of_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLKIT_HOME", str(tmp_path / "home"))
    spec = at_small_size("alexnet_transfer")
    assert spec.preprocess is not None
    small = replace(spec, preprocess=replace(spec.preprocess, resize=63, crop=63))
    words = TrainingWords(data_dir=str(image_folder(tmp_path / "colours")), epochs=20)
    entry = weights.train(small, choice="random", training=words)
    before = construct(small, seed=0).state_dict()
    changed = {
        name.partition(".")[0]
        for name, value in entry.built.module.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert changed == {"classifier"}
    assert entry.data == "image-folder:colours"
    assert entry.metric_value == 1.0
    assert entry.built.weights.note == "trained from random weights, not from published ones"
    assert weights.train(small, choice="random", training=words).reused


def test_a_transfer_entry_is_not_trained_unless_data_were_asked_for() -> None:
    spec = registry.catalogue()["alexnet_transfer"]
    assert not weights.trains(spec)
    assert weights.trains(spec, TrainingWords(data_dir="folder"))


def test_the_normalised_image_spans_what_preprocessing_gives() -> None:
    port: Port = registry.catalogue()["resnet50"].inputs[0]
    steps: Preprocess | None = registry.catalogue()["resnet50"].preprocess
    assert steps is not None
    assert port.low is not None
    assert port.high is not None
    black = min(-mean / std for mean, std in zip(steps.mean, steps.std, strict=True))
    white = max((1 - mean) / std for mean, std in zip(steps.mean, steps.std, strict=True))
    assert port.low <= black < white <= port.high
    assert math.isclose(port.high - port.low, white - black, rel_tol=0.05)

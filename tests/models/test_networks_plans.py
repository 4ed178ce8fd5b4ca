"""The networks' training plans: the documents' own figures, and pixels as images are prepared."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from toolkit import registry
from toolkit.spec import ModelSpec, TrainingPlan

SIGNED = (-1.0, 1.0)

DOCUMENTED: dict[str, dict[str, Any]] = {
    "mlp_784_128_64_10_log_softmax": {
        **{"data": "mnist", "mean": (0.5,), "std": (0.5,), "objective": "nll"},
        **{"optimiser": "sgd", "learning_rate": 0.01, "momentum": 0.0},
        **{"batch_size": 64, "epochs": 5},
    },
    "ann_784_30_1": {
        **{"data": "mnist", "objective": "bce_with_logits", "positive": (0, 1, 2)},
        **{"optimiser": "sgd", "learning_rate": 0.005, "momentum": 0.9},
    },
    "convnet_32": {
        **{"data": "digits", "pixel_range": SIGNED},
        **{"optimiser": "sgd", "learning_rate": 0.01, "momentum": 0.0},
    },
    "cifar_net": {
        **{"data": "cifar10", "pixel_range": SIGNED, "objective": "cross_entropy"},
        **{"optimiser": "sgd", "learning_rate": 0.001, "momentum": 0.9},
        **{"batch_size": 4, "epochs": 2},
    },
    "vae": {
        **{"data": "mnist", "pixel_range": (0.0, 1.0), "objective": "vae"},
        **{"optimiser": "adam", "weight_decay": 1e-5},
    },
    "cgan_generator": {"data": "fashion-mnist", "pixel_range": SIGNED, "objective": "cgan"},
}
"""What the documents say of their own trainings; the rest of those plans is the toolkit's."""


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_documents_own_training_has_the_documents_figures(name: str) -> None:
    plan = registry.catalogue()[name].recipe
    assert plan is not None
    figures = DOCUMENTED[name]
    assert {figure: getattr(plan, figure) for figure in figures} == figures
    assert plan.schedule == "constant" or name == "cgan_generator"
    assert plan.floor is None


def test_every_documents_training_is_one_of_these() -> None:
    recipes = {name for name, spec in registry.catalogue().items() if spec.recipe is not None}
    assert recipes == set(DOCUMENTED)


PREPARED = [
    pytest.param(spec, plan, id=f"{spec.name}-{kind}")
    for spec in registry.catalogue().values()
    for kind, plan in (("training", spec.training), ("recipe", spec.recipe))
    if spec.preprocess is not None and plan is not None
]


@pytest.mark.parametrize(("spec", "plan"), PREPARED)
def test_image_files_are_prepared_with_the_pixels_that_the_plan_trains_on(
    spec: ModelSpec, plan: TrainingPlan
) -> None:
    given = spec.preprocess
    assert given is not None
    low, high = plan.pixel_range
    mean, std = plan.mean or (-low / (high - low),), plan.std or (1 / (high - low),)
    assert given.mean == _for_each_channel(mean, given.channels)
    assert given.std == _for_each_channel(std, given.channels)
    black = (0 - given.mean[0]) / given.std[0]
    assert given.pad_value == (black if given.padding else 0.0)


def _for_each_channel(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    return values if len(values) == channels else values * channels


CLASSIFIERS = [
    spec
    for spec in registry.catalogue().values()
    if spec.training is not None
    and spec.training.data in ("digits", "coloured-digits")
    and spec.outputs[0].shape in (("batch", 10), ("batch", 1))
]


@pytest.mark.parametrize("spec", [pytest.param(spec, id=spec.name) for spec in CLASSIFIERS])
def test_a_classifier_of_digits_takes_prepared_image_files_and_names_its_classes(
    spec: ModelSpec,
) -> None:
    given = spec.preprocess
    assert given is not None
    assert spec.training is not None
    side = given.crop + 2 * given.padding
    sizes = [size for size in spec.inputs[0].shape[1:] if isinstance(size, int)]
    assert torch.Size(sizes).numel() == given.channels * side * side
    assert spec.labels == (("3 to 9", "under 3") if spec.training.positive else "digits")

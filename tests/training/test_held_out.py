"""Real data for a check: prepared as in training, inside what the inputs take, never downloaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import toolkit
from toolkit import data, registry
from toolkit.bundle import golden
from toolkit.spec import ModelSpec, TrainingPlan
from toolkit.training.held_out import held_out_batches
from toolkit.training.session import load_data

CATALOGUE = registry.catalogue()
TRAINED = [
    pytest.param(spec, id=spec.name)
    for spec in CATALOGUE.values()
    if spec.training and spec.training.data in data.EMBEDDED and spec.training.objective != "cgan"
]


def plan_of(spec: ModelSpec) -> TrainingPlan:
    assert spec.training is not None
    return spec.training


@pytest.mark.parametrize("spec", TRAINED)
def test_every_network_of_embedded_data_has_batches_of_every_size(spec: ModelSpec) -> None:
    batches = held_out_batches(spec, plan_of(spec), (1, 2, 5))
    for batch, size in zip(batches, (1, 2, 5), strict=True):
        assert list(batch) == [port.name for port in spec.inputs]
        for port in spec.inputs:
            assert batch[port.name].shape[port.batch_axis or 0] == size
            assert str(batch[port.name].dtype) == port.dtype


def test_they_are_samples_that_no_training_saw() -> None:
    spec = CATALOGUE["lenet5"]
    held_out = load_data(spec, plan_of(spec)).held_out
    (images,) = held_out.take(torch.arange(len(held_out.targets)))
    known = {image.numpy().tobytes() for image in images}
    (batch,) = held_out_batches(spec, plan_of(spec), (8,))
    assert all(image.tobytes() in known for image in batch[spec.inputs[0].name])


def test_no_sample_stands_in_two_batches_and_the_seed_chooses_them() -> None:
    spec = CATALOGUE["single_neuron"]
    name = spec.inputs[0].name
    first, again, other = (
        np.concatenate([one[name] for one in held_out_batches(spec, plan_of(spec), (1, 3), seed)])
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_sequences_stand_in_columns_with_their_lengths() -> None:
    spec = CATALOGUE["bidirectional_lstm_classifier"]
    (batch,) = held_out_batches(spec, plan_of(spec), (3,))
    for column, length in zip(batch["text"].T, batch["lengths"], strict=True):
        assert (column[:length] > 0).all()
        assert (column[length:] == 0).all()


def test_two_exports_have_the_same_golden_cases_real_data_among_them(tmp_path: Path) -> None:
    made = [
        toolkit.export("single_neuron", weights="random", formats=["trace"], out=tmp_path / place)
        for place in ("one", "other")
    ]
    first, again = (Path(str(each.bundle)) / "golden.npz" for each in made)
    assert first.read_bytes() == again.read_bytes()
    spec = CATALOGUE["single_neuron"]
    (held_out, *_) = held_out_batches(spec, plan_of(spec), spec.dimension("batch").tested)
    (name,) = held_out
    assert any(np.array_equal(case.inputs[name], held_out[name]) for case in golden.read(first))


@pytest.mark.parametrize("name", ["cgan_generator", "resnet50_new_head"])
def test_noise_and_data_that_must_be_asked_for_give_none(name: str) -> None:
    assert held_out_batches(CATALOGUE[name], plan_of(CATALOGUE[name]), (1, 2)) == []


def test_values_outside_the_range_of_the_port_are_not_given() -> None:
    spec = CATALOGUE["vae"]
    (port,) = spec.inputs
    dark = replace(spec, inputs=(replace(port, low=0.0, high=0.5),))
    assert held_out_batches(dark, plan_of(spec), (2,)) == []

"""Every entry is what its spec says: parameters, ports, and forms that it can be captured in."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import pytest
import torch

from toolkit import inputs, registry
from toolkit.spec import ModelSpec, Port
from toolkit.weights import construct

# The large networks have tests of their own, at small images.
ENTRIES = [
    pytest.param(spec, id=spec.name)
    for spec in registry.catalogue().values()
    if spec.family != "torchvision"
]
STEPS = (0, 1, 2, 3)


def sizes_at(spec: ModelSpec, step: int) -> dict[str, int]:
    """Every dimension at one of its tested sizes, no two in step."""
    return {
        dimension.name: dimension.tested[(step + index) % len(dimension.tested)]
        for index, dimension in enumerate(spec.dimensions)
    }


def shape_at(port: Port, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """An output's shape; an extent that follows from others is written as a sum: `height-8`."""
    return tuple(eval(str(size), {}, dict(sizes)) for size in port.shape)


def exported_to(format_name: str, spec: ModelSpec, module: torch.nn.Module) -> torch.nn.Module:
    """The module, or the twin that the format takes in its place."""
    twin = spec.twin_for(format_name)
    return module if twin is None else twin.build(module).eval()


@pytest.mark.parametrize("spec", ENTRIES)
def test_an_entry_has_exactly_the_parameters_that_it_states(spec: ModelSpec) -> None:
    module = construct(spec, seed=0)
    assert sum(parameter.numel() for parameter in module.parameters()) == spec.parameters


@pytest.mark.parametrize("spec", ENTRIES)
@pytest.mark.parametrize("step", STEPS)
def test_an_entry_gives_the_outputs_that_it_states_at_every_size(
    spec: ModelSpec, step: int
) -> None:
    sizes = sizes_at(spec, step)
    given = inputs.draw(spec, sizes, seed=1)
    found = inputs.run_module(construct(spec, seed=0), spec, given)
    told = {port.name: (shape_at(port, sizes), port.dtype) for port in spec.outputs}
    assert {name: (array.shape, str(array.dtype)) for name, array in found.items()} == told


@pytest.mark.parametrize("spec", ENTRIES)
def test_an_entry_names_its_document_and_its_batch_axis(spec: ModelSpec) -> None:
    assert spec.document is not None
    assert spec.document[:3] in {f"{letter}: " for letter in "ABCDE"}
    has_batch = {port.name: "batch" in port.symbols for port in (*spec.inputs, *spec.outputs)}
    # A loss is one number, and may weigh parameters, which belong to no sample.
    assert any(has_batch.values()) if spec.family == "loss" else all(has_batch.values())


@pytest.mark.parametrize("spec", ENTRIES)
def test_an_entry_can_be_scripted_and_traced_and_run_at_another_size(spec: ModelSpec) -> None:
    module = construct(spec, seed=0)
    given = inputs.draw(spec, {one.name: one.tested[-1] for one in spec.dimensions}, seed=1)
    example = inputs.to_tensors(spec, inputs.example(spec))
    with warnings.catch_warnings():
        # TorchScript is deprecated, and tracing nn.LSTM warns of its own checks on shapes.
        warnings.simplefilter("ignore")
        forms = [
            torch.jit.script(exported_to("script", spec, module)),
            torch.jit.trace(exported_to("trace", spec, module), example),  # type: ignore[no-untyped-call]
        ]
    expected = inputs.run_module(module, spec, given)
    for form in forms:
        found = inputs.run_module(form, spec, given)
        assert found.keys() == expected.keys()
        for name, array in found.items():
            np.testing.assert_allclose(array, expected[name], atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize("spec", ENTRIES)
def test_an_entry_is_built_anew_each_time(spec: ModelSpec) -> None:
    assert spec.build() is not spec.build()


@pytest.fixture
def vae() -> torch.nn.Module:
    return construct(registry.catalogue()["vae"], seed=0)


def test_the_autoencoder_takes_the_mean_in_eval_mode_and_samples_in_train_mode(
    vae: torch.nn.Module,
) -> None:
    image = torch.rand(2, 1, 28, 28)
    assert torch.equal(vae(image)[0], vae(image)[0])
    vae.train()
    assert not torch.equal(vae(image)[0], vae(image)[0])


def test_the_autoencoder_samples_with_the_variance_that_it_states(vae: torch.nn.Module) -> None:
    seen: list[torch.Tensor] = []
    vae.get_submodule("decoder").register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    with torch.no_grad():
        _, mu, logvar = vae.train()(torch.rand(1, 1, 28, 28).expand(1000, 1, 28, 28))
    assert torch.allclose(seen[0].mean(0), mu[0], atol=0.2)
    assert torch.allclose(seen[0].var(0), logvar[0].exp(), rtol=0.3)


def test_the_discriminator_keeps_the_batch_axis_of_a_single_image() -> None:
    plan = registry.catalogue()["cgan_generator"].training
    assert plan is not None
    assert plan.partner is not None
    discriminator = plan.partner().eval()
    judged = discriminator(torch.zeros(1, 28, 28), torch.zeros(1, dtype=torch.int64))
    assert judged.shape == (1,)
    assert sum(parameter.numel() for parameter in discriminator.parameters()) == 1_470_565

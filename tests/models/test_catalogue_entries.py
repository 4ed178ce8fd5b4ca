"""Every entry is what its spec says: parameters, ports, and forms that it can be captured in."""

from __future__ import annotations

import warnings

import pytest
import torch

from toolkit import inputs, registry
from toolkit.spec import ModelSpec
from toolkit.weights import construct

ENTRIES = [pytest.param(spec, id=spec.name) for spec in registry.catalogue().values()]
SIZES = (1, 2, 3, 5)


@pytest.mark.parametrize("spec", ENTRIES)
def test_an_entry_has_exactly_the_parameters_that_it_states(spec: ModelSpec) -> None:
    module = construct(spec, seed=0)
    assert sum(parameter.numel() for parameter in module.parameters()) == spec.parameters


@pytest.mark.parametrize("spec", ENTRIES)
@pytest.mark.parametrize("size", SIZES)
def test_an_entry_gives_the_outputs_that_it_states_at_every_size(
    spec: ModelSpec, size: int
) -> None:
    sizes = {dimension.name: size + step for step, dimension in enumerate(spec.dimensions)}
    given = inputs.draw(spec, sizes, seed=1)
    found = inputs.run_module(construct(spec, seed=0), spec, given)
    told = {port.name: (port.at(sizes), port.dtype) for port in spec.outputs}
    assert {name: (array.shape, str(array.dtype)) for name, array in found.items()} == told


@pytest.mark.parametrize("spec", ENTRIES)
def test_an_entry_names_its_document_and_its_batch_axis(spec: ModelSpec) -> None:
    assert spec.document is not None
    assert spec.document[:3] in {f"{letter}: " for letter in "ABCDE"}
    assert all("batch" in port.symbols for port in (*spec.inputs, *spec.outputs))


@pytest.mark.parametrize("spec", ENTRIES)
def test_an_entry_can_be_scripted_and_traced_and_run_at_another_size(spec: ModelSpec) -> None:
    module = construct(spec, seed=0)
    sizes = {dimension.name: 5 for dimension in spec.dimensions}
    given = inputs.draw(spec, sizes, seed=1)
    with warnings.catch_warnings():
        # TorchScript is deprecated, and tracing nn.LSTM warns of its own checks on shapes.
        warnings.simplefilter("ignore")
        forms = [
            torch.jit.script(module),
            torch.jit.trace(  # type: ignore[no-untyped-call]
                module, inputs.to_tensors(spec, inputs.example(spec))
            ),
        ]
    expected = inputs.run_module(module, spec, given)
    for form in forms:
        found = inputs.run_module(form, spec, given)
        assert found.keys() == expected.keys()
        for name, array in found.items():
            assert array == pytest.approx(expected[name], abs=1e-5)


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

"""What is exported in place of a layer is that layer: the same values and the same gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from toolkit import inputs, registry
from toolkit.flattening import flatten
from toolkit.spec import ModelSpec, Twin
from toolkit.weights import construct

PAIRS = [
    pytest.param(spec, twin, id=f"{spec.name}-{'-'.join(twin.formats)}")
    for spec in registry.catalogue().values()
    if spec.family == "layer"
    for twin in spec.twins
]
LOOPS = ("rnn_cell_loop", "lstm_cell_loop", "gru_cell_loop")


def values_and_gradients(
    module: nn.Module, spec: ModelSpec, sizes: dict[str, int]
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Outputs, and a loss's gradient with respect to every input and parameter, in float64."""
    given = inputs.draw(spec, sizes, seed=1)
    arguments = inputs.to_tensors(spec, given, float_dtype=torch.float64)
    for argument in arguments:
        argument.requires_grad_()
    outputs = list(flatten(module(*arguments)).values())
    # A weight of its own for every value, so that no mistake cancels another in the sum.
    weighed = [
        (output.flatten() * torch.arange(1.0, output.numel() + 1).sin()).sum() for output in outputs
    ]
    loss = torch.stack(weighed).sum()
    parameters = sorted(module.parameters(), key=id)  # shared, so that both have the same order
    return outputs, list(torch.autograd.grad(loss, [*arguments, *parameters]))


def all_sizes(spec: ModelSpec) -> list[dict[str, int]]:
    """Every dimension at each of its tested sizes, against every batch."""
    varied = [one for one in spec.dimensions if one.name != "batch"]
    return [
        {"batch": batch}
        | {
            one.name: one.tested[(step + index) % len(one.tested)]
            for index, one in enumerate(varied)
        }
        for batch in (1, 2, 3)
        for step in range(4)
    ]


@pytest.mark.parametrize(("spec", "twin"), PAIRS)
def test_a_twin_has_the_layers_values_and_gradients(spec: ModelSpec, twin: Twin) -> None:
    documented = construct(spec, seed=0).double()
    exported = twin.build(documented)
    assert {id(one) for one in exported.parameters()} == {
        id(one) for one in documented.parameters()
    }
    for sizes in all_sizes(spec):
        expected = values_and_gradients(documented, spec, sizes)
        found = values_and_gradients(exported, spec, sizes)
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_every_layer_that_an_exporter_resists_has_a_twin_and_no_limit() -> None:
    layers = [spec for spec in registry.catalogue().values() if spec.family == "layer"]
    assert {spec.name for spec in layers if spec.twins} == {*LOOPS, "max_unpool2d"}
    assert [spec.name for spec in layers if spec.limits] == []


def test_a_scattered_twin_is_made_of_an_unpooling_only() -> None:
    (twin,) = registry.catalogue()["max_unpool2d"].twins
    with pytest.raises(TypeError, match="Linear has no scattered twin"):
        twin.build(nn.Linear(1, 1))

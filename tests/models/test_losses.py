"""Every loss has the value and gradient of its formula; what stands in for it has them too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import toolkit
from toolkit import inputs, registry
from toolkit.inputs import Array, Kind
from toolkit.spec import ALL_FORMATS, ModelSpec, Twin
from toolkit.weights import construct

from .loss_references import REFERENCES

LOSSES = {name: spec for name, spec in registry.catalogue().items() if spec.family == "loss"}
BATCHES = (1, 2, 5, 64)
KINDS: tuple[Kind, ...] = ("ordinary", "scaled", "outliers", "zeros", "lowest", "highest")
TWINS = [
    pytest.param(spec, twin, id=f"{spec.name}-{'-'.join(twin.formats)}")
    for spec in LOSSES.values()
    for twin in spec.twins
]
OF_PROBABILITIES = ("bce", "vae_loss", "gan_loss")
"""Their gradient does not exist at probabilities of 0 and 1, of which other draws are full."""

Gradients = Mapping[str, Array]


def drawn(spec: ModelSpec, batch: int, kind: Kind) -> dict[str, Array]:
    """Inputs in float64: floating ones as they are drawn, wider."""
    sizes = {one.name: 3 + place for place, one in enumerate(spec.dimensions)} | {"batch": batch}
    arrays = inputs.draw(spec, sizes, seed=batch, kind=kind)
    return {
        name: array.astype(np.float64) if array.dtype == np.float32 else array
        for name, array in arrays.items()
    }


def differentiated(
    module: nn.Module, spec: ModelSpec, given: Mapping[str, Array]
) -> tuple[tuple[float, ...], Gradients]:
    """Every output, and the gradients of their sum."""
    tensors = {name: torch.tensor(array) for name, array in given.items()}
    leaves = {
        name: one.requires_grad_() for name, one in tensors.items() if one.is_floating_point()
    }
    outputs = module.double()(*tensors.values())
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    gradients = torch.autograd.grad(torch.stack(outputs).sum(), list(leaves.values()))
    named = zip(leaves, gradients, strict=True)
    return tuple(one.item() for one in outputs), {name: one.numpy() for name, one in named}


def assert_same(found: object, expected: object) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)  # type: ignore[call-overload]


def test_every_loss_has_a_reference() -> None:
    assert LOSSES.keys() == REFERENCES.keys()


@pytest.mark.parametrize("spec", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_has_the_value_and_gradient_of_its_formula(spec: ModelSpec, kind: Kind) -> None:
    reference = REFERENCES[spec.name]
    for batch in BATCHES:
        given = drawn(spec, batch, kind)
        values, gradients = differentiated(construct(spec, seed=0), spec, given)
        assert all(map(np.isfinite, values))
        assert_same(values, reference.values(given))
        for name, expected in reference.gradients(given).items():
            assert_same(gradients[name], expected)


@pytest.mark.parametrize(("logit", "target"), [(200.0, 0.0), (-200.0, 1.0)])
def test_a_confident_wrong_logit_costs_what_it_says(logit: float, target: float) -> None:
    loss = construct(LOSSES["bce_with_logits"], seed=0)
    assert loss(torch.tensor([logit]), torch.tensor([target])).item() == 200.0
    both = torch.tensor([[logit, 0.0] + [-1e4] * 8])
    index = torch.tensor([1 if logit > 0 else 0])
    assert construct(LOSSES["cross_entropy"], seed=0)(both, index).item() == 200.0


def test_certainty_that_is_wrong_costs_what_the_documents_say() -> None:
    certain, wrong = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    assert construct(LOSSES["bce"], seed=0)(certain, wrong).item() == 100.0
    by_hand = construct(LOSSES["binary_cross_entropy_manual"], seed=0)(certain, wrong)
    assert by_hand.item() == pytest.approx(-np.log(1e-6), rel=1e-2)


def test_the_weight_of_the_divergence_is_an_argument() -> None:
    spec = LOSSES["vae_loss"]
    plain, given = construct(spec, seed=0), drawn(spec, 2, "ordinary")
    (once,), _ = differentiated(plain, spec, given)
    (thrice,), _ = differentiated(type(plain)(3.0), spec, given)
    kl = 0.5 * (given["mu"] ** 2 + np.exp(given["logvar"]) - 1 - given["logvar"]).sum()
    assert_same(thrice - once, 2 * kl)


@pytest.mark.parametrize(("spec", "twin"), TWINS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_twin_has_the_value_and_gradient_of_the_loss(
    spec: ModelSpec, twin: Twin, kind: Kind
) -> None:
    for batch in BATCHES:
        module, given = construct(spec, seed=0), drawn(spec, batch, kind)
        values, gradients = differentiated(module, spec, given)
        found, slopes = differentiated(twin.build(module), spec, given)
        assert_same(found, values)
        for name, slope in slopes.items():
            assert np.isfinite(slope).all()
            if kind == "ordinary" or spec.name not in OF_PROBABILITIES:
                assert_same(slope, gradients[name])


@pytest.mark.parametrize("spec", LOSSES.values(), ids=LOSSES)
def test_every_form_of_a_loss_passes_and_its_mean_or_sum_over_the_batch_is_a_note(
    spec: ModelSpec, tmp_path: Path
) -> None:
    rows = toolkit.check(spec, formats=ALL_FORMATS, failures=tmp_path)
    assert {row.format: row.status for row in rows} == dict.fromkeys(ALL_FORMATS, "pass")
    for row in rows:
        severities = [one.severity for one in row.findings if one.name == "batch-dependence"]
        assert severities == ["note"]
        assert "error" not in {one.severity for one in row.findings}

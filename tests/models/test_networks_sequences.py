"""The packed bidirectional LSTM, and the unpacked twin that is exported in its place."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import nn

import toolkit
from toolkit import inputs, registry
from toolkit.spec import ALL_FORMATS, Twin
from toolkit.weights import construct

SPEC = registry.catalogue()["bidirectional_lstm_classifier"]

LENGTHS = {
    "ragged and unsorted": [3, 9, 1, 5],
    "rising": [2, 4, 6, 8],
    "falling": [8, 6, 4, 2],
    "all of length one": [1, 1, 1],
    "all full": [7, 7, 7],
    "a single sequence": [6],
    "a single token": [1],
}


def twin_of(module: nn.Module) -> nn.Module:
    twin = SPEC.twin_for("onnx")
    assert isinstance(twin, Twin)
    return twin.build(module).eval()


@pytest.fixture(scope="module")
def documented() -> nn.Module:
    return construct(SPEC, seed=0).double()


@pytest.fixture(scope="module")
def twin(documented: nn.Module) -> nn.Module:
    return twin_of(documented)


def tokens(lengths: Sequence[int], *, beyond: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Random text of these lengths, its padding filled with random tokens too."""
    generator = torch.Generator().manual_seed(sum(lengths))
    size = (max(lengths) + beyond, len(lengths))
    return torch.randint(0, 1000, size, generator=generator), torch.tensor(lengths)


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_the_twin_gives_the_documented_value_and_gradient(
    lengths: list[int], documented: nn.Module, twin: nn.Module
) -> None:
    text, given = tokens(lengths, beyond=2)
    expected, found = documented(text, given), twin(text, given)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)
    parameters = list(documented.parameters())
    wanted = torch.autograd.grad(expected.square().sum(), parameters)
    gained = torch.autograd.grad(found.square().sum(), parameters)
    assert max(float(gradient.abs().max()) for gradient in wanted) > 0
    for left, right in zip(gained, wanted, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-10, atol=1e-13)


def test_the_twin_has_the_documented_parameters_and_no_others(
    documented: nn.Module, twin: nn.Module
) -> None:
    own = {id(parameter) for parameter in documented.parameters()}
    assert {id(parameter) for parameter in twin.parameters()} == own


@pytest.mark.parametrize("form", ["documented", "twin"])
def test_tokens_beyond_the_length_do_not_matter(form: str, request: pytest.FixtureRequest) -> None:
    module = request.getfixturevalue(form)
    text, lengths = tokens([3, 9, 1, 5])
    other = text.clone()
    for column, length in enumerate(lengths.tolist()):
        other[length:, column] = 7
    longer = torch.cat([other, torch.zeros(4, 4, dtype=torch.int64)])
    expected = module(text, lengths)
    torch.testing.assert_close(module(other, lengths), expected, rtol=0, atol=1e-15)
    torch.testing.assert_close(module(longer, lengths), expected, rtol=0, atol=1e-15)
    other[0, 2] = (text[0, 2] + 1) % 1000
    assert not torch.allclose(module(other, lengths), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("form", ["documented", "twin"])
def test_a_sequence_is_answered_the_same_alone_and_in_any_place(
    form: str, request: pytest.FixtureRequest
) -> None:
    module = request.getfixturevalue(form)
    text, lengths = tokens([3, 9, 1, 5])
    expected = module(text, lengths)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(module(text[:, order], lengths[order]), expected[order])
    alone = [module(text[:, [column]], lengths[[column]]) for column in range(4)]
    torch.testing.assert_close(torch.cat(alone), expected)


def test_both_directions_count(documented: nn.Module) -> None:
    text, lengths = tokens([6, 6])
    turned = text.flip(0)
    assert not torch.allclose(documented(text, lengths), documented(turned, lengths), atol=1e-9)


def test_the_twin_refuses_another_module() -> None:
    with pytest.raises(TypeError, match="Linear has no unpacked twin"):
        twin_of(nn.Linear(2, 2))


def test_lengths_are_drawn_between_one_and_the_time() -> None:
    sizes = {"time": 5, "batch": 200}
    drawn = inputs.draw(SPEC, sizes, seed=0)["lengths"]
    assert (drawn.min(), drawn.max()) == (1, 5)
    assert len(set(drawn.tolist())) == 5
    assert (inputs.draw(SPEC, sizes, 0, "zeros")["lengths"] == 1).all()


def test_it_is_exported_to_every_format_with_ragged_lengths_at_any_time_and_batch() -> None:
    rows = toolkit.check(SPEC.name, formats=ALL_FORMATS, weights="random")
    assert {row.format: row.status for row in rows} == dict.fromkeys(ALL_FORMATS, "pass")
    told = {row.format for row in rows if any(found.name == "twin" for found in row.findings)}
    assert told == {"onnx", "pt2"}

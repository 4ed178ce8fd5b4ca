"""What holds of a verdict whatever the numbers are."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.parity.models import Altered, reference_of, two_layers
from toolkit.inputs import Array
from toolkit.parity.reference import Reference
from toolkit.parity.referring import refer
from toolkit.parity.verdict import Verdict, judge
from toolkit.spec import Port

INPUT = Port("x", ("batch", 6))


class ThreeOutputs(nn.Module):
    """Values, values that eager itself is unsure of, and the place of the largest."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.layers = two_layers()
        self.scale = scale

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        values = self.layers(x) * self.scale
        unsure = (values + 100 * self.scale) - 100 * self.scale
        return {"values": values, "unsure": unsure, "place": values.argmax(dim=1)}


class PartlyUndefined(nn.Module):
    """Not a number wherever its input is negative."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sqrt(x) * 3


@functools.cache
def subject() -> Reference:
    return reference_of(ThreeOutputs(), INPUT)


Key = tuple[tuple[int, ...], bytes]


def key(inputs: Mapping[str, Array]) -> Key:
    return inputs["x"].shape, inputs["x"].tobytes()


@dataclass
class Wrong:
    """The module itself with errors of its own at every input, the same at every call.

    An error is up to `amplitude` times an output's own size; `share` of the values have one.
    """

    reference: Reference
    seed: int
    amplitudes: Mapping[str, float]
    share: float = 1.0
    factor: float = 1.0

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        own = Altered(self.reference.module, self.reference.spec).run(inputs)
        generator = np.random.default_rng([self.seed, *key(inputs)[1][:64]])
        return {name: self._moved(name, array, generator) for name, array in sorted(own.items())}

    def _moved(self, name: str, array: Array, generator: np.random.Generator) -> Array:
        chosen = generator.random(array.shape) < self.share
        errors = generator.normal(size=array.shape) * self.amplitudes.get(name, 0.0)
        if array.dtype == np.int64:
            return array + (chosen & (np.abs(errors) > 1))
        by = np.float32(1) + (errors * chosen * self.factor).astype(np.float32)
        return array * by


@dataclass
class Farther:
    """Another candidate with every value moved away from the reference's, on its own side."""

    inner: Wrong
    seed: int
    amplitude: float

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        outputs = self.inner.run(inputs)
        judged = oracle_of(self.inner.reference).get(key(inputs))
        if judged is None:
            return outputs
        generator = np.random.default_rng(self.seed)
        return {name: self._moved(a, judged[name], generator) for name, a in outputs.items()}

    def _moved(self, array: Array, oracle: Array, generator: np.random.Generator) -> Array:
        if array.dtype == np.int64:
            return array
        by = np.abs(generator.normal(size=array.shape) * self.amplitude * oracle)
        return array + np.where(array >= oracle, by, -by).astype(np.float32)


@functools.cache
def _oracle_of(number: int) -> dict[Key, Mapping[str, Array]]:
    assert number == id(subject())
    return {key(judged.inputs): judged.oracle for judged in subject().cases}


def oracle_of(reference: Reference) -> dict[Key, Mapping[str, Array]]:
    return _oracle_of(id(reference))


def errors(verdict: Verdict) -> set[str]:
    return {found.name for found in verdict.findings if found.severity == "error"}


def essence(verdict: Verdict) -> tuple[str, set[str], int]:
    return verdict.status, errors(verdict), verdict.cases


seeds = st.integers(0, 2**32 - 1)
exponents = st.floats(-9, 1)
amplitudes = st.fixed_dictionaries(
    {"values": exponents, "unsure": exponents, "place": st.floats(-4, 1)}
).map(lambda drawn: {name: 10.0**exponent for name, exponent in drawn.items()})
shares = st.sampled_from([0.003, 0.1, 1.0])
candidates = st.builds(functools.partial(Wrong), st.builds(subject), seeds, amplitudes, shares)


@settings(max_examples=30)
@given(wrong=candidates, order=st.permutations(range(3)))
def test_a_verdict_does_not_depend_on_the_order_of_the_outputs(
    wrong: Wrong, order: Sequence[int]
) -> None:
    outputs = [wrong.reference.spec.outputs[place] for place in order]
    turned = replace(wrong.reference, spec=replace(wrong.reference.spec, outputs=tuple(outputs)))
    plain, other = judge(wrong.reference, wrong), judge(turned, wrong)
    assert essence(plain) == essence(other)
    assert plain.score == other.score


@settings(max_examples=30)
@given(wrong=candidates, mixing=st.randoms(use_true_random=False))
def test_a_verdict_does_not_depend_on_the_order_of_the_cases(wrong: Wrong, mixing: object) -> None:
    shuffled = list(wrong.reference.cases)
    mixing.shuffle(shuffled)  # type: ignore[attr-defined]
    assert essence(judge(wrong.reference, wrong)) == essence(
        judge(replace(wrong.reference, cases=shuffled), wrong)
    )


@settings(max_examples=5)
@given(seed=seeds, scale=exponents, mixing=st.randoms(use_true_random=False))
def test_a_verdict_does_not_depend_on_the_order_of_the_plan(
    seed: int, scale: float, mixing: object
) -> None:
    reference = subject()
    cases = [judged.case for judged in reference.cases]
    mixing.shuffle(cases)  # type: ignore[attr-defined]
    other = refer(reference.module, reference.spec, tuple(cases))
    amplitude = dict.fromkeys(("values", "unsure", "place"), 10.0**scale)
    plain = judge(reference, Wrong(reference, seed, amplitude))
    assert essence(plain) == essence(judge(other, Wrong(other, seed, amplitude)))


@settings(max_examples=30)
@given(wrong=candidates, seed=seeds, exponent=st.floats(-9, 1))
def test_more_error_never_turns_a_fail_into_a_pass(
    wrong: Wrong, seed: int, exponent: float
) -> None:
    before = judge(wrong.reference, wrong)
    after = judge(wrong.reference, Farther(wrong, seed, 10.0**exponent))
    assert before.status == "pass" or after.status == "fail"


@settings(max_examples=30)
@given(seed=seeds, amplitude=amplitudes, factor=st.floats(1, 1e4))
def test_the_same_error_made_larger_never_turns_a_fail_into_a_pass(
    seed: int, amplitude: dict[str, float], factor: float
) -> None:
    least = Wrong(subject(), seed, amplitude)
    most = replace(least, factor=factor)
    assert judge(subject(), least).status == "pass" or judge(subject(), most).status == "fail"


def with_values(
    place: int, name: str, values: Mapping[int, float]
) -> Callable[[Mapping[str, Array], dict[str, Array]], dict[str, Array]]:
    """A change of one case's output: those values at those places of the flat array."""
    wanted = key(subject().cases[place].inputs)

    def change(inputs: Mapping[str, Array], outputs: dict[str, Array]) -> dict[str, Array]:
        if key(inputs) == wanted:
            flat = outputs[name].reshape(-1)
            for index, value in values.items():
                flat[index % flat.size] = value
        return outputs

    return change


@settings(max_examples=50)
@given(
    data=st.data(),
    name=st.sampled_from(["values", "unsure"]),
    bad=st.sampled_from([np.nan, np.inf, -np.inf]),
    index=st.integers(0, 100),
)
def test_one_value_that_is_not_finite_in_the_candidate_alone_never_passes(
    data: st.DataObject, name: str, bad: float, index: int
) -> None:
    place = data.draw(st.integers(0, len(subject().cases) - 1))
    candidate = Altered(subject().module, subject().spec, with_values(place, name, {index: bad}))
    verdict = judge(subject(), candidate)
    assert verdict.status == "fail"
    assert errors(verdict) & {"non-finite", "baked-dimension"}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_fails_beside_those_that_are_not_in_eager(bad: float) -> None:
    reference = reference_of(PartlyUndefined(), INPUT)

    def at_the_first_finite(
        inputs: Mapping[str, Array], outputs: dict[str, Array]
    ) -> dict[str, Array]:
        flat = outputs["output_0"].reshape(-1)
        flat[np.flatnonzero(np.isfinite(flat))[:1]] = bad
        return outputs

    right = judge(reference, Altered(reference.module, reference.spec))
    assert right.status == "pass"
    wrong = judge(reference, Altered(reference.module, reference.spec, at_the_first_finite))
    assert wrong.status == "fail"
    assert "non-finite" in errors(wrong)


@settings(max_examples=60)
@given(data=st.data(), index=st.integers(0, 100), by=st.sampled_from([-(2**40), -3, 3, 2**40]))
def test_an_integer_beyond_any_that_eager_takes_never_passes(
    data: st.DataObject, index: int, by: int
) -> None:
    place = data.draw(st.integers(0, len(subject().cases) - 1))
    wanted = key(subject().cases[place].inputs)

    def change(inputs: Mapping[str, Array], outputs: dict[str, Array]) -> dict[str, Array]:
        if key(inputs) == wanted:
            flat = outputs["place"].reshape(-1)
            flat[index % flat.size] += by
        return outputs

    spread = subject().spread(subject().cases[place]).changes["place"].reshape(-1)
    assume(spread[index % spread.size] == 0)
    assert judge(subject(), Altered(subject().module, subject().spec, change)).status == "fail"


@settings(max_examples=10)
@given(power=st.integers(-20, 20), seed=seeds, exponent=st.floats(-8, -3))
def test_a_power_of_two_on_everything_changes_nothing(
    power: int, seed: int, exponent: float
) -> None:
    amplitude = dict.fromkeys(("values", "unsure"), 10.0**exponent)
    scaled = reference_of(ThreeOutputs(2.0**power), INPUT)
    plain, other = (judge(one, Wrong(one, seed, amplitude)) for one in (subject(), scaled))
    assert essence(plain) == essence(other)
    assert plain.score == other.score


class OfSeed(nn.Module):
    """A small network; which, the seed decides."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        width = 1 + seed % 5
        self.first = nn.Parameter(torch.randn(6, width, generator=generator))
        self.second = nn.Parameter(
            torch.randn(width, 2, generator=generator) * 10 ** (seed % 7 - 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x @ self.first) @ self.second


@settings(max_examples=20)
@given(seed=seeds)
def test_what_computes_as_eager_does_scores_at_most_one(seed: int) -> None:
    reference = reference_of(OfSeed(seed), INPUT)
    verdict = judge(reference, Altered(reference.module, reference.spec))
    assert verdict.status == "pass"
    assert verdict.score is not None
    assert 0 <= verdict.score <= 1


@settings(max_examples=20)
@given(
    name=st.sampled_from(["values", "unsure", "place"]),
    fault=st.sampled_from(["missing", "renamed", "wider", "lost axis", "longer", "empty"]),
    place=st.integers(0, 100),
)
def test_an_output_of_another_structure_in_any_one_case_never_passes(
    name: str, fault: str, place: int
) -> None:
    wanted = key(subject().cases[place % len(subject().cases)].inputs)
    faults: dict[str, Callable[[Array], Array]] = {
        "renamed": lambda array: array,
        "wider": lambda array: array.astype(np.float64),
        "lost axis": lambda array: array[0],
        "longer": lambda array: np.concatenate([array, array]),
        "empty": lambda array: array[:0],
    }

    def change(inputs: Mapping[str, Array], outputs: dict[str, Array]) -> dict[str, Array]:
        if key(inputs) != wanted:
            return outputs
        array = outputs.pop(name)
        if fault == "missing":
            return outputs
        return outputs | {"another" if fault == "renamed" else name: faults[fault](array)}

    verdict = judge(subject(), Altered(subject().module, subject().spec, change))
    assert verdict.status == "fail"
    assert errors(verdict) & {"structure", "baked-dimension"}

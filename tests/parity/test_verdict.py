from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from tests.parity.models import Altered, Refusing, reference_of, two_layers
from toolkit.inputs import Array
from toolkit.parity.verdict import Verdict, judge
from toolkit.spec import Port


def errors(verdict: Verdict) -> list[str]:
    return [found.name for found in verdict.findings if found.severity == "error"]


def notes(verdict: Verdict) -> list[str]:
    return [found.name for found in verdict.findings if found.severity == "note"]


def judged(change: object) -> Verdict:
    module = two_layers()
    reference = reference_of(module)
    return judge(reference, Altered(module, reference.spec, change))  # type: ignore[arg-type]


def test_the_module_itself_passes_with_a_score_of_at_most_one() -> None:
    verdict = judged(lambda inputs, outputs: outputs)
    assert verdict.status == "pass"
    assert verdict.noise_source == "float64"
    assert verdict.cases >= 24
    assert verdict.score is not None
    assert verdict.score <= 1.0
    assert verdict.findings == ()


def test_one_layer_rounded_to_bfloat16_is_a_value_finding() -> None:
    module = two_layers()
    reference = reference_of(module)
    rounded = two_layers()
    with torch.no_grad():
        weight = rounded[2].weight  # type: ignore[index]
        weight.copy_(weight.bfloat16().float())
    verdict = judge(reference, Altered(rounded, reference.spec))
    assert verdict.status == "fail"
    assert errors(verdict) == ["value"]
    assert verdict.score is not None
    assert verdict.score > 30


def test_a_nan_for_an_all_zero_input_alone_is_found() -> None:
    def nan_at_zero(inputs: Mapping[str, Array], outputs: dict[str, Array]) -> dict[str, Array]:
        if not inputs["input"].any():
            return {name: np.full_like(output, np.nan) for name, output in outputs.items()}
        return outputs

    assert errors(judged(nan_at_zero)) == ["non-finite"]


def test_an_output_of_another_name_is_a_structure_finding() -> None:
    verdict = judged(lambda inputs, outputs: {"other": outputs["output_0"]})
    assert set(errors(verdict)) == {"structure"}
    assert verdict.score is None


def test_an_output_that_is_left_out_fails() -> None:
    assert "structure" in errors(judged(lambda inputs, outputs: {}))


def test_an_output_of_another_dtype_is_a_structure_finding() -> None:
    verdict = judged(lambda inputs, outputs: {"output_0": outputs["output_0"].astype(np.float64)})
    assert set(errors(verdict)) == {"structure"}


def test_a_lost_axis_is_a_structure_finding() -> None:
    verdict = judged(lambda inputs, outputs: {"output_0": outputs["output_0"][..., 0]})
    assert "structure" in errors(verdict)


def test_a_form_that_refuses_every_size_but_the_traced_one_has_it_baked_in() -> None:
    module = two_layers()
    reference = reference_of(module)
    verdict = judge(reference, Refusing(Altered(module, reference.spec), 2))
    assert errors(verdict) == ["baked-dimension"]
    assert "dimension batch" in verdict.findings[0].message
    assert "traced at 2" in verdict.findings[0].message
    assert "1, 3, 5" in verdict.findings[0].message


def test_a_form_that_computes_wrongly_at_other_sizes_has_them_baked_in() -> None:
    def frozen_mean(inputs: Mapping[str, Array], outputs: dict[str, Array]) -> dict[str, Array]:
        return {"output_0": outputs["output_0"] * np.float32(inputs["input"].shape[0] / 2)}

    assert errors(judged(frozen_mean)) == ["baked-dimension"]


def test_a_fault_at_every_size_is_no_baked_dimension() -> None:
    verdict = judged(lambda inputs, outputs: {"output_0": outputs["output_0"] * np.float32(1.01)})
    assert errors(verdict) == ["value"]


def test_a_form_that_refuses_everything_fails() -> None:
    module = two_layers()
    reference = reference_of(module)
    verdict = judge(reference, Refusing(Altered(module, reference.spec), 99))
    assert verdict.status == "fail"
    assert errors(verdict) == ["structure"]


def test_a_form_that_gives_something_else_every_time_is_nondeterministic() -> None:
    generator = np.random.default_rng(0)

    def noisy(inputs: Mapping[str, Array], outputs: dict[str, Array]) -> dict[str, Array]:
        noise = generator.normal(size=outputs["output_0"].shape).astype(np.float32)
        return {"output_0": outputs["output_0"] + noise}

    assert errors(judged(noisy)) == ["nondeterministic", "value"]


class Cancelling(nn.Module):
    """Loses nearly all digits: eager itself moves when its input is off by one rounding."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x + 1e4) - 1e4


class Reordered(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + (1e4 - 1e4)


def test_what_eager_is_unsure_of_itself_is_noise() -> None:
    reference = reference_of(Cancelling(), Port("x", ("batch", 4)))
    verdict = judge(reference, Altered(Reordered(), reference.spec))
    assert verdict.status == "pass"


class Argmax(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.argmax(dim=1)


def test_integers_must_be_those_of_eager() -> None:
    reference = reference_of(Argmax(), Port("x", ("batch", 4)))
    assert judge(reference, Altered(Argmax(), reference.spec)).status == "pass"
    wrong = Altered(Argmax(), reference.spec, lambda i, o: {"output_0": (o["output_0"] + 1) % 4})
    assert errors(judge(reference, wrong)) == ["value"]


class LastArgmax(nn.Module):
    """The last of equal values where eager takes the first: right for all but ties."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.shape[1] - 1 - x.flip(1).argmax(dim=1)


def test_a_tie_of_argmax_may_fall_either_way() -> None:
    reference = reference_of(Argmax(), Port("x", ("batch", 4), low=1.0, high=2.0))
    verdict = judge(reference, Altered(LastArgmax(), reference.spec))
    assert verdict.status == "pass"
    assert notes(verdict) == ["ill-conditioned"]


def test_the_verdict_does_not_depend_on_the_order_of_outputs() -> None:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"a": x * 2, "b": x + 1}

    reference = reference_of(Two(), Port("x", ("batch", 3)))
    turned = Altered(Two(), reference.spec, lambda i, o: dict(reversed(o.items())))
    plain = Altered(Two(), reference.spec)
    assert judge(reference, turned).status == judge(reference, plain).status == "pass"
    swapped = Altered(Two(), reference.spec, lambda i, o: {"a": o["b"], "b": o["a"]})
    assert errors(judge(reference, swapped)) == ["value"]


class MoreForMany(nn.Module):
    """Gives a second output for more than two samples."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        y = x * 2
        return (y, y * 3) if x.shape[0] > 2 else (y,)


class AlwaysOne(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (x * 2,)


def test_an_output_that_eager_has_at_some_sizes_alone_is_not_lost() -> None:
    reference = reference_of(MoreForMany(), Port("x", ("batch", 4)))
    assert judge(reference, Altered(MoreForMany(), reference.spec)).status == "pass"
    verdict = judge(reference, Altered(AlwaysOne(), reference.spec))
    assert errors(verdict) == ["baked-dimension"]
    assert "output" in verdict.findings[0].message


class FewerForMany(nn.Module):
    """One output a sample: how many there are is a matter of the size."""

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [x[index] * 2 for index in range(x.shape[0])]


class TwoAlways(nn.Module):
    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [x[0] * 2, x[-1] * 2]


def test_outputs_that_are_fewer_at_some_sizes_are_judged_all_the_same() -> None:
    reference = reference_of(FewerForMany(), Port("x", ("batch", 4)))
    assert judge(reference, Altered(TwoAlways(), reference.spec)).status == "fail"


class CrossEntropyOfProbabilities(nn.Module):
    """Refuses what lies outside its domain by as little as one rounding."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        narrow = x.float()
        return nn.functional.binary_cross_entropy(narrow, narrow * 0 + 1, reduction="none")


def test_the_second_look_stays_inside_the_range_of_the_port() -> None:
    reference = reference_of(
        CrossEntropyOfProbabilities(), Port("x", ("batch", 4), low=0.0, high=1.0)
    )
    assert reference.noise_source == "perturbation"
    candidate = Altered(CrossEntropyOfProbabilities(), reference.spec)
    assert judge(reference, candidate).status == "pass"

"""The sizes that are timed: as usual, as asked for, and refused before anything is measured."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import toolkit
from toolkit import results
from toolkit.errors import UsageError
from toolkit.events import Progress
from toolkit.options import BenchOptions
from toolkit.registry import catalogue
from toolkit.spec import Dimension, ModelSpec, Port

INPUTS = {"x": "batch,time,4"}
DIMS = {"time": "1..512:1"}


class Sums(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x).sum(1)


class Flat(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x)


FLAT = ModelSpec("flat", Flat, (Port("x", ("batch", 4)),))


def rows(
    *models: nn.Module | ModelSpec, said: bool = True, **options: object
) -> list[results.Variant]:
    asked = BenchOptions(("eager",), preset="quick", **options)  # type: ignore[arg-type]
    about = {"inputs": INPUTS, "dims": DIMS} if said else {}
    (comparison,) = toolkit.bench(list(models), options=asked, **about)  # type: ignore[arg-type]
    return comparison.variants


def spec(usual: int | None = None) -> ModelSpec:
    time = Dimension("time", 1, 512, usual=usual)
    return ModelSpec("sums", Sums, (Port("x", ("batch", "time", 4)),), dimensions=(time,))


def test_a_row_tells_the_sizes_that_nobody_asked_for() -> None:
    (row,) = rows(Sums(), batches=(2,))
    assert (row.batch, row.sizes) == (2, {"time": 5})


def test_a_size_that_is_asked_for_is_what_is_timed() -> None:
    (row,) = rows(Sums(), sizes={"time": 128})
    assert row.sizes == {"time": 128}
    assert row.work is not None
    assert row.work.bytes >= 128 * 4 * 4


def test_a_model_is_timed_at_the_size_that_it_is_usually_run_at() -> None:
    assert rows(spec(usual=96), said=False)[0].sizes == {"time": 96}
    assert rows(spec(usual=96), said=False, sizes={"time": 7})[0].sizes == {"time": 7}


def test_a_model_without_the_dimension_is_timed_beside_one_that_has_it() -> None:
    found = rows(spec(), FLAT, said=False, sizes={"time": 9})
    assert [row.sizes for row in found] == [{"time": 9}, {}]


def test_a_model_that_cannot_take_the_batch_is_a_row_beside_one_that_can() -> None:
    fixed = ModelSpec("fixed", Flat, (Port("x", (3, 4)),))
    first, second = rows(FLAT, fixed, said=False, batches=(8,))
    assert first.calls > 0
    assert (second.verdict, second.sizes, second.ended) == ("not timed", None, "error")
    assert second.note is not None
    assert "no dimension called batch" in second.note


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({"tim": 5}, "no model has a dynamic dimension called tim"),
        ({"time": 513}, "time is 1 to 512"),
        ({"batch": 5}, "--batch"),
    ],
)
def test_a_size_that_cannot_be_is_refused_before_anything_is_measured(
    sizes: dict[str, int], says: str
) -> None:
    told: list[Progress] = []
    asked = BenchOptions(("eager",), preset="quick", sizes=sizes)
    with pytest.raises(UsageError, match=says):
        toolkit.bench(spec(), options=asked, observe=told.append)
    assert not [one for one in told if one.stage in ("check", "bench")]


def test_networks_of_the_catalogue_for_images_of_any_size_are_timed_at_the_documents() -> None:
    dimensions = catalogue()["resnet18"].dimensions
    assert {one.name: one.timed for one in dimensions if one.name != "batch"} == {
        "height": 224,
        "width": 224,
    }
    assert all(224 not in one.tested for one in dimensions)  # the plan of a check stays as it is

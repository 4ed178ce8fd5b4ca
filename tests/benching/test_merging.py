"""Sets of rounds made into one table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.timing.recorded import a_set, around
from toolkit import results
from toolkit.baselines import Case, Remeasure
from toolkit.benching.merging import Gathered, merged
from toolkit.benching.values import Described, Row, SetOfRounds
from toolkit.options import BenchOptions, Cell

CELL = Cell()


def a_row(variant: str, note: str | None = None, *, alone: bool = False) -> Row:
    return Row("net", variant, None, "eager", "float32", 1, 1, "trained", note=note, alone=alone)


def set_of(seed: int, *rows: Row) -> SetOfRounds:
    timed = [row.variant for row in rows if row.note is None and not row.alone]
    samples = {name: around(100.0, seed + place) for place, name in enumerate(timed)}
    measured = a_set(samples, around(100.0, seed + 50))
    ceiling = results.Ceiling(device="cpu", flops_per_s=1e11, bytes_per_s=1e10)
    return SetOfRounds(measured, {row.variant: row for row in rows}, ceiling)


def table(*sets: SetOfRounds, **more: object) -> results.Comparison:
    return merged(Gathered(BenchOptions(), CELL, list(sets), **more))  # type: ignore[arg-type]


def test_the_rounds_of_all_sets_stand_in_one_table() -> None:
    comparison = table(*(set_of(seed, a_row("eager"), a_row("onnx")) for seed in (0, 10, 20)))
    assert (comparison.sets, comparison.set_rounds) == (3, [12, 12, 12])
    assert not comparison.within_one_process
    assert all(len(one.samples_ns) == 36 for one in comparison.variants)


def test_what_one_set_could_not_time_is_not_timed() -> None:
    whole = set_of(0, a_row("eager"), a_row("onnx"))
    without = set_of(10, a_row("eager"), a_row("onnx", "crash: it ended"))
    for sets in ((whole, without), (without, whole)):
        eager, onnx = table(*sets).variants
        assert eager.calls > 0
        assert (onnx.verdict, onnx.note) == ("not timed", "crash: it ended")


def test_what_has_processes_of_its_own_is_compared_by_minima() -> None:
    both = (a_row("eager"), a_row("onnx-spin", alone=True))
    own = SetOfRounds(a_set({"onnx-spin": around(50.0, 7)}), {"onnx-spin": both[1]})
    comparison = table(set_of(0, *both), alone={"onnx-spin": [own]})
    _, spinning = comparison.variants
    assert spinning.alone
    assert spinning.minima_ratio is not None
    assert 1.9 < spinning.minima_ratio < 2.1


def test_what_a_runner_says_stands_in_its_row_and_of_one_alone_in_its_own_set() -> None:
    onnx = replace(a_row("onnx"), placed=0.75, remark="graph breaks: 2")
    both = (a_row("eager"), onnx, a_row("onnx-spin", alone=True))
    own = SetOfRounds(
        a_set({"onnx-spin": around(50.0, 7)}),
        {"onnx-spin": replace(both[2], placed=0.5, remark="it spins")},
    )
    eager, one, spinning = table(set_of(0, *both), alone={"onnx-spin": [own]}).variants
    assert (eager.placed, eager.note) == (None, None)
    assert (one.placed, one.note) == (0.75, "graph breaks: 2")
    assert spinning.placed == 0.5
    assert "it spins" in str(spinning.note)


def test_what_died_in_a_process_of_its_own_says_so() -> None:
    both = (a_row("eager"), a_row("onnx-spin", alone=True))
    own = SetOfRounds(a_set({"onnx-spin": around(50.0, 7)}), {"onnx-spin": both[1]})
    dead = {"onnx-spin": "crash: it ended"}
    comparison = table(set_of(0, *both), alone={"onnx-spin": [own]}, dead=dead)
    _, spinning = comparison.variants
    assert (spinning.verdict, spinning.note) == ("not timed", "crash: it ended")


def test_a_saved_runs_file_has_times_of_its_own() -> None:
    case = Case("net", "onnx", "cpu", 1, 1, "float32")
    again = Remeasure(case, "onnx", Path("model.onnx"), "ab" * 32, "main")
    one = set_of(0, a_row("eager"), a_row("onnx"))
    extras = {again.name: around(50.0, 9)}
    measured = replace(one.measured, extras_ns=extras)
    comparison = table(replace(one, measured=measured), again=[again])
    (saved,) = comparison.remeasured
    assert saved.p50_us is not None
    assert 49 < saved.p50_us < 51
    assert (saved.sha256, saved.calls) == (again.sha256, 60)


def test_a_row_says_why_it_was_not_started_cold() -> None:
    described = Described(notes={"eager": "the model is a file"})
    (eager,) = table(set_of(0, a_row("eager")), described=described).variants
    assert eager.note == "no cold start: the model is a file"
    assert eager.calls > 0


def test_the_roof_is_that_of_the_models_own_work() -> None:
    work = {"eager": results.Work(flops=10**6, bytes=10**4)}
    comparison = table(set_of(0, a_row("eager")), described=Described(work))
    (eager,) = comparison.variants
    assert eager.roof_percent is not None
    assert 9.5 < eager.roof_percent < 10.5  # 10 us of 100 us
    assert eager.bound == "overhead"


@pytest.mark.parametrize(
    ("ceiling_dtype", "row", "is_known"),
    [
        ("float32", {}, True),
        ("float32", {"dtype": "int64"}, True),  # a float32 product stands for it
        ("float32", {"dtype": "float16"}, False),
        ("float32", {"threads": 2}, False),
        (None, {"dtype": "float16"}, True),  # an earlier results file does not say
    ],
)
def test_a_roof_of_another_dtype_or_thread_count_is_none(
    ceiling_dtype: str | None, row: dict[str, Any], is_known: bool
) -> None:
    one = set_of(0, replace(a_row("eager"), **row))
    assert one.ceiling
    ceiling = one.ceiling.model_copy(update={"dtype": ceiling_dtype})
    work = {"eager": results.Work(flops=10**6, bytes=10**4)}
    comparison = table(replace(one, ceiling=ceiling), described=Described(work))
    assert (comparison.variants[0].roof_percent is not None) is is_known


def test_cold_starts_stand_with_their_medians() -> None:
    starts = tuple(
        results.Cold(load_s=load_s, import_s=3 * load_s, first_call_us=5.0, peak_rss_bytes=peak)
        for load_s, peak in ((0.1, 300), (0.2, 100), (0.9, 200))
    )
    described = Described(cold={"eager": starts})
    (eager,) = table(set_of(0, a_row("eager")), described=described).variants
    assert (eager.load_s, eager.peak_rss_bytes, len(eager.cold)) == (0.2, 300, 3)
    assert eager.import_s == pytest.approx(0.6)

from __future__ import annotations

from typing import Any

import pytest

from tests.baselines.recorded import run, table, untimed
from toolkit import baselines
from toolkit.results import Document

THEN = run(table())


def told(now: Document, then: Document = THEN) -> list[str]:
    return [str(one) for one in baselines.differences(then, now)]


def test_two_runs_under_the_same_conditions_do_not_differ() -> None:
    assert told(run(table(seed=5, slowness=3.0))) == []


@pytest.mark.parametrize(
    ("machine", "what"),
    [
        ({"cpu": "M1"}, "processor: Intel(R) Xeon(R) Processor @ 2.80GHz then, M1 now"),
        ({"cores": 4}, "cores: 2 then, 4 now"),
        ({"platform": "Windows"}, "system: Linux-6.8.0-x86_64 then, Windows now"),
        ({"python": "3.12.1"}, "python: 3.11.9 then, 3.12.1 now"),
        ({"torch": "2.15.0"}, "torch: 2.13.0 then, 2.15.0 now"),
        ({"onnxruntime": None}, "onnxruntime: 1.31.0 then, not told now"),
    ],
)
def test_another_machine_or_version_is_named_with_both_values(
    machine: dict[str, Any], what: str
) -> None:
    now = run(table(), machine=machine)
    assert told(now) == [what]
    early = baselines.environment_differences(THEN, now.environment, now.toolkit)
    assert [str(one) for one in early] == [what]


def test_another_toolkit_is_a_difference() -> None:
    assert told(run(table(), toolkit="0.2.0")) == ["toolkit: 0.1.0 then, 0.2.0 now"]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"threads": 2}, "threads: 1 then, 2 now"),
        ({"batch": 8}, "batch: 1 then, 8 now"),
        ({"batch": None}, "batch: 1 then, not told now"),
        ({"device": "cuda"}, "device: cpu then, cuda now"),
        ({"dtype": "float16"}, "dtype: float32 then, float16 now"),
    ],
)
def test_cases_that_have_nothing_in_common_are_another_run(row: dict[str, Any], what: str) -> None:
    assert told(run(table(every_row=row))) == [what]


def test_a_part_of_a_sweep_is_no_other_condition() -> None:
    sweep = run(table(), table(every_row={"batch": 8}))
    assert told(THEN, sweep) == told(sweep, THEN) == []


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ({"preset": "quick"}, "protocol: usual then, quick now"),
        ({"settings": {"TF32": "on"}}, "TF32: not told then, on now"),
        (
            {"rows": {"onnx": {"settings": {"channels_last": "yes"}}}},
            "lenet5 onnx: channels_last: not told then, yes now",
        ),
        ({"rows": {"onnx": {"alone": True}}}, "lenet5 onnx: alone: no then, yes now"),
        (
            {"rows": {"eager": {"weights": "random"}}},
            "lenet5 eager: weights: trained then, random now",
        ),
        (
            {"rows": {"onnx": {"runtime": "openvino"}}},
            "lenet5 onnx: runtime: onnxruntime then, openvino now",
        ),
    ],
)
def test_another_protocol_or_setting_is_a_difference(keys: dict[str, Any], what: str) -> None:
    assert told(run(table(**keys))) == [what]


SAID: dict[str, Any] = {
    "inputs": ["x=batch,3,64,64"],
    "dims": [],
    "arguments": ["width=4"],
    "with_preprocess": False,
    "bench": {"opset": 20},
}


def saying(**said: Any) -> Document:
    return run(table()).model_copy(update={"asked": {**SAID, **said}})


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (
            {"inputs": ["x=batch,3,32,32"]},
            "--input: x=batch,3,64,64 then, x=batch,3,32,32 now",
        ),
        ({"dims": ["batch=1..64"]}, "--dim: not told then, batch=1..64 now"),
        ({"arguments": []}, "--arg: width=4 then, not told now"),
        ({"with_preprocess": True}, "--with-preprocess: no then, yes now"),
        ({"bench": {"opset": 18}}, "--opset: 20 then, 18 now"),
    ],
)
def test_what_was_said_of_a_model_is_a_condition(said: dict[str, Any], what: str) -> None:
    assert told(saying(**said), saying()) == [what]
    asked = baselines.Asked(said={**SAID, **said}, models=["lenet5"])
    assert [str(one) for one in baselines.asked_differences(saying(), asked)] == [what]


def test_what_is_said_of_another_model_is_no_condition() -> None:
    asked = baselines.Asked(said={**SAID, "inputs": ["y=3"]}, models=["net.py:Other"])
    assert baselines.asked_differences(saying(), asked) == []


def test_what_an_entry_of_the_settings_says_is_a_condition_of_its_model() -> None:
    then, now = (
        run(table()).model_copy(
            update={"asked": {"models": {"lenet5": {**SAID, "inputs": [x]}, other: {"inputs": []}}}}
        )
        for x, other in (("x=batch,8", "first"), ("x=batch,9", "second"))
    )
    assert told(now, then) == ["lenet5: --input: x=batch,8 then, x=batch,9 now"]


def test_a_run_that_does_not_tell_what_was_said_differs_in_nothing_by_it() -> None:
    assert told(saying()) == told(THEN, saying()) == []


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"time": 128}, ["lenet5 eager: sizes: time 5 then, time 128 now"]),
        ({"time": 5}, []),
        (None, []),
    ],
)
def test_another_size_is_a_difference_where_both_runs_tell_it(
    sizes: dict[str, int] | None, expected: list[str]
) -> None:
    then = run(table(every_row={"sizes": {"time": 5}}))
    now = run(table(every_row={"sizes": {"time": 5}}, rows={"eager": {"sizes": sizes}}))
    assert told(now, then) == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (baselines.Asked(batches=[8]), ["batch: 1 then, 8 now"]),
        (baselines.Asked(batches=[8, 1], devices=["cpu", "cuda"]), []),
        (baselines.Asked(devices=["cuda"]), ["device: cpu then, cuda now"]),
        (baselines.Asked(sizes={"time": 9}), ["size of time: 5 then, 9 now"]),
        (baselines.Asked(sizes={"time": 5, "height": 9}), []),
    ],
)
def test_what_is_asked_for_and_was_never_timed_is_known_beforehand(
    asked: baselines.Asked, expected: list[str]
) -> None:
    then = run(table(every_row={"sizes": {"time": 5}}))
    assert [str(one) for one in baselines.asked_differences(then, asked)] == expected


def test_a_model_without_a_batch_is_no_other_batch() -> None:
    then = run(table(every_row={"batch": None}))
    assert baselines.asked_differences(then, baselines.Asked(batches=[1])) == []


def test_what_was_not_timed_has_no_conditions() -> None:
    now = run(table(rows={"onnx": untimed("it crashed", settings={"threads": "2"})}))
    assert told(now) == []


@pytest.mark.parametrize(("device", "differ"), [("cpu", False), ("cuda:0", True)])
def test_another_gpu_matters_where_something_was_timed_on_it(device: str, differ: bool) -> None:
    cards = [{"devices": ["cpu", f"cuda:0 ({name})"]} for name in ("A100", "H100")]
    then, now = (run(table(every_row={"device": device}), machine=card) for card in cards)
    expected = ["devices: cuda:0 (A100) then, cuda:0 (H100) now"] if differ else []
    assert told(now, then) == expected


@pytest.mark.parametrize(("runtime", "differ"), [("onnxruntime", False), ("openvino", True)])
def test_another_openvino_matters_where_it_ran_something(runtime: str, differ: bool) -> None:
    then, now = (
        run(table(every_row={"runtime": runtime}), machine={"openvino": version})
        for version in ("2026.4.0", "2026.4.1")
    )
    expected = ["openvino: 2026.4.0 then, 2026.4.1 now"] if differ else []
    assert told(now, then) == expected


def test_a_difference_that_many_cases_share_is_told_once() -> None:
    then, now = (
        run(*(table(every_row={"batch": batch}, preset=preset) for batch in (1, 8)))
        for preset in ("usual", "rigorous")
    )
    assert told(now, then) == ["protocol: usual then, rigorous now"]


def test_unlike_runs_are_refused_with_the_first_difference_and_the_number_of_others() -> None:
    now = run(table(preset="quick"), machine={"cores": 4, "torch": "2.15.0"})
    found = baselines.differences(THEN, now)
    with pytest.raises(baselines.UnlikeError) as caught:
        baselines.require_alike(found, "main")
    assert caught.value.exit_code == 3
    assert str(caught.value) == (
        "the baseline main is of other conditions: cores: 2 then, 4 now, and 2 more"
    )
    assert "--anyway" in str(caught.value.hint)
    baselines.require_alike(found, "main", anyway=True)
    baselines.require_alike([], "main")


def test_what_was_passed_over_stays_with_the_verdicts() -> None:
    now = run(table(preset="quick"))
    assert baselines.judged(THEN, now, "main").differences == baselines.differences(THEN, now)

"""What goes wrong with a cold start is a value, and costs no other variant its figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.cold.starting import LEAVES, LENET, ONCE, of_user, start
from toolkit import cold
from toolkit.capacity import LIMIT_VARIABLE
from toolkit.errors import UsageError
from toolkit.inputs import example
from toolkit.stages.subject import Subject
from toolkit.words import ModelWords


def test_a_start_that_computes_something_else_has_no_figures(onnx_start: cold.ColdStart) -> None:
    other = {name: np.add(array, 1.0) for name, array in onnx_start.expected.items()}
    (one,) = cold.measure([replace(onnx_start, expected=other)], ONCE).values()
    assert one.cold == ()
    assert one.failure is not None
    assert "gives another" in one.failure.message


def test_what_is_no_number_is_not_taken_for_any_other_value(onnx_start: cold.ColdStart) -> None:
    nothing = {name: np.full_like(array, np.nan) for name, array in onnx_start.expected.items()}
    (one,) = cold.measure([replace(onnx_start, expected=nothing)], ONCE).values()
    assert one.failure is not None
    assert "gives another" in one.failure.message


def test_a_file_that_cannot_be_loaded_costs_no_other_variant_its_figures(
    onnx_start: cold.ColdStart, lenet: Subject, tmp_path: Path
) -> None:
    broken = tmp_path / "model.onnx"
    broken.write_bytes(b"no model")
    torn = start(lenet, "onnx-none", path=broken)
    found = cold.measure([torn, onnx_start], times=2)
    failure = found["onnx-none"].failure
    assert failure is not None
    assert failure.kind == "error"
    assert str(tmp_path) not in failure.message
    assert len(found["onnx"].cold) == 2


def test_a_process_that_ends_itself_is_a_failure_with_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = of_user(LEAVES, "Leaves", tmp_path, "input=batch,2")
    monkeypatch.setenv("LEAVES", "1")
    failure = cold.measure([start(subject, "eager")])["eager"].failure
    assert failure is not None
    assert (failure.kind, failure.message) == ("crash", "the process ended with exit code 7")


def test_a_start_over_its_time_is_ended(onnx_start: cold.ColdStart) -> None:
    limits = cold.Limits(timeout_s=0.001)
    failure = cold.measure([onnx_start], limits=limits)["onnx"].failure
    assert failure is not None
    assert failure.kind == "timeout"


def test_a_start_has_less_time_than_the_process_that_waits_for_it() -> None:
    assert cold.Limits.told(60.0).timeout_s < 60.0
    assert cold.Limits.told(10_000.0).timeout_s == cold.Limits.told().timeout_s


def test_a_start_over_its_memory_is_ended(trace_start: cold.ColdStart) -> None:
    limits = cold.Limits(memory_bytes=1)
    failure = cold.measure([trace_start], limits=limits)["trace"].failure
    assert failure is not None
    assert failure.kind == "out-of-memory"


def test_a_start_may_take_no_more_memory_than_the_process_that_starts_it(
    trace_start: cold.ColdStart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, "1")
    failure = cold.measure([trace_start])["trace"].failure
    assert failure is not None
    assert failure.kind == "out-of-memory"


def test_a_program_that_nobody_vouches_for_is_not_started(
    trace_start: cold.ColdStart, lenet: Subject, tmp_path: Path
) -> None:
    assert trace_start.path is not None
    altered = tmp_path / "model.trace.pt"
    altered.write_bytes(trace_start.path.read_bytes() + b"more")
    failure = cold.measure([start(lenet, "trace", path=altered)])["trace"].failure
    assert failure is not None
    assert failure.kind == "refused"


@pytest.mark.parametrize(
    ("variant", "words", "reason"),
    [
        ("aeroplane", LENET, "aeroplane is not started in a process of its own"),
        ("trace", LENET, "no exported file"),
        ("eager", None, "a module at hand"),
        ("compile", ModelWords("Net"), "a module at hand"),
        ("eager", ModelWords("net.pt2"), "the model is a file"),
    ],
)
def test_a_variant_that_cannot_be_started_says_why(
    lenet: Subject, variant: str, words: ModelWords | None, reason: str
) -> None:
    one = cold.ColdStart("any", variant, lenet.built, words, example(lenet.built.spec))
    failure = cold.measure([one])["any"].failure
    assert failure is not None
    assert failure.kind == "not started"
    assert reason in failure.message


def test_two_variants_of_one_name_and_no_starts_at_all_are_refused(lenet: Subject) -> None:
    one = start(lenet, "onnx")
    with pytest.raises(UsageError, match="one name"):
        cold.measure([one, one])
    with pytest.raises(UsageError, match="0 times"):
        cold.measure([one], times=0)

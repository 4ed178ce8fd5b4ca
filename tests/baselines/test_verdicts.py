"""Every row of the truth table, and that nothing vanishes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.baselines.recorded import COMMIT, USUAL, changed, run, table, untimed
from tests.report.examples import check
from toolkit.baselines import gate_error, judged
from toolkit.baselines.changes import Change
from toolkit.baselines.verdicts import said
from toolkit.results import Against, BaselineVerdict, Comparison, Document, Drift
from toolkit.timing.statistics import Interval

LIMIT = 0.05
BASELINE = run(table(seed=1))


def against(now: Document, then: Document = BASELINE, limit: float | None = LIMIT) -> Against:
    return judged(then, now, "main", limit)


def of(found: Against, name: str) -> BaselineVerdict:
    (one,) = [verdict for verdict in found.verdicts if verdict.variant == name]
    return one


def times(**factors: float) -> dict[str, float]:
    return {name: time * factors.get(name, 1.0) for name, time in USUAL.items()}


def anew(seed: int = 2, **keys: Any) -> Document:
    """A run whose forms are other files, on a machine that is 1.7 times slower today."""
    held = {"rows": changed("onnx", "trace"), "seed": seed, "slowness": 1.7}
    return run(table(**{**held, **keys}))


@pytest.mark.parametrize(
    ("low", "high", "band", "limit", "expected"),
    [
        (1.051, 1.2, 0.01, 0.05, "speed drift"),
        (1.05, 1.2, 0.01, 0.05, "cannot tell"),
        (1.03, 1.04, 0.03, 0.01, "cannot tell"),
        (1.031, 1.04, 0.03, 0.01, "speed drift"),
        (0.9, 0.98, 0.01, 0.05, "faster"),
        (0.9, 0.98, 0.03, 0.01, "cannot tell"),
        (0.9, 0.96, 0.03, 0.01, "faster"),
        (0.99, 1.051, 0.01, 0.05, "cannot tell"),
        (0.999, 1.001, 0.051, 0.05, "cannot tell"),
        (1.02, 1.05, 0.01, 0.05, "slower"),
        (1.01, 1.05, 0.01, 0.05, "as before"),
        (0.98, 1.02, 0.01, 0.05, "as before"),
    ],
)
def test_what_an_interval_says_about_speed(
    low: float, high: float, band: float, limit: float, expected: Drift
) -> None:
    change = Change(Interval((low * high) ** 0.5, low, high), band, "ratios")
    assert said(change, limit) == expected


def test_row_1_a_case_that_the_baseline_does_not_have_is_new() -> None:
    found = against(run(table({**USUAL, "script": 160.0}, seed=2)))
    assert of(found, "script").drift == "new"
    assert found.exit_code == 0


def test_row_1_a_case_that_was_not_timed_then_is_new() -> None:
    then = run(table(rows={"onnx": untimed("parity: fail")}))
    assert of(against(run(table(seed=2)), then), "onnx").drift == "new"


def test_row_2_a_case_that_vanished_is_missing_even_without_a_gate() -> None:
    now = run(table({name: USUAL[name] for name in ("eager", "onnx")}, seed=2))
    found = against(now, limit=None)
    assert (of(found, "trace").drift, found.exit_code) == ("missing", 1)


def test_row_2_a_case_that_was_not_timed_is_missing_with_the_reason() -> None:
    found = against(run(table(seed=2, rows={"trace": untimed("RuntimeError: out of range")})))
    assert of(found, "trace").message == "RuntimeError: out of range"
    assert (of(found, "trace").drift, found.exit_code) == ("missing", 1)


def test_row_2_a_form_whose_check_gave_no_verdict_is_missing() -> None:
    now = run(
        table(seed=2, rows={"trace": untimed("parity: timeout")}),
        checks=[check("onnx"), check("trace", None, status="timeout")],
    )
    assert of(against(now), "trace").message == "its check: timeout"


@pytest.mark.parametrize("row_is_there", [True, False])
def test_row_3_a_form_that_fails_its_check_now_is_parity_drift(row_is_there: bool) -> None:
    timed = {name: USUAL[name] for name in ("eager", "trace")}
    rows = {"onnx": untimed("parity: fail", parity_score=None)}
    now = run(
        table(USUAL, seed=2, rows=rows) if row_is_there else table(timed, seed=2),
        checks=[check("onnx", 1882.0, status="fail"), check("trace")],
    )
    found = against(now)
    assert (of(found, "onnx").drift, found.exit_code) == ("parity drift", 1)
    assert "1.17 then, 1.88e+03 now" in str(of(found, "onnx").message) or not row_is_there


def test_row_4_the_same_file_with_another_score_is_parity_drift() -> None:
    found = against(run(table(seed=2, rows={"onnx": {"parity_score": 2.5}})))
    assert (of(found, "onnx").drift, found.exit_code) == ("parity drift", 1)


@pytest.mark.parametrize(
    ("row", "cases"),
    [
        ({"parity_score": 2.3}, 36),
        ({"parity_score": 0.1}, 36),
        ({"parity_score": 9.0}, 20),
        ({"parity_score": 9.0, **changed("onnx")["onnx"]}, 36),
    ],
    ids=["within the factor", "closer than eager", "other cases ran", "another file"],
)
def test_row_4_another_score_is_no_drift(row: dict[str, Any], cases: int) -> None:
    checks = [check("onnx", cases=cases), check("trace")]
    found = against(run(table(seed=2, rows={"onnx": row}), checks=checks))
    assert of(found, "onnx").drift == "as before"


def test_row_5_the_same_file_is_as_before_however_noisy_the_machine() -> None:
    found = against(run(table(seed=2, noise=0.2, aa_band=0.3)), limit=None)
    assert (of(found, "onnx").drift, of(found, "onnx").how) == ("as before", "same file")


@pytest.mark.parametrize(("band", "noisy"), [(0.05, False), (0.051, True), (None, False)])
def test_row_5_a_gate_on_a_noisy_machine_cannot_tell_even_of_the_same_file(
    band: float | None, noisy: bool
) -> None:
    found = against(run(table(seed=2, aa_band=band)))
    message = "in this run identical code was seen 5.1 % apart"
    assert of(found, "onnx").drift == ("cannot tell" if noisy else "as before")
    assert of(found, "onnx").message == (message if noisy else None)
    assert found.exit_code == 3 or not noisy


@pytest.mark.parametrize("commit", ["fedcba9876543210", None, f"{COMMIT}+"])
def test_row_5_the_same_file_by_another_toolkit_is_measured(commit: str | None) -> None:
    now = run(table(times(onnx=1.3), seed=2), toolkit_commit=commit)
    found = against(now)
    assert (of(found, "onnx").drift, of(found, "onnx").how) == ("speed drift", "ratios")
    assert found.differences == []


def test_row_5_an_installed_toolkit_is_told_by_its_version() -> None:
    then, now = (run(table(seed=seed), toolkit_commit=None) for seed in (1, 2))
    assert of(against(now, then), "onnx").how == "same file"


def test_row_5_nobody_knows_which_toolkit_two_changed_checkouts_had() -> None:
    then, now = (run(table(seed=seed), toolkit_commit=f"{COMMIT}+") for seed in (1, 2))
    assert of(against(now, then), "onnx").how == "ratios"


def test_row_5_the_same_file_on_another_version_is_measured() -> None:
    now = run(table(times(onnx=1.3), seed=2), machine={"onnxruntime": "1.32.0"})
    found = against(now)
    assert (of(found, "onnx").drift, of(found, "onnx").how) == ("speed drift", "ratios")
    assert [one.what for one in found.differences] == ["onnxruntime"]


def test_row_6_what_the_others_are_held_against_has_no_verdict() -> None:
    found = against(anew())
    assert of(found, "eager").drift == "yardstick"
    assert of(found, "onnx").yardstick == "lenet5 eager"


def test_row_6_a_file_that_is_the_same_shows_what_became_of_eager() -> None:
    now = run(table(times(eager=1.2), seed=2, slowness=1.7, rows=changed("onnx")))
    found = against(now)
    assert (of(found, "eager").drift, of(found, "eager").yardstick) == (
        "speed drift",
        "lenet5 trace",
    )
    assert of(found, "onnx").drift == "as before"


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"aa_band": 0.06}, "in this run identical code was seen 6 % apart"),
        ({"aa_band": None}, "in this run there is no A/A row"),
        ({"sets": 1}, "in this run it was timed within one process"),
        ({"set_rounds": [3, 5]}, "in this run its rounds cannot be paired"),
        ({"every_row": {"samples_ns": []}}, "in this run its rounds cannot be paired"),
        ({"every_row": {"alone": True}}, "nothing was timed beside it in both runs"),
    ],
)
def test_row_7_what_cannot_be_measured_cannot_be_told(keys: dict[str, Any], reason: str) -> None:
    found = against(anew(**keys))
    assert (of(found, "onnx").drift, of(found, "onnx").message) == ("cannot tell", reason)
    assert found.exit_code == 3
    assert reason in str(gate_error(found))
    assert against(anew(**keys), limit=None).exit_code == 0


def test_row_7_a_baseline_that_was_noisy_then_cannot_be_gated_against() -> None:
    found = against(anew(), run(table(seed=1, aa_band=0.2)))
    assert of(found, "onnx").message == "in the baseline identical code was seen 20 % apart"


def test_row_7_fastest_rounds_that_contradict_the_medians_cannot_be_told() -> None:
    now = anew()
    held = now.all_comparisons[0]
    (onnx,) = [row for row in held.variants if row.variant == "onnx"]
    onnx.samples_ns[7] = onnx.samples_ns[7] * 3 // 4
    assert (
        of(against(now), "onnx").message == "in this run its fastest rounds contradict its medians"
    )


@pytest.mark.parametrize("artefact", [True, False])
def test_row_8_a_case_that_is_slower_than_the_limit_fails_the_gate(artefact: bool) -> None:
    again = {"onnx": USUAL["onnx"]} if artefact else None
    now = anew(times_us=times(onnx=1.1), again_us=again)
    found = against(now)
    verdict = of(found, "onnx")
    assert (verdict.drift, found.exit_code) == ("speed drift", 1)
    assert verdict.how == ("side by side" if artefact else "ratios")
    assert verdict.change is not None
    assert verdict.change.low < 1.1 < verdict.change.high
    assert against(now, limit=None).exit_code == 0


def test_row_9_a_case_that_is_faster_passes() -> None:
    found = against(anew(times_us=times(onnx=0.8)))
    assert (of(found, "onnx").drift, found.exit_code) == ("faster", 0)


def test_row_10_what_lies_about_the_limit_cannot_be_told() -> None:
    found = against(anew(times_us=times(onnx=1.05)))
    assert (of(found, "onnx").drift, found.exit_code) == ("cannot tell", 3)
    assert "and the limit is +5 %" in str(of(found, "onnx").message)


def test_row_10_a_limit_finer_than_identical_code_cannot_be_gated() -> None:
    found = against(anew(), limit=0.01)
    assert "identical code may lie 1.41 % apart" in str(of(found, "onnx").message)
    assert found.exit_code == 3


def test_row_11_a_case_that_is_slower_within_the_limit_passes_and_says_so() -> None:
    found = against(anew(times_us=times(onnx=1.06)), limit=0.1)
    assert (of(found, "onnx").drift, found.exit_code) == ("slower", 0)


def test_row_12_a_case_that_is_as_before_passes_whatever_the_machine_does() -> None:
    found = against(anew())
    assert [one.drift for one in found.verdicts] == ["yardstick", "as before", "as before"]
    assert found.exit_code == 0
    assert gate_error(found) is None


def test_an_artefact_at_hand_sees_what_slows_eager_and_the_form_alike() -> None:
    slower = times(eager=1.2, onnx=1.2)
    by_ratios = against(anew(times_us=slower))
    beside = against(anew(times_us=slower, again_us={"onnx": USUAL["onnx"]}))
    assert of(by_ratios, "onnx").drift == "as before"
    assert of(beside, "onnx").drift == "speed drift"
    assert (of(beside, "eager").drift, of(beside, "eager").yardstick) == (
        "speed drift",
        "lenet5 onnx",
    )


def test_a_gate_that_judged_nothing_cannot_answer() -> None:
    alone = {"eager": USUAL["eager"]}
    found = judged(run(table(alone)), run(table(alone, seed=2)), "main", LIMIT)
    assert found.exit_code == 3
    assert "nothing could be held against the baseline main" in str(gate_error(found))
    assert judged(run(table(alone)), run(table(alone)), "main").exit_code == 0


def test_a_failure_counts_more_than_what_cannot_be_told() -> None:
    now = run(table({"eager": 232.0, "onnx": 22.0}, rows=changed("onnx"), aa_band=0.2))
    found = against(now)
    assert {one.drift for one in found.verdicts} == {"yardstick", "cannot tell", "missing"}
    assert (found.exit_code, gate_error(found)) == (1, None)


SWEPT = run(
    *(
        table(seed=batch, every_row={"batch": batch, "threads": threads}, aa_band=0.2)
        for batch in (1, 8)
        for threads in (1, 2)
    ),
    table(seed=9, aa_band=0.2),
)
"""A sweep too noisy to gate; the last table repeats the first one's cases."""


@given(st.data())
def test_a_gate_never_passes_when_a_case_vanished(data: st.DataObject) -> None:
    kept: list[Comparison] = []
    lost = 0
    for held in SWEPT.all_comparisons:
        flags = [data.draw(st.booleans()) for _ in held.variants]
        variants = [row for row, stays in zip(held.variants, flags, strict=True) if stays]
        lost += flags.count(False)
        if data.draw(st.booleans()) or variants:
            kept.append(held.model_copy(update={"variants": variants}))
    gated = data.draw(st.sampled_from([LIMIT, None]))
    found = judged(SWEPT, run(*kept, checks=list(SWEPT.all_results)), "main", gated)
    assert sum(one.drift == "missing" for one in found.verdicts) == lost
    assert (found.exit_code == 1) == (lost > 0)

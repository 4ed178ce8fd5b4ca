from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from tests.parity.models import Altered, reference_of, two_layers
from tests.planting.networks import INTEGERS, Everything, parsed
from toolkit import formats, pipeline, results
from toolkit.inputs import Array
from toolkit.options import CheckOptions, SelfTestOptions
from toolkit.outcome import Outcome
from toolkit.parity.findings import error
from toolkit.parity.reference import Reference
from toolkit.parity.verdict import Verdict, judge
from toolkit.planting import KINDS
from toolkit.stages import self_testing
from toolkit.stages.checking import FormAtHand
from toolkit.stages.counting import LOOKED_AT, Counting, Movement
from toolkit.stages.self_testing import SelfTesting, self_test
from toolkit.stages.subject import Subject, of_module, prepare, reference
from toolkit.words import ModelWords

SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def subject() -> Subject:
    torch.manual_seed(0)
    return of_module(Everything(), ModelWords("Everything", inputs=("image=batch,1,6,6",)))


@pytest.fixture(scope="module")
def judged_against(subject: Subject) -> Reference:
    return reference(subject)


@pytest.fixture(scope="module")
def exported(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> FormAtHand:
    path = tmp_path_factory.mktemp("right") / "model.onnx"
    return FormAtHand(formats.get("onnx").export(subject.built, path))


@pytest.fixture(scope="module")
def row(
    subject: Subject, judged_against: Reference, tmp_path_factory: pytest.TempPathFactory
) -> results.SelfTest:
    options = SelfTestOptions(CheckOptions(), SEEDS)
    folder = tmp_path_factory.mktemp("planted")
    return self_test(SelfTesting(subject, judged_against, options, folder), "onnx")


Tried = Callable[[Any], results.SelfTest]


@pytest.fixture
def tried_with(
    subject: Subject, judged_against: Reference, exported: FormAtHand, tmp_path: Path
) -> Tried:
    def tried(judge: Any) -> results.SelfTest:
        options = SelfTestOptions(CheckOptions(), (0,))
        testing = SelfTesting(
            subject, judged_against, options, tmp_path, at_hand=exported, judge=judge
        )
        return self_test(testing, "onnx")

    return tried


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_defect_is_planted_counted_and_found(
    kind: str, row: results.SelfTest
) -> None:
    planted = [defect for defect in row.defects if defect.kind == kind]
    assert [defect.seed for defect in planted] == list(SEEDS)
    assert any(defect.counted for defect in planted)
    assert [defect.where for defect in planted if defect.counted and not defect.found] == []


def test_a_self_test_that_finds_all_of_them_is_all_good(row: results.SelfTest) -> None:
    assert row.status == "pass"
    assert row.found == row.counted > 2 * len(KINDS)
    assert Outcome(self_tested=[row]).exit_code() == 0


def test_most_defects_are_found_in_the_first_cases(row: results.SelfTest) -> None:
    early = [defect for defect in row.defects if defect.found and defect.cases <= 4]
    assert len(early) > row.found // 2


def verdict(status: Any) -> Verdict:
    findings = (error("value", "too far"),) if status == "fail" else ()
    return Verdict(status, 1.0, "float64", 8, findings)


def test_a_blind_judge_fails_its_self_test(tried_with: Tried) -> None:
    def blind(*_: object, **__: object) -> Verdict:
        return verdict("pass")

    row = tried_with(blind)
    assert row.status == "fail"
    assert row.found == 0
    assert len(row.missed) == row.counted > 0
    assert Outcome(self_tested=[row]).exit_code() == 1


def test_a_judge_that_condemns_the_right_file_shows_nothing(tried_with: Tried) -> None:
    def harsh(*_: object, **__: object) -> Verdict:
        return verdict("fail")

    row = tried_with(harsh)
    assert row.status == "error"
    assert row.message == "the right file itself does not pass: value"
    assert Outcome(self_tested=[row]).exit_code() == 4


def test_a_judge_that_looks_away_once_is_caught(tried_with: Tried) -> None:
    answers: Iterator[str] = iter(["pass", "fail", "pass"])

    def weary(*_: object, **__: object) -> Verdict:
        return verdict(next(answers, "fail"))

    row = tried_with(weary)
    assert [defect.kind for defect in row.missed] == [list(KINDS)[1]]


def test_the_judge_is_shown_the_numbers_of_the_faulty_file(tried_with: Tried) -> None:
    shown: list[dict[str, Array]] = []

    def looking(*_: object, held: Callable[[], Any], **__: object) -> Verdict:
        shown.append(dict(held()))
        return verdict("fail" if len(shown) > 1 else "pass")

    row = tried_with(looking)
    right, first = shown[:2]
    assert row.defects[0].kind == "weight bit"
    assert right.keys() == first.keys()
    assert [name for name in right if not np.array_equal(right[name], first[name])] != []


def test_a_defect_that_moves_nothing_is_not_counted() -> None:
    module = two_layers()
    held = reference_of(module)
    right = Altered(module, held.spec)
    movement = Counting(held, right, inputs=16).movement(Altered(module, held.spec))
    assert (movement.how, movement.times, movement.counts) == (None, 0.0, False)


@pytest.mark.parametrize(("times", "counts"), [(15.0, False), (25.0, True)])
def test_a_defect_counts_from_twenty_times_the_noise_on(times: float, counts: bool) -> None:
    held = reference_of(two_layers())
    assert shifted_by(held, times * widened(held)).counts is counts


def test_a_shift_that_eager_makes_itself_is_no_part_of_what_counts() -> None:
    held = reference_of(two_layers())
    assert not shifted_by(held, 21 * held.noise["output_0", "ordinary"]).counts


def test_another_shape_counts() -> None:
    module = two_layers()
    held = reference_of(module)
    right = Altered(module, held.spec)
    cut = Altered(module, held.spec, lambda _, outputs: {k: v[:1] for k, v in outputs.items()})
    movement = Counting(held, right, inputs=8).movement(cut)
    assert (movement.how, movement.counts) == ("structure", True)


def test_inputs_of_the_count_are_none_of_the_case_plan() -> None:
    held = reference_of(two_layers())
    drawn: list[bytes] = []
    right = Altered(held.module, held.spec, lambda inputs, outputs: _kept(drawn, inputs, outputs))
    Counting(held, right, inputs=32).movement(Altered(held.module, held.spec))
    assert len(set(drawn)) == 32
    assert not set(drawn) & {digest(judged.inputs) for judged in held.cases}


def widened(held: Reference) -> Array:
    """The noise with what eager moves by in the first ordinary cases of the plan."""
    ordinary = [one for one in held.cases if one.case.draw_class == "ordinary"]
    slices = held.slices["output_0"]
    moved = [slices.reduce(held.spread(one).changes["output_0"]) for one in ordinary[:LOOKED_AT]]
    return held.noise["output_0", "ordinary"] + np.max(moved, axis=0)


def shifted_by(held: Reference, shift: Array) -> Movement:
    """How far a form departs that adds `shift` to its output."""
    right = Altered(held.module, held.spec)
    shifted = Altered(
        held.module,
        held.spec,
        lambda inputs, outputs: {
            name: (output.astype("float64") + shift).astype("float32")
            for name, output in outputs.items()
        },
    )
    return Counting(held, right, inputs=8).movement(shifted)


def digest(inputs: Any) -> bytes:
    return b"".join(zlib.crc32(array.tobytes()).to_bytes(4, "big") for array in inputs.values())


def _kept(drawn: list[bytes], inputs: Any, outputs: Any) -> Any:
    drawn.append(digest(inputs))
    return outputs


def test_weights_that_do_not_fit_into_one_message_lie_beside_the_file(
    tried_with: Tried, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(self_testing, "LARGEST_MESSAGE_BYTES", 0)
    row = tried_with(judge)
    assert (row.status, row.missed) == ("pass", [])


def test_a_file_without_a_place_for_any_defect_shows_nothing(tmp_path: Path) -> None:
    path = tmp_path / "integers.onnx"
    onnx.save(parsed(INTEGERS), path)
    (row,) = pipeline.self_tested(prepare(ModelWords(str(path))), SelfTestOptions())
    assert (row.status, row.planted, row.message) == ("error", 0, "no defect could be planted")
    assert set(row.absent) == set(KINDS)
    assert Outcome(self_tested=[row]).exit_code() == 4

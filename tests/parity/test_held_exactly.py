"""When the numbers that a form holds are asked for, and how the case that shows them is judged."""

from __future__ import annotations

import numpy as np
import pytest

from tests.parity.known import Changed, reference, shifted
from tests.parity.test_verdict_terms_exactly import gauge_of, near_one
from toolkit.inputs import Array
from toolkit.parity import verdict
from toolkit.parity.limits import Limits
from toolkit.parity.verdict import judge


class Held:
    """Counts how often the numbers are asked for; there are none that depart."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> list[tuple[str, Array]]:
        self.asked += 1
        return []


def test_the_numbers_of_a_form_that_passes_are_asked_for_once() -> None:
    held = Held()
    assert judge(reference(0.0, 1.0), Changed(), held=held).status == "pass"
    assert held.asked == 1


def test_a_form_that_fails_in_one_case_needs_no_other() -> None:
    held = Held()
    candidate = Changed(lambda run, x: shifted(run, x) if x.any() else x)
    assert judge(reference(0.0, 1.0), candidate, held=held).status == "fail"
    assert held.asked == 0


def test_the_numbers_of_low_precision_are_meant_to_depart() -> None:
    held = Held()
    subject = reference(0.0)
    gauge = gauge_of(subject, alone=True, limits=Limits(min_sqnr=5.0))
    assert judge(subject, Changed(near_one), gauge=gauge, held=held).status == "pass"
    assert held.asked == 0


def test_the_case_that_shows_numbers_is_looked_at_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 2**10 eager moves by a rounding that is far over the noise."""
    (shown, *_) = reference(1024.0).cases
    monkeypatch.setattr(verdict, "look_closer", lambda *_: shown)
    far = np.float32(2.0**-12)
    candidate = Changed(lambda run, x: x + far if x.any() else x)
    found = judge(reference(0.0), candidate, held=Held())
    assert found.status == "pass"
    assert [one.name for one in found.findings] == ["ill-conditioned"]


@pytest.mark.parametrize(("label", "form"), [("onnx", "onnx"), ("", None)])
def test_what_is_looked_at_twice_is_told_by_the_name_of_its_form(
    label: str, form: str | None
) -> None:
    subject = reference(0.0)
    subject.form = "another"
    judge(subject, Changed(), label=label)
    assert subject.form == form

from __future__ import annotations

import pytest

from toolkit.baselines import parse_limit
from toolkit.errors import UsageError


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("5%", 0.05),
        ("5 %", 0.05),
        (" 2.5% ", 0.025),
        ("100%", 1.0),
        ("1%", 0.01),
        ("0.05", 0.05),
        (".05", 0.05),
        ("1.05x", 0.05),
        ("1.05X", 0.05),
        ("1.05×", 0.05),  # noqa: RUF001
        ("2x", 1.0),
    ],
)
def test_a_limit_is_a_percentage_a_fraction_or_a_factor(text: str, limit: float) -> None:
    assert parse_limit(text) == pytest.approx(limit, abs=1e-15)


@pytest.mark.parametrize(
    "text", ["", "5", "1.05", "five", "5%%", "-5%", "5,5%", "nan", "inf%", "1e-2", "x", "%"]
)
def test_what_is_no_limit_is_refused_with_what_would_be_one(text: str) -> None:
    with pytest.raises(UsageError, match="not a limit") as caught:
        parse_limit(text)
    assert caught.value.exit_code == 2
    assert "5%, 0.05 and 1.05x" in str(caught.value.hint)


@pytest.mark.parametrize(("text", "told"), [("0%", "0 %"), ("0.5%", "0.5 %"), ("0.9x", "-10 %")])
def test_a_limit_finer_than_any_machine_is_refused(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=f"from 1 % to 100 % slower and this is {told}"):
        parse_limit(text)


@pytest.mark.parametrize("text", ["105%", "2.5x", "1000%"])
def test_a_limit_that_would_pass_anything_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="from 1 % to 100 %"):
        parse_limit(text)

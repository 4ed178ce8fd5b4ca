"""`--max-score`, `--atol`, `--rtol` and bounds for low precision, as typed and as settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command

PLAIN = ("check", "networks.py:Plain", "--input", "x=batch,8", "-f", "trace", "--budget", "0")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--atol", "x"), "expected [OUTPUT=]VALUE"),
        (("--rtol", "a=-1"), "expected [OUTPUT=]VALUE"),
        (("--atol", "1", "--atol", "2"), "said twice"),
        (("--max-score", "0"), "--max-score"),
        (("--min-agreement", "99"), "between 0 and 1"),
        (("--min-sqnr", "nan"), "--min-sqnr"),
    ],
)
def test_limits_that_make_no_sense_are_a_line_and_exit_2(
    toolkit_command: Command, words: tuple[str, ...], said: str
) -> None:
    ended = toolkit_command(*PLAIN, *words)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_an_output_that_is_not_there_is_exit_2_with_the_nearest(toolkit_command: Command) -> None:
    ended = toolkit_command(*PLAIN, "--atol", "output0=1e-3", "--json")
    assert ended.code == 2
    assert ended.document["error"]["hint"] == "did you mean output_0?"


def test_tolerances_of_the_settings_judge_and_typed_ones_win(
    toolkit_command: Command, own_folder: Path
) -> None:
    (own_folder / "pyproject.toml").write_text(
        "[tool.toolkit]\nformats = ['trace']\nbudget = 0\nmax-score = 40\n"
        "[tool.toolkit.models.net]\nmodel = 'networks.py:Plain'\ninputs = { x = 'batch,8' }\n"
        "atol = { output_0 = 1e-3 }\n"
    )
    (row,) = toolkit_command("check", "--json").document["results"]
    assert (row["status"], row["noise_source"], row["max_score"]) == ("pass", "override", 40)
    (note,) = [found for found in row["findings"] if found["name"] == "override"]
    assert "atol 0.001" in note["message"]
    (typed,) = toolkit_command("check", "--json", "--atol", "0.5").document["results"]
    assert "atol 0.5" in str(typed["findings"])

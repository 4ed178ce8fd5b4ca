"""What is chosen for a whole run: flags, ini options and keywords."""

from __future__ import annotations

import pytest

from tests.pytest_plugin.projects import IN_WORDS, QUICK, run

pytest_plugins = ("pytester",)


CHOSEN = """
def test_net(parity):
    rows = parity.check(Net(), inputs={"x": "batch,8"}, reproductions=False%s)
    print("chosen", [row.format for row in rows], rows[0].cases, rows[0].max_score)

def test_again(parity):
    assert len(parity.check(Net(), inputs={"x": "batch,8"})) == 1
"""


def test_flags_win_over_keywords_and_keywords_over_the_ini_file(pytester: pytest.Pytester) -> None:
    pytester.makeini(
        "[pytest]\nparity_formats = script\nparity_budget = 0\nparity_max_score = 40\n"
    )
    ini = run(pytester, CHOSEN % "", "-rP").stdout.str()
    assert "chosen ['script'] 8 40.0" in ini
    keyword = run(pytester, CHOSEN % ", formats='trace', max_score=50", "-rP", "-k", "net")
    assert "chosen ['trace'] 8 50.0" in keyword.stdout.str()
    words = ("--parity-formats", "script,trace", "--parity-max-score=60", "--parity-budget=60")
    flag = run(pytester, CHOSEN % ", formats='trace', max_score=50", "-rP", "-k", "net", *words)
    assert "chosen ['script', 'trace']" in flag.stdout.str()
    assert "chosen ['script', 'trace'] 8" not in flag.stdout.str()
    assert " 60.0" in flag.stdout.str()


def test_the_ini_options_may_stand_in_a_pyproject_as_numbers_and_lists(
    pytester: pytest.Pytester,
) -> None:
    lines = ("[tool.pytest.ini_options]", 'parity_formats = ["trace"]', "parity_budget = 0")
    pytester.makepyprojecttoml("\n".join([*lines, "parity_seed = 3"]))
    run(pytester, CHOSEN % "", "--strict-config").assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("line", "words", "objection"),
    [
        ("parity_formats = onnyx", (), "unknown format onnyx"),
        ("parity_budget = long", (), "parity_budget: "),
        ("parity_seed = -1", (), "parity_seed: -1 is under 0"),
        ("", ("--parity-opset", "3"), "--parity-opset: 3 is under 18"),
        ("", ("--parity-formats", "onnyx"), "unknown format onnyx"),
    ],
)
def test_a_wrong_choice_ends_the_run_before_any_test(
    pytester: pytest.Pytester, line: str, words: tuple[str, ...], objection: str
) -> None:
    pytester.makeini(f"[pytest]\n{line}\n")
    result = run(pytester, "def test_net():\n    pass\n", *words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert objection in result.stderr.str()
    assert "Traceback" not in result.stderr.str()


def test_tolerances_take_the_place_of_the_score(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        f"""
SAID = [1e9, "1e9", "output_0=1e9", ["output_0=1e9"], {{"output_0": 1e9}}]

@pytest.mark.parametrize("atol", SAID)
def test_net(parity, atol):
    (row,) = parity.check(Net(), inputs={IN_WORDS}, formats="trace", atol=atol, {QUICK})
    assert row.noise_source == "override"
""",
    )
    result.assert_outcomes(passed=5)


def test_every_choice_is_a_keyword() -> None:
    from toolkit.pytest_plugin.choices import CHOICES
    from toolkit.pytest_plugin.keywords import MEANT, known

    names = known()
    assert [choice.name for choice in CHOICES if choice.name not in names] == []
    assert [name for name in MEANT.values() if name not in names] == []
    assert [name for name in MEANT if name in names] == []


def _settings(pytester: pytest.Pytester, *lines: str) -> None:
    pytester.makepyprojecttoml("\n".join(["[tool.toolkit]", *lines]))


def test_the_settings_of_the_project_lie_under_every_other_choice(
    pytester: pytest.Pytester,
) -> None:
    _settings(
        pytester,
        'formats = ["script"]',
        "budget = 0",
        "max-score = 40",
        'weights = "random"',  # of models that are named, not of those at hand
        "[tool.pytest.ini_options]",
        "parity_max_score = 45",
    )
    settings = run(pytester, CHOSEN % "", "-rP").stdout.str()
    assert "chosen ['script'] 8 45.0" in settings
    keyword = run(pytester, CHOSEN % ", formats='trace', max_score=50", "-rP", "-k", "net")
    assert "chosen ['trace'] 8 50.0" in keyword.stdout.str()


def test_the_settings_of_the_project_choose_the_items_of_the_mark(
    pytester: pytest.Pytester,
) -> None:
    _settings(pytester, 'formats = ["trace"]', "budget = 0", 'failures = "kept"')
    result = run(
        pytester,
        f"""
@pytest.mark.parity(inputs={IN_WORDS}, reproductions=False)
def test_net():
    return Frozen()
""",
        "-v",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*test_net?trace? FAILED*"])
    assert list(pytester.path.glob("kept/*/**/*.npz"))


@pytest.mark.parametrize("mark", [f"@pytest.mark.parity(inputs={IN_WORDS})", ""])
def test_wrong_settings_of_the_project_are_told_in_one_line(
    pytester: pytest.Pytester, mark: str
) -> None:
    _settings(pytester, 'formats = ["onnyx"]')
    body = "return Net()" if mark else f"parity.check(Net(), inputs={IN_WORDS})"
    fixture = "" if mark else "parity"
    result = run(pytester, f"\n{mark}\ndef test_net({fixture}):\n    {body}\n")
    assert result.ret != pytest.ExitCode.OK
    assert "unknown format onnyx" in result.stdout.str()
    assert "Traceback" not in result.stdout.str()

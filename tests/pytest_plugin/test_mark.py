"""The mark `parity`: one item a format of the model that a function returns."""

from __future__ import annotations

import pytest

from tests.pytest_plugin.projects import IN_WORDS, QUICK, run

pytest_plugins = ("pytester",)


def test_a_mark_makes_one_item_a_format_and_builds_the_model_for_each(
    pytester: pytest.Pytester,
) -> None:
    result = run(
        pytester,
        f"""
built = []

@pytest.fixture
def width():
    return 8

@pytest.mark.parity(inputs={IN_WORDS}, formats=["trace", "script"], {QUICK})
def test_net(width):
    built.append(Frozen(width))
    return built[-1]

def test_how_often():
    assert len(built) == 2
""",
        "-v",
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "test_net.py::test_net[[]trace] FAILED *",
            "test_net.py::test_net[[]script] PASSED *",
            "Frozen: trace fail",
            "*reproduce: pytest 'test_net.py::test_net[[]trace]' --parity-inputs *.npz*",
        ]
    )
    assert "checking.py" not in result.stdout.str()


def test_marks_join_other_parameters_and_the_nearest_mark_wins(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        f"""
@pytest.mark.parity(formats=["onnx", "pt2"], {QUICK})
class TestNets:
    @pytest.mark.parametrize("width", [8, 16])
    @pytest.mark.parity(formats=["script"], inputs={{"x": torch.ones(2, 8)}})
    def test_net(self, width):
        return Net(8)
""",
        "--collect-only",
        "-q",
    )
    names = [line for line in result.outlines if "::" in line]
    assert names == [
        "test_net.py::TestNets::test_net[script-8]",
        "test_net.py::TestNets::test_net[script-16]",
    ]


def test_without_formats_the_four_usual_ones_are_items(pytester: pytest.Pytester) -> None:
    tests = f"@pytest.mark.parity(inputs={IN_WORDS})\ndef test_net():\n    return Net()\n"
    result = run(pytester, tests, "--collect-only", "-q")
    forms = [line.partition("[")[2] for line in result.outlines if "::" in line]
    assert forms == ["onnx]", "pt2]", "trace]", "script]"]


def test_what_is_marked_and_cannot_be_checked_fails(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        f"""
import unittest

class TestMethods(unittest.TestCase):
    @pytest.mark.parity(inputs={IN_WORDS})
    def test_net(self):
        return None

@pytest.mark.parity(inputs={IN_WORDS}, formats=["trace"])
def test_nothing():
    Net()

@pytest.mark.parity(inputs={IN_WORDS}, formats=["trace"])
def test_no_model():
    return 3
""",
    )
    result.assert_outcomes(errors=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*the mark parity is for functions that return a model*",
            "*test_nothing has the mark parity and returned no model",
            "*int is no model*",
        ]
    )


@pytest.mark.parametrize(
    ("mark", "function", "said"),
    [
        ("formats=['onnyx']", "def test_net(): return Net()", "unknown format onnyx"),
        ("dim={'batch': '1..4'}", "def test_net(): return Net()", "did you mean dims?"),
        ("{'x': 'batch,8'}", "def test_net(): return Net()", "it takes keywords alone"),
        ("", "def test_net(parity): return Net()", "takes the fixture parity too"),
        ("", "async def test_net(): return Net()", "must return a model"),
    ],
)
def test_a_wrong_mark_is_refused_at_collection(
    pytester: pytest.Pytester, mark: str, function: str, said: str
) -> None:
    result = run(pytester, f"@pytest.mark.parity({mark})\n{function}\n", "--collect-only")
    result.assert_outcomes(errors=1)
    assert said in result.stdout.str()
    assert "Traceback" not in result.stdout.str()
    assert "toolkit/" not in result.stdout.str()


def test_a_file_is_checked_in_its_own_format_and_the_items_of_others_are_skipped(
    pytester: pytest.Pytester,
) -> None:
    result = run(
        pytester,
        f"""
import toolkit

@pytest.mark.parity({QUICK})
def test_file(tmp_path):
    made = toolkit.export(Net(), inputs={IN_WORDS}, formats=["onnx"], out=tmp_path)
    return str(tmp_path / "Net" / "model.onnx")
""",
        "-rs",
    )
    result.assert_outcomes(passed=1, skipped=3)
    result.stdout.fnmatch_lines(["SKIPPED *: it holds no pt2"])


def test_the_mark_is_known_and_told(pytester: pytest.Pytester) -> None:
    result = run(pytester, "", "--markers", "--strict-markers")
    result.stdout.fnmatch_lines(["@pytest.mark.parity(inputs=..., formats=*"])
    told = run(pytester, "", "--help").stdout.str()
    assert "--parity-budget=SECONDS" in told
    assert "parity_budget (" in told

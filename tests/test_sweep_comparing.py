"""A comparison goes on behind a form of the candidate that ended its process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.report.examples import check
from toolkit.errors import InputsError, MissingError, ToolkitError, WeightsError
from toolkit.events import Progress
from toolkit.isolation import Death
from toolkit.options import CheckOptions
from toolkit.results import CheckResult
from toolkit.sweep import Sweep
from toolkit.words import ModelWords

WORDS = ModelWords("net.py:Net", ("x=batch,3",))


def row(name: str) -> CheckResult:
    return check(name, model="bundle", reference="net.py:Net", runtime=None)


def death(form: str | None) -> Death:
    return Death(
        "crash", "the process was ended by SIGSEGV", Progress("net", "check", "", form=form)
    )


class Children:
    """What each child process in turn gives; the forms that it was told to leave out are kept."""

    def __init__(self, *given: list[object] | ToolkitError) -> None:
        self.given = list(given)
        self.left_out: list[tuple[str, ...]] = []

    def __call__(self, function: str, *arguments: object, **options: object) -> Iterator[object]:
        del options
        assert function == "compare"
        self.left_out.append(arguments[-1])  # type: ignore[arg-type]
        given = self.given.pop(0)
        if isinstance(given, ToolkitError):
            raise given
        yield from given


def compared(monkeypatch: pytest.MonkeyPatch, children: Children) -> Sweep:
    monkeypatch.setattr("toolkit.sweep.jobs.run_job", children)
    sweep = Sweep()
    sweep.compare(WORDS, "bundle", CheckOptions())
    return sweep


def test_the_forms_after_one_that_crashed_have_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    children = Children([row("onnx"), death("pt2")], [row("trace")])
    sweep = compared(monkeypatch, children)
    assert [(one.format, one.status) for one in sweep.checked] == [
        ("onnx", "pass"),
        ("pt2", "crash"),
        ("trace", "pass"),
    ]
    assert children.left_out == [(), ("onnx", "pt2")]
    assert {one.reference for one in sweep.checked} == {"net.py:Net"}
    assert sweep.exit_code() == 4


def test_a_crash_of_the_reference_ends_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = compared(monkeypatch, Children([death(None)]))
    assert [(one.model, one.format, one.status) for one in sweep.checked] == [
        ("bundle", None, "crash")
    ]


def test_a_form_that_crashes_again_and_again_ends_the_comparison(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sweep = compared(monkeypatch, Children([death("onnx")], [death("onnx")]))
    assert [(one.format, one.status) for one in sweep.checked] == [
        ("onnx", "crash"),
        (None, "crash"),
    ]


def test_what_one_of_the_two_lacks_is_a_row_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    error = WeightsError("they are another network's", model="net.py:Net")
    sweep = compared(monkeypatch, Children(error))
    (found,) = sweep.checked
    assert (found.model, found.status, sweep.exit_code()) == ("bundle", "refused", 3)
    assert found.findings[0].message == "net.py:Net: they are another network's"


@pytest.mark.parametrize(
    "error", [InputsError("no such input", model="net.py:Net"), MissingError("no CUDA device")]
)
def test_what_stops_the_whole_command_is_raised(
    error: ToolkitError, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(type(error)):
        compared(monkeypatch, Children(error))

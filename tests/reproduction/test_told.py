"""A script stands under its finding, as the command that runs it."""

from __future__ import annotations

import pytest

from tests.report.examples import check, document
from toolkit.report.markdown import format_markdown
from toolkit.report.terminal import format_document
from toolkit.results import Document, Finding, Script

PATH = "exported/net.failures/onnx-value-3.py"


def failed(*, confirmed: bool) -> Document:
    """A check with one wrong form, whose fault has been reproduced."""
    script = Script(path=PATH, confirmed=confirmed, operators=1, captured=57)
    found = Finding(name="value", severity="error", message="off by 1", script=script)
    return document("check", 1, results=[check("onnx", 99.0, status="fail", findings=[found])])


def test_the_script_is_told_with_what_is_left_of_the_model() -> None:
    told = f"bug report: python {PATH} (1 of 57 operators; exits 1)"
    assert told in format_document(failed(confirmed=True), width=200)


@pytest.mark.parametrize("form", [format_document, format_markdown])
def test_a_script_that_did_not_exit_1_is_told_as_not_confirmed(form: object) -> None:
    assert callable(form)
    assert f"python {PATH} (1 of 57 operators; not confirmed" in form(failed(confirmed=False))


def test_the_json_holds_where_the_script_is_and_whether_it_was_confirmed() -> None:
    (row,) = failed(confirmed=True).results or []
    assert row.findings[0].model_dump()["script"] == {
        "path": PATH,
        "confirmed": True,
        "operators": 1,
        "captured": 57,
    }

"""The forms that results are written in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.examples import (
    DOCUMENTS,
    bare_model,
    comparison,
    crashed_run,
    document,
    good_run,
    variant,
)
from tests.report.timings import doubtful, sweep, timed
from toolkit.report.csv import COLUMNS, guarded
from toolkit.report.exporters import EXPORTERS, exported
from toolkit.report.markdown import escape
from toolkit.results import Document, Finding, load


def rows_of(shown: Document) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(EXPORTERS["csv"](shown))))


def tables_of(markdown: str) -> list[list[str]]:
    return [
        block.splitlines() for block in markdown.split("\n\n") if block.lstrip().startswith("|")
    ]


def pipes(line: str) -> int:
    return line.replace("\\|", "").count("|")


@pytest.mark.parametrize("exporter", EXPORTERS.values(), ids=EXPORTERS.keys())
@pytest.mark.parametrize("made", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_every_document_can_be_written_in_every_form(
    made: Callable[[], Document], exporter: Callable[[Document], str]
) -> None:
    assert exporter(made()).endswith("\n")


def test_json_is_the_results_themselves(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(EXPORTERS["json"](good_run()), encoding="ascii")
    assert EXPORTERS["json"](load(path)) == EXPORTERS["json"](good_run())


def test_csv_has_one_row_a_form_with_plain_numbers() -> None:
    rows = rows_of(good_run())
    assert [row["format"] for row in rows] == ["", "onnx", "pt2", "trace", "script"]
    onnx = rows[1]
    assert (onnx["p50_us"], onnx["speedup"], onnx["verdict"]) == ("22.13", "10.49", "faster")
    assert (onnx["size_bytes"], onnx["opset"], onnx["parity_status"]) == ("254371", "20", "pass")
    assert onnx["items_per_s"] == "44283.8"


def test_csv_columns_are_the_documented_ones() -> None:
    assert list(rows_of(good_run())[0]) == list(COLUMNS)


def test_csv_tells_the_sizes_that_were_timed() -> None:
    held = comparison(variant("eager", 9.0, None, sizes={"height": 64, "width": 48}))
    (row,) = rows_of(document("bench", comparisons=[held]))
    assert row["sizes"] == "height=64 width=48"


def test_csv_keeps_rows_of_what_failed() -> None:
    rows = rows_of(crashed_run())
    assert [(row["model"], row["format"], row["parity_status"]) for row in rows] == [
        ("lenet5", "onnx", "crash"),
        ("lenet5", "trace", "timeout"),
        ("lenet5", "pt2", ""),
        ("broken.py:Net", "", "error"),
    ]
    assert rows[2]["export_status"] == "error"


@pytest.mark.parametrize("word", ["=cmd()", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_csv_text_is_never_a_formula(word: str) -> None:
    cell = rows_of(document("check", 1, results=[bare_model(word, "fail")]))[0]["model"]
    assert cell.startswith("'")


def test_csv_numbers_are_not_quoted() -> None:
    assert guarded("onnx") == "onnx"
    assert "'" not in EXPORTERS["csv"](good_run())


def test_csv_keeps_line_breaks_and_quotes_inside_a_cell() -> None:
    word = 'a "b"\nc,d'
    rows = rows_of(document("check", 1, results=[bare_model(word, "fail")]))
    assert [row["model"] for row in rows] == [word]


def test_markdown_tables_have_as_many_cells_in_every_line() -> None:
    for made in DOCUMENTS.values():
        for table in tables_of(EXPORTERS["markdown"](made())):
            assert len({pipes(line) for line in table}) == 1


def test_markdown_has_a_table_with_the_figures_and_the_caption() -> None:
    text = EXPORTERS["markdown"](good_run())
    assert "### lenet5" in text
    assert "| onnx | 254 kB | 410 ms | 1.2 | 22.1 µs \\[21.8, 22.5\\] |" in text
    assert "A/A band ±1.24 %" in text
    assert "`toolkit run lenet5`" in text


@given(st.text())
def test_markdown_text_stays_in_its_cell(word: str) -> None:
    found = Finding(name="value", severity="error", message=word, reproduce=f"check `{word}`")
    text = EXPORTERS["markdown"](document("check", 1, results=[bare_model(word, "fail", found)]))
    table = tables_of(text)[0]
    assert len(table) == 3
    assert len({pipes(line.replace("\\\\", "")) for line in table}) == 1


def test_markdown_shows_what_looks_like_markup() -> None:
    assert escape("a|b\n<img> `x` [y](z) *b*") == ("a\\|b \\<img\\> \\`x\\` \\[y\\](z) \\*b\\*")


def test_markdown_commands_with_backticks_stay_code() -> None:
    found = Finding(name="value", severity="error", message="m", reproduce="a ``b`` c")
    text = EXPORTERS["markdown"](document("check", 1, results=[bare_model("m", "fail", found)]))
    assert "``` a ``b`` c ```" in text


def test_json_is_ascii_and_strict() -> None:
    for made in DOCUMENTS.values():
        text = EXPORTERS["json"](made())
        assert text.isascii()
        json.loads(text, parse_constant=pytest.fail)


def test_csv_holds_what_a_latency_table_shows() -> None:
    first, onnx, *_ = rows_of(sweep([8]))
    assert (onnx["p95_us"], onnx["roof_percent"], onnx["bound"]) == ("157.3", "4.1", "overhead")
    assert (onnx["first_result_s"], onnx["peak_rss_bytes"]) == ("0.41", "91000000")
    assert (onnx["preset"], onnx["sets"], onnx["rounds"]) == ("usual", "5", "48")
    assert (onnx["flops"], onnx["parity_score"], first["parity_score"]) == ("6672000", "1.17", "")


def test_csv_holds_the_clean_rounds_and_the_options_of_a_row() -> None:
    rows = {row["variant"]: row for row in rows_of(doubtful())}
    assert rows["onnx"]["clean_p50_us"] == "20.0"
    assert rows["onnx"]["clean_speedup"] == "11.5"
    assert rows["onnx-spin"]["alone"] == "True"
    assert rows["eager+channels_last"]["settings"] == "channels_last=on cudnn=v9"
    assert rows["eager"]["clean_p50_us"] == ""


FIRST_COLUMNS = (
    *("model", "format", "variant", "runtime", "device", "dtype", "threads", "batch"),
    *("export_status", "export_s", "opset", "size_bytes", "sha256", "parity_status"),
    *("parity_score", "cases", "noise_source", "findings", "p50_us", "p50_low_us", "p50_high_us"),
    *("p90_us", "p99_us", "calls", "items_per_s", "speedup", "speedup_low", "speedup_high"),
    *("verdict", "aa_band", "baseline"),
)


def test_csv_columns_that_were_there_keep_their_places() -> None:
    assert tuple(COLUMNS)[: len(FIRST_COLUMNS)] == FIRST_COLUMNS


def test_csv_holds_what_imports_take() -> None:
    row = timed("onnx", 9.0, 2.0, import_s=0.25)
    (read,) = rows_of(document("bench", comparisons=[comparison(row)]))
    assert (list(read)[-1], read["import_s"]) == ("import_s", "0.25")


def test_csv_of_several_results_has_one_heading_line() -> None:
    text = exported("csv", [good_run(), sweep([8])])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(rows_of(good_run())) + len(rows_of(sweep([8])))
    assert {row["model"] for row in rows} == {"lenet5"}
    assert "" not in text.splitlines()

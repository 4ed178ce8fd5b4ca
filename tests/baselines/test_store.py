from __future__ import annotations

from pathlib import Path

import pytest

from tests.baselines.recorded import run, table, untimed
from tests.report.examples import document
from toolkit import baselines, results
from toolkit.errors import RefusedError, ResultsError, UsageError


def test_a_saved_run_is_found_by_its_name_with_every_sample(tmp_path: Path) -> None:
    saved = run(table())
    path = baselines.save(saved, "main", tmp_path)
    found = baselines.find("main", tmp_path)
    assert path == tmp_path / "baselines" / "main.json" == found.path
    assert found.name == "main"
    assert results.to_json(found.document) == results.to_json(saved)


def test_any_results_file_serves_and_is_called_by_its_file_name(tmp_path: Path) -> None:
    place = tmp_path / "elsewhere" / "bench.json"
    results.save(run(table()), place)
    assert baselines.find(str(place), tmp_path).name == "bench.json"


def test_a_run_takes_the_place_of_one_of_the_same_name(tmp_path: Path) -> None:
    baselines.save(run(table()), "main", tmp_path)
    baselines.save(run(table({"eager": 1.0})), "main", tmp_path)
    (held,) = baselines.find("main", tmp_path).document.all_comparisons
    assert [row.variant for row in held.variants] == ["eager"]
    assert baselines.names(tmp_path) == ["main"]


@pytest.mark.parametrize(
    "name", ["", ".hidden", "a/b", "..", "-x", "main.json", "a b", "con", "x" * 51, "a\n", "a."]
)
def test_what_cannot_name_a_file_on_every_system_is_no_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="not a name"):
        baselines.save(run(table()), name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unknown_name_is_told_with_the_nearest_ones(tmp_path: Path) -> None:
    for name in ("main", "release-1.2"):
        baselines.save(run(table()), name, tmp_path)
    with pytest.raises(
        UsageError, match=r"no saved run has this name \(did you mean main\?\)"
    ) as e:
        baselines.find("mian", tmp_path)
    assert e.value.hint == "saved here: main, release-1.2"


@pytest.mark.parametrize("word", ["main", "gone.json", "feature/x", "a\0b", "x" * 5000, ""])
def test_what_is_not_there_is_a_usage_error(tmp_path: Path, word: str) -> None:
    with pytest.raises(baselines.BaselineNotFoundError) as caught:
        baselines.find(word, tmp_path)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 99}', "\xff"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = baselines.save(run(table()), "main", tmp_path)
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ResultsError) as caught:
        baselines.find("main", tmp_path)
    assert (caught.value.exit_code, len(str(caught.value).splitlines())) == (3, 1)


def test_a_file_without_a_latency_table_is_no_baseline(tmp_path: Path) -> None:
    path = tmp_path / "check.json"
    results.save(document("check", results=[]), path)
    with pytest.raises(ResultsError, match="holds no latency table"):
        baselines.find(str(path), tmp_path)


@pytest.mark.parametrize("code", [130, 143])
def test_an_interrupted_run_is_not_saved(tmp_path: Path, code: int) -> None:
    with pytest.raises(RefusedError, match="interrupted"):
        baselines.save(run(table(), exit_code=code), "main", tmp_path)


def test_a_run_that_timed_nothing_is_not_saved(tmp_path: Path) -> None:
    nothing = run(table({"onnx": 22.0}, rows={"onnx": untimed("parity: fail")}))
    with pytest.raises(RefusedError, match="nothing was timed"):
        baselines.save(nothing, "main", tmp_path)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "baselines").write_text("a file", encoding="utf-8")
    with pytest.raises(ResultsError, match="cannot be written"):
        baselines.save(run(table()), "main", tmp_path)


def test_a_noisy_run_is_saved_with_a_doubt() -> None:
    noisy = run(table(), table(seed=1, aa_band=0.08, every_row={"batch": 8}))
    assert baselines.doubts(noisy) == [
        "in 1 of 2 comparisons identical code was seen up to 8 % apart: what was timed there can"
        " be held against nothing"
    ]
    assert baselines.doubts(run(table())) == []


def test_a_run_within_one_process_is_saved_with_a_doubt() -> None:
    (told,) = baselines.doubts(run(table(sets=1)))
    assert told.startswith("it was timed within one process")

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.baselines.recorded import run, table, untimed
from toolkit import baselines, bundle
from toolkit.baselines import Baseline, Remeasure
from toolkit.bundle import manifest
from toolkit.bundle.entries import FileEntry, Manifest, WeightsEntry
from toolkit.errors import ResultsError
from toolkit.hashing import file_sha256
from toolkit.results import Document, ExportedModel, ExportedPart


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOOLKIT_HOME", str(tmp_path / "home"))
    return tmp_path


def written(folder: Path, name: str, content: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def of(*paths: Path) -> Document:
    """A run that timed these forms."""
    names = [path.stem.removeprefix("model.") for path in paths]
    rows = {
        name: {"sha256": baselines.fingerprint(path)}
        for name, path in zip(names, paths, strict=True)
    }
    return run(table({"eager": 232.0, **dict.fromkeys(names, 22.0)}, rows=rows))


def saved(folder: Path, *paths: Path, ours: bool = True) -> Baseline:
    forms = {path.stem.removeprefix("model."): path for path in paths}
    baselines.keep(forms, folder, ours=ours)
    baselines.save(of(*paths), "main", folder)
    return baselines.find("main", folder)


def at_hand(baseline: Baseline, **today: str) -> list[Remeasure]:
    return baselines.remeasures(baseline, {("lenet5", name): sha for name, sha in today.items()})


def test_what_was_kept_is_at_hand_after_its_folder_is_gone(home: Path) -> None:
    onnx = written(home / "bundle", "onnx.onnx", "yesterday's")
    main = saved(home, onnx)
    onnx.unlink()
    (found,) = at_hand(main, onnx="another")
    assert found.path.read_text(encoding="utf-8") == "yesterday's"
    assert (found.case.variant, found.format, found.name) == (
        "onnx",
        "onnx",
        "lenet5 onnx of main",
    )


def test_the_same_file_need_not_be_timed_twice(home: Path) -> None:
    onnx = written(home / "bundle", "onnx.onnx", "the same")
    assert at_hand(saved(home, onnx), onnx=baselines.fingerprint(onnx)) == []


def test_a_kept_file_that_was_altered_is_not_at_hand(home: Path) -> None:
    main = saved(home, written(home / "bundle", "onnx.onnx", "yesterday's"))
    (found,) = at_hand(main)
    found.path.write_text("another", encoding="utf-8")
    assert at_hand(main) == []
    saved(home, home / "bundle" / "onnx.onnx")
    assert [one.path.read_text(encoding="utf-8") for one in at_hand(main)] == ["yesterday's"]


def test_external_data_is_kept_and_is_part_of_the_fingerprint(home: Path) -> None:
    onnx = written(home / "bundle", "onnx.onnx", "a graph")
    bare = baselines.fingerprint(onnx)
    data = written(home / "bundle", "onnx.onnx.data", "its weights")
    assert baselines.fingerprint(onnx) != bare
    main = saved(home, onnx)
    data.write_text("other weights", encoding="utf-8")
    (found,) = at_hand(main)
    kept = found.path.with_name("onnx.onnx.data")
    assert kept.read_text(encoding="utf-8") == "its weights"


@pytest.mark.parametrize("ours", [True, False])
def test_a_program_may_be_loaded_later_only_if_this_user_wrote_it(home: Path, ours: bool) -> None:
    trace = written(home / "bundle", "trace.pt", "a program")
    onnx = written(home / "bundle", "onnx.onnx", "data")
    saved(home, trace, onnx, ours=ours)
    assert bundle.is_ours(file_sha256(trace)) == ours
    assert not bundle.is_ours(file_sha256(onnx))


def test_what_has_no_file_of_its_own_or_a_process_to_itself_takes_no_turns(home: Path) -> None:
    rows: dict[str, dict[str, Any]] = {
        "onnx": {"alone": True},
        "trace": {"sha256": None},
        "script": untimed("parity: fail"),
    }
    times = {"eager": 232.0, "onnx": 22.0, "trace": 170.0, "script": 170.0}
    baselines.save(run(table(times, rows=rows)), "main", home)
    assert at_hand(baselines.find("main", home)) == []


def test_the_bundle_that_a_run_wrote_serves_while_it_holds_the_same_file(home: Path) -> None:
    onnx = written(home / "exported" / "lenet5", "model.onnx", "yesterday's")
    entry = FileEntry(path=onnx.name, role="form", format="onnx", sha256="", size_bytes=0)
    weights = WeightsEntry(origin="trained", sha256="")
    ports: dict[str, Any] = {"inputs": [], "outputs": [], "dimensions": [], "versions": {}}
    held = Manifest(name="lenet5", word="lenet5", weights=weights, files=[entry], **ports)
    manifest.write(held, onnx.parent)
    exported = ExportedModel(name="lenet5", bundle=str(onnx.parent), forms=[])
    timed = table(rows={"onnx": {"sha256": baselines.fingerprint(onnx)}})
    document = run(timed).model_copy(update={"export": ExportedPart(models=[exported])})
    baselines.save(document, "main", home)
    main = baselines.find("main", home)
    assert [one.path for one in at_hand(main)] == [onnx]
    onnx.write_text("today's", encoding="utf-8")
    assert at_hand(main) == []


def test_a_hash_that_leads_out_of_the_folder_finds_nothing(home: Path) -> None:
    written(home / "secret", "onnx.onnx", "not kept")
    baselines.save(run(table(rows={"onnx": {"sha256": "../../secret"}})), "main", home)
    assert at_hand(baselines.find("main", home)) == []


def test_files_that_no_saved_run_speaks_of_are_deleted(home: Path) -> None:
    first = written(home / "one", "onnx.onnx", "first")
    second = written(home / "two", "onnx.onnx", "second")
    saved(home, first)
    main = saved(home, second)
    baselines.prune(home)
    kept = {path.name for path in (home / "baselines" / "files").iterdir()}
    assert kept == {baselines.fingerprint(second)}
    assert len(at_hand(main)) == 1


def test_nothing_is_deleted_where_a_saved_run_cannot_be_read(home: Path) -> None:
    saved(home, written(home / "one", "onnx.onnx", "first"))
    written(home / "baselines", "main.json", "damaged")
    baselines.prune(home)
    assert len(list((home / "baselines" / "files").iterdir())) == 1


def test_a_file_that_is_gone_cannot_be_kept(home: Path) -> None:
    with pytest.raises(ResultsError, match="onnx cannot be kept with the baseline"):
        baselines.keep({"onnx": home / "gone.onnx"}, home, ours=True)

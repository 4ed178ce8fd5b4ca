"""Results in and out of JSON: what was stored is what is read, and damage has a name."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.report.examples import (
    DOCUMENTS,
    EAGER,
    ENVIRONMENT,
    catalogue,
    check,
    comparison,
    document,
    exported,
    good_run,
    trained,
    trained_model,
    variant,
)
from toolkit.errors import ResultsError
from toolkit.results import (
    Comparison,
    Document,
    ExportedModel,
    ListedModel,
    Speedup,
    TrainedModel,
    load,
    save,
    to_json,
)

DURATIONS = hnp.arrays(np.int64, st.integers(0, 200), elements=st.integers(0, 2**62))


def tree(shown: Document) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(to_json(shown), parse_constant=pytest.fail)
    return held


def written(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "results.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def timed(rounds: list[np.ndarray[Any, Any]]) -> Comparison:
    return comparison(variant("eager", 1.0, 1.0, samples_ns=rounds))


def benched(samples: object) -> dict[str, Any]:
    """A bench document whose first variant has these packed samples."""
    held = tree(document("bench", comparisons=[comparison(EAGER)]))
    held["comparisons"][0]["variants"][0]["samples_ns"] = [samples]
    return held


@pytest.mark.parametrize("made", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_a_document_is_read_as_it_was_written(made: Callable[[], Document], tmp_path: Path) -> None:
    save(made(), tmp_path / "deep" / "results.json")
    assert to_json(load(tmp_path / "deep" / "results.json")) == to_json(made())


@given(rounds=st.lists(DURATIONS, max_size=4))
def test_every_sample_survives(rounds: list[np.ndarray[Any, Any]]) -> None:
    held = document(
        "bench", comparisons=[comparison(variant("eager", 1.0, 1.0, samples_ns=rounds))]
    )
    read = Document.model_validate(tree(held)).all_comparisons[0].variants[0].samples_ns
    assert len(read) == len(rounds)
    for before, after in zip(rounds, read, strict=True):
        assert after.dtype == np.int64
        np.testing.assert_array_equal(after, before)


def test_samples_are_small_in_the_file() -> None:
    calls = np.random.default_rng(0).normal(22_000, 300, 50_000).astype(np.int64)
    held = document(
        "bench", comparisons=[comparison(variant("onnx", 1.0, 1.0, samples_ns=[calls]))]
    )
    assert len(to_json(held)) < 3 * calls.size


@pytest.mark.parametrize(
    ("command", "made", "kind"),
    [
        ("list", catalogue, ListedModel),
        ("train", trained, TrainedModel),
        ("export", exported, ExportedModel),
    ],
)
def test_the_command_says_what_its_models_are(
    command: str, made: Callable[[], Document], kind: type
) -> None:
    models = Document.model_validate(tree(made())).models
    assert models
    assert made().command == command
    assert {type(model) for model in models} == {kind}


def test_a_key_too_many_does_not_make_an_export_of_a_training() -> None:
    held = tree(trained())
    for model in held["models"]:
        model.update({"bundle": None, "forms": [], "family": "lenet", "parameters": 1})
    assert len(Document.model_validate(held).all_trained) == 2
    held = tree(exported())
    for model in held["models"]:
        model.update(tree(trained())["models"][0])
    assert len(Document.model_validate(held).all_exports) == 1


def test_models_of_another_command_are_refused(tmp_path: Path) -> None:
    held = tree(exported()) | {"command": "train"}
    with pytest.raises(ResultsError, match=r"models.*data"):
        load(written(tmp_path, held))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_a_figure_that_is_not_finite_is_null(value: float) -> None:
    held = document(
        "run",
        train={"models": [trained_model(value)]},
        check={"results": [check("onnx", value)]},
        bench={"comparisons": [comparison(variant("onnx", value, value), aa_band=value)]},
        rows=[{"detail": value, "deep": [value]}],
    )
    shown = tree(held)
    timed = shown["bench"]["comparisons"][0]
    assert shown["train"]["models"][0]["metric"]["value"] is None
    assert shown["check"]["results"][0]["score"] is None
    assert timed["variants"][0]["p50_us"] is None
    assert timed["variants"][0]["speedup"] == {"estimate": None, "low": None, "high": None}
    assert timed["aa_band"] is None
    assert shown["rows"] == [{"detail": None, "deep": [None]}]


def test_a_figure_that_is_not_finite_is_none_in_memory_too() -> None:
    assert Speedup(estimate=math.nan, low=1.0, high=math.inf).estimate is None


def test_keys_of_other_commands_are_left_out_but_nulls_inside_stay() -> None:
    shown = tree(document("check", results=[check("trace", None, status="fail")]))
    assert set(shown) == {
        *("schema_version", "command", "toolkit", "environment", "exit_code"),
        *("command_line", "results"),
    }
    assert shown["results"][0]["score"] is None
    assert shown["environment"]["torch"] == ENVIRONMENT.torch


KEYS = {
    "check": "model format runtime device status score noise_source cases findings",
    "bench": "model variant format runtime device dtype threads batch p50_us p50_low_us "
    "p50_high_us p90_us p99_us calls items_per_s speedup verdict roof_percent load_s "
    "first_call_us peak_rss_bytes size_bytes parity_score",
    "export": "format path sha256 size_bytes opset seconds status message",
    "train": "name data epochs seconds metric weights",
}


def test_the_keys_that_others_rely_on_are_there() -> None:
    shown = tree(good_run())
    parts = {
        "check": shown["check"]["results"][0],
        "bench": shown["bench"]["comparisons"][0]["variants"][0],
        "export": shown["export"]["models"][0]["forms"][0],
        "train": shown["train"]["models"][0],
    }
    for name, part in parts.items():
        assert set(KEYS[name].split()) <= set(part)
    assert {"baseline", "aa_band", "rounds", "sets"} <= set(shown["bench"]["comparisons"][0])


def test_json_is_ascii_whatever_a_finding_says() -> None:
    held = document("check", results=[check("onnx", model="модель.py:Сеть")])
    assert to_json(held).isascii()
    assert Document.model_validate(tree(held)).all_results[0].model == "модель.py:Сеть"


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        ("not base64!", "damaged"),
        (base64.b64encode(b"not zlib").decode(), "damaged"),
        (base64.b64encode(zlib.compress(b"12345678" * 64)[:-6]).decode(), "cut short"),
        (base64.b64encode(zlib.compress(b"123")).decode(), "whole number"),
        (base64.b64encode(zlib.compress(bytes((1 << 26) + 8))).decode(), "larger than"),
    ],
    ids=["base64", "zlib", "cut", "odd", "bomb"],
)
def test_damaged_samples_are_named(packed: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=rf"samples_ns.*{reason}"):
        load(written(tmp_path, benched(packed)))


@pytest.mark.parametrize("samples", [{"a": 1}, ["a"], [2**70], [[1], [1, 2]]])
def test_samples_that_are_not_durations_are_named(samples: object, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="samples_ns"):
        load(written(tmp_path, benched(samples)))


@pytest.mark.parametrize("content", ["", "{", "\x00", "[" * 100_000, "toolkit run lenet5"])
def test_a_file_that_is_not_json_is_named(content: str, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"results\.json is not JSON"):
        load(written(tmp_path, content))


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(b"\xff\xfe\x00model")
    with pytest.raises(ResultsError, match="is not JSON"):
        load(path)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_schema_version_is_named_with_a_hint(version: object, tmp_path: Path) -> None:
    held = tree(good_run()) | {"schema_version": version}
    with pytest.raises(ResultsError, match=f"schema version {version}, .* reads 1") as caught:
        load(written(tmp_path, held))
    assert caught.value.hint
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("content", [[], "text", 1, None, {}, {"schema_version": None}])
def test_json_that_is_not_a_results_file_is_refused(content: object, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="schema version"):
        load(written(tmp_path, json.dumps(content)))


def test_a_value_of_the_wrong_type_is_named_by_its_place(tmp_path: Path) -> None:
    held = tree(good_run())
    held["check"]["results"][2]["status"] = "fine"
    with pytest.raises(ResultsError, match=r"check\.results\.2\.status") as caught:
        load(written(tmp_path, held))
    assert "\n" not in caught.value.message


def test_a_model_of_the_wrong_type_is_named_by_its_place(tmp_path: Path) -> None:
    held = tree(trained())
    held["models"][1]["epochs"] = "many"
    with pytest.raises(ResultsError, match=r"models\.1\.epochs") as caught:
        load(written(tmp_path, held))
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("place", ["missing.json", "."])
def test_a_file_that_cannot_be_read_is_named(place: str, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="cannot read"):
        load(tmp_path / place)


def test_saving_replaces_the_old_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("old")
    save(good_run(), path)
    assert [found.name for found in tmp_path.iterdir()] == ["results.json"]
    assert load(path).command == "run"


def test_an_empty_command_part_is_not_confused_with_a_missing_one() -> None:
    assert document("list", models=[]).models == []
    assert tree(document("list", models=[]))["models"] == []

"""`toolkit predict`: one document, a table for people, and exit codes that tell."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

import toolkit
from tests.cli.conftest import Command
from tests.strangers.classifiers import lamp
from tests.strangers.networks import Plain

COLUMNS = {"image", "rank", "index", "label", "probability", "weights", "status"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a user's own classifier; tests get copies."""
    made = toolkit.export(lamp(), formats=["trace"], out=tmp_path_factory.mktemp("exported"))
    return Path(str(made.bundle))


@pytest.fixture
def bundle(exported: Path, own_folder: Path) -> str:
    """The bundle in the working folder, and images beside it."""
    shutil.copytree(exported, own_folder / "out" / "lamp")
    for name, level in (("black", 0), ("white", 255)):
        Image.new("L", (20, 12), level).save(own_folder / f"{name}.png")
    (own_folder / "torn.png").write_bytes((own_folder / "white.png").read_bytes()[:45])
    return str(Path("out") / "lamp")


def test_every_image_is_answered_in_one_document(toolkit_command: Command, bundle: str) -> None:
    ended = toolkit_command("predict", bundle, "black.png", "white.png", "--json")
    rows = ended.document["rows"]
    assert ended.code == ended.document["exit_code"] == 0
    assert ended.document["command"] == "predict"
    assert ended.document["environment"]["torch"]
    assert all(set(row) >= COLUMNS for row in rows)
    assert [(row["image"], row["rank"], row["label"]) for row in rows] == [
        *(("black.png", 1, "never"), ("black.png", 2, "dark"), ("black.png", 3, "bright")),
        *(("white.png", 1, "bright"), ("white.png", 2, "dark"), ("white.png", 3, "never")),
    ]
    told = [row["probability"] for row in rows[3:]]
    assert told == pytest.approx([0.9975, 0.0025, 0.0], abs=1e-4)
    assert {(row["model"], row["format"], row["runtime"]) for row in rows} == {
        (bundle, "trace", "torchscript")
    }


def test_an_image_that_cannot_be_read_is_exit_3_and_the_others_are_answered(
    toolkit_command: Command, bundle: str, own_folder: Path
) -> None:
    words = ("predict", bundle, "torn.png", "nowhere.png", "white.png", "--top", "1")
    ended = toolkit_command(*words, "--json")
    assert ended.code == ended.document["exit_code"] == 3
    assert [row["status"] for row in ended.document["rows"]] == ["refused", "refused", "ok"]
    assert ended.document["error"]["message"].startswith("torn.png: it cannot be read")
    shown = toolkit_command(*words)
    assert shown.code == 3
    (own_folder / "kept.json").write_text(ended.out)
    assert shown.out in toolkit_command("report", "kept.json").out
    assert "bright" in shown.out
    assert "nowhere.png" in shown.out
    assert "Traceback" not in shown.out + shown.err
    assert max(map(len, shown.out.splitlines())) <= 80


def test_random_weights_are_said_in_every_row_of_the_table(
    toolkit_command: Command, bundle: str, own_folder: Path
) -> None:
    plain = toolkit_command("predict", bundle, "white.png")
    assert "weights: constructed, seed 0" in " ".join(plain.out.split())
    manifest = own_folder / bundle / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"origin": "constructed"', '"origin": "random"'))
    ended = toolkit_command("predict", bundle, "white.png", "black.png")
    rows = [line for line in ended.out.splitlines() if line.startswith(("white", "black"))]
    assert len(rows) == 6
    assert all("random, seed 0" in row for row in rows)


@pytest.mark.slow
def test_a_bundle_exported_with_preprocess_is_fed_the_pixels_as_they_are(
    toolkit_command: Command, own_folder: Path
) -> None:
    Image.new("RGB", (90, 41), "white").save(own_folder / "white.png")
    words = ("lenet5", "--weights", "random", "-f", "onnx", "--with-preprocess")
    assert toolkit_command("export", *words).code == 0
    manifest = json.loads((own_folder / "exported" / "lenet5" / "manifest.json").read_text())
    assert manifest["preprocess_in_graph"] is True
    assert manifest["preprocess"]["resize"] == 28
    assert manifest["inputs"][0]["shape"] == ["batch", "height", "width", 3]
    ended = toolkit_command("predict", "exported/lenet5", "white.png", "--json")
    assert ended.code == 0
    assert [row["status"] for row in ended.document["rows"]] == ["ok"] * 5


@pytest.mark.parametrize("verb", ["export", "check"])
def test_a_model_without_images_is_told_that_it_has_none_to_prepare(
    toolkit_command: Command, verb: str
) -> None:
    ended = toolkit_command(verb, "lstm", "--with-preprocess", "--json")
    assert ended.code == ended.document["exit_code"] == 2
    assert "how an image becomes its input" in ended.document["error"]["message"]
    assert "`preprocess`" in ended.document["error"]["hint"]


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("-f", "onnx"), 3, "holds no onnx"),
        (("-f", "onnxx"), 2, "did you mean onnx"),
        (("-f", "onnx,trace"), 2, "one form"),
        (("--top", "0"), 2, "top"),
        (("--device", "tpu"), 2, "tpu"),
    ],
)
def test_words_that_do_not_fit_are_told(
    toolkit_command: Command, bundle: str, words: tuple[str, ...], code: int, expected: str
) -> None:
    ended = toolkit_command("predict", bundle, "white.png", *words, "--json")
    assert ended.code == code
    assert expected in ended.document["error"]["message"]


def test_what_is_no_bundle_or_no_classifier_is_refused_with_what_to_do(
    toolkit_command: Command, own_folder: Path
) -> None:
    Image.new("L", (8, 8)).save(own_folder / "white.png")
    missing = toolkit_command("predict", "lenet5", "white.png")
    assert missing.code == 3
    assert "toolkit export lenet5" in missing.err
    made = toolkit.export(Plain(), inputs={"x": "batch,8"}, formats=["trace"], out="out")
    ended = toolkit_command("predict", str(made.bundle), "white.png", "--json")
    assert ended.code == 3
    assert "image" in ended.document["error"]["message"]
    assert ended.document["error"]["hint"]

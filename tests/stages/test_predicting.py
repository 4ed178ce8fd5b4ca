"""Image files through exported forms: what is answered, what is refused, and why."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import nn

import toolkit
from tests.strangers.classifiers import (
    LOUD,
    NAMES,
    STEPS,
    Blind,
    LogProbable,
    Probable,
    Switch,
    lamp,
)
from toolkit import bundle, results
from toolkit.errors import BundleError, RefusedError
from toolkit.events import Progress, ignore
from toolkit.images import MOST_PIXELS
from toolkit.isolation import Death
from toolkit.options import ExportOptions, PredictOptions
from toolkit.spec import ModelSpec
from toolkit.stages import exporting
from toolkit.stages.subject import of_spec, reference
from toolkit.sweep import Sweep
from toolkit.words import ModelWords

FORMATS = ("onnx", "pt2", "trace", "script")


def exported(spec: ModelSpec, folder: Path, *formats: str) -> Path:
    made = toolkit.export(spec, formats=formats or ("trace",), out=folder)
    assert [form.status for form in made.forms] == ["ok"] * len(made.forms)
    return Path(str(made.bundle))


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One bundle of all forms, which no test changes."""
    return exported(lamp(), tmp_path_factory.mktemp("held"), *FORMATS)


@pytest.fixture
def images(tmp_path: Path) -> dict[str, Path]:
    found = {}
    for name, level in (("black", 0), ("white", 255)):
        found[name] = tmp_path / f"{name}.png"
        Image.new("L", (20, 12), level).save(found[name])
    return found


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_form_tells_the_same_classes_in_order(
    held: Path, images: dict[str, Path], format_name: str
) -> None:
    rows = toolkit.predict(held, list(images.values()), format_name=format_name)
    told = [(Path(row.image).stem, row.rank, row.label) for row in rows]
    assert told == [
        *(("black", 1, "never"), ("black", 2, "dark"), ("black", 3, "bright")),
        *(("white", 1, "bright"), ("white", 2, "dark"), ("white", 3, "never")),
    ]
    assert {row.format for row in rows} == {format_name}
    assert rows[3].probability == pytest.approx(1 / (1 + math.exp(-2 * LOUD)), rel=1e-5)
    assert rows[3].index == 1


@pytest.mark.parametrize(
    ("build", "output", "classes"),
    [
        (Probable, "probabilities", 3),
        (LogProbable, "log_probabilities", 3),
        (Switch, "logit", 1),
    ],
)
def test_whatever_the_output_is_the_answer_is_a_probability(
    tmp_path: Path,
    images: dict[str, Path],
    build: Callable[[], nn.Module],
    output: str,
    classes: int,
) -> None:
    spec = lamp(build, output, classes)
    spec = spec if classes > 1 else replace(spec, labels=NAMES[:2])
    (row,) = toolkit.predict(exported(spec, tmp_path), [images["white"]], top=1)
    assert row.label == "bright"
    assert row.probability == pytest.approx(1 / (1 + math.exp(-2 * LOUD)), rel=1e-5)


def prepared(folder: Path) -> Path:
    """The same bundle, but that its graphs prepare their images themselves."""
    subject = of_spec(lamp(), ModelWords("lamp", with_preprocess=True))
    judged_against = reference(subject, budget_s=0.0)
    made = exporting.export_bundle(
        subject, ExportOptions(FORMATS, folder), {}, judged_against, ignore
    )
    return Path(str(made.bundle))


def test_a_graph_that_prepares_its_images_tells_what_the_other_tells(
    held: Path, images: dict[str, Path], tmp_path: Path
) -> None:
    photograph = images["white"].with_name("photograph.png")
    Image.fromarray(load_sample_images().images[0]).save(photograph)
    files = [*images.values(), photograph]
    itself = prepared(tmp_path)
    for format_name in FORMATS:
        rows = toolkit.predict(itself, files, format_name=format_name)
        expected = toolkit.predict(held, files, format_name=format_name)
        assert [(row.status, row.rank, row.label) for row in rows] == [
            ("ok", row.rank, row.label) for row in expected
        ]
        for row, other in zip(rows, expected, strict=True):
            assert row.probability == pytest.approx(other.probability, abs=2e-2)


def test_a_line_of_pixels_is_no_bomb_where_only_the_crop_is_computed(
    held: Path, images: dict[str, Path], tmp_path: Path
) -> None:
    line = images["white"].with_name("line.png")
    Image.new("L", (1, MOST_PIXELS // STEPS.resize**2 + 1), 255).save(line)
    assert toolkit.predict(held, [line], top=1)[0].status == "refused"
    (row,) = toolkit.predict(prepared(tmp_path), [line], top=1)
    assert (row.status, row.label) == ("ok", "bright")


def test_without_names_a_class_goes_by_its_number(tmp_path: Path, images: dict[str, Path]) -> None:
    folder = exported(replace(lamp(), labels=None), tmp_path)
    (row,) = toolkit.predict(folder, [images["white"]], top=1)
    assert (row.index, row.label, row.format) == (1, "1", "trace")


def test_an_unreadable_image_is_a_row_and_the_others_are_answered(
    held: Path, images: dict[str, Path]
) -> None:
    torn = images["white"].with_name("torn.png")
    torn.write_bytes(images["white"].read_bytes()[:45])
    rows = toolkit.predict(held, [torn, images["white"], "nowhere.png"], top=1)
    assert [row.status for row in rows] == ["refused", "ok", "refused"]
    assert rows[0].label is None
    assert "cannot be read" in rows[0].message
    assert rows[2].image == "nowhere.png"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (lamp(Blind), "not finite"),
        (replace(lamp(), labels=NAMES[:2]), "3 classes apart, not 2"),
        (replace(lamp(), preprocess=replace(STEPS, padding=1)), "does not fit"),
    ],
    ids=["infinite", "names", "size"],
)
def test_an_answer_that_cannot_be_trusted_is_an_error(
    tmp_path: Path, images: dict[str, Path], spec: ModelSpec, expected: str
) -> None:
    (row,) = toolkit.predict(exported(spec, tmp_path), [images["white"]])
    assert (row.status, row.probability) == ("error", None)
    assert expected in row.message


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (replace(lamp(), preprocess=None), "does not say how an image file becomes"),
        (lamp(output="features"), "first output is features"),
    ],
    ids=["no images", "no classes"],
)
def test_a_model_that_classifies_no_images_is_refused(
    tmp_path: Path, images: dict[str, Path], spec: ModelSpec, expected: str
) -> None:
    folder = exported(spec, tmp_path)
    with pytest.raises(RefusedError, match=expected) as caught:
        toolkit.predict(folder, [images["white"]])
    assert caught.value.hint


def _edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "manifest.json"
    tree = json.loads(path.read_text())
    change(tree)
    path.write_text(json.dumps(tree))


def _forget(tree: dict[str, Any]) -> None:
    for name in ("preprocess", "labels", "activation"):
        del tree[name]


def test_a_manifest_from_before_still_loads_and_says_nothing_of_images(
    tmp_path: Path, images: dict[str, Path]
) -> None:
    folder = exported(lamp(), tmp_path)
    _edit(folder, _forget)
    assert toolkit.load(folder, "trace")
    with pytest.raises(RefusedError, match="does not say"):
        toolkit.predict(folder, [images["white"]])


def test_a_bundle_of_a_bundle_knows_its_images_still(held: Path) -> None:
    found = bundle.read(held)
    assert found.spec.preprocess == STEPS
    assert found.spec.labels == NAMES
    assert found.manifest.activation == "softmax"


def test_random_weights_that_nobody_asked_for_are_refused_and_others_said(
    tmp_path: Path, images: dict[str, Path]
) -> None:
    folder = exported(lamp(), tmp_path)
    _edit(folder, lambda tree: tree["weights"].update(origin="random", seed=3))
    (row,) = toolkit.predict(folder, [images["white"]], top=1)
    assert row.weights == "random, seed 3"
    _edit(folder, lambda tree: tree["weights"].update(substituted=True))
    with pytest.raises(RefusedError, match="random") as caught:
        toolkit.predict(folder, [images["white"]])
    assert "--weights random" in str(caught.value.hint)


def test_a_program_of_somebody_else_runs_only_when_trusted(
    held: Path, images: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLKIT_HOME", str(tmp_path / "another user"))
    with pytest.raises(RefusedError, match="program"):
        toolkit.predict(held, [images["white"]], format_name="script")
    assert toolkit.predict(held, [images["white"]], format_name="script", trust=True)
    assert toolkit.predict(held, [images["white"]])  # ONNX is data


def test_an_altered_form_is_refused_and_another_file_does_not_matter(
    tmp_path: Path, images: dict[str, Path]
) -> None:
    folder = exported(lamp(), tmp_path)
    (folder / "golden.npz").unlink()
    assert toolkit.predict(folder, [images["white"]])
    form = folder / "model.trace.pt"
    form.write_bytes(form.read_bytes() + b"\0")
    with pytest.raises(BundleError, match="altered"):
        toolkit.predict(folder, [images["white"]])


def test_a_word_that_is_no_bundle_is_told_what_makes_one(images: dict[str, Path]) -> None:
    with pytest.raises(BundleError) as caught:
        toolkit.predict("lenet5", [images["white"]])
    assert "toolkit export lenet5" in str(caught.value.hint)
    with pytest.raises(BundleError, match="no bundle"):
        toolkit.predict("nowhere", [images["white"]])


def test_an_image_that_ends_the_process_is_a_row_and_the_rest_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[Path, ...]] = []

    def run_job(function: str, *arguments: Any, **options: Any) -> Iterator[object]:
        _, images, _ = arguments
        asked.append(images)
        for place, image in enumerate(images):
            if image.name == "deadly.png":
                last = Progress("b", "predict", str(image), place, len(images))
                yield Death("crash", "the process was ended by SIGSEGV", last)
                return
            yield results.Prediction(model="b", image=str(image))

    monkeypatch.setattr("toolkit.sweep.jobs.run_job", run_job)
    names = ("one.png", "deadly.png", "two.png")
    sweep = Sweep()
    sweep.predict("b", [Path(name) for name in names], PredictOptions())
    assert [row.status for row in sweep.predicted] == ["ok", "crash", "ok"]
    assert asked == [tuple(map(Path, names)), (Path("two.png"),)]
    assert sweep.exit_code() == 4


def test_a_form_that_ends_the_process_when_it_is_loaded_is_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run_job(*arguments: Any, **options: Any) -> Iterator[object]:
        yield Death("crash", "the process was ended by SIGSEGV")

    monkeypatch.setattr("toolkit.sweep.jobs.run_job", run_job)
    sweep = Sweep()
    sweep.predict("b", [Path("one.png"), Path("two.png")], PredictOptions())
    assert [failure.name for failure in sweep.failures] == ["crash"]
    assert sweep.exit_code() == 4

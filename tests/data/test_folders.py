"""Folders of images: classes by folder, a fixed split, files read as they are needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from toolkit import data
from toolkit.errors import REFUSED, DataError
from toolkit.spec import Preprocess


def write_images(root: Path, classes: dict[str, int], size: tuple[int, int] = (40, 30)) -> None:
    """As many images of each class as it says, each of one colour of its own."""
    for place, (name, count) in enumerate(classes.items()):
        (root / name).mkdir(parents=True)
        for number in range(count):
            image = Image.new("RGB", size, (100 * place, number, 0))
            image.save(root / name / f"{number:03}.png")


def loaded(folder: Path | None, *shape: int, **wanted: Any) -> data.DataSet:
    return data.load("image-folder", data.Wanted(shape or (3, 8, 8), data_dir=folder, **wanted))


def every(samples: data.Samples) -> torch.Tensor:
    return samples.take(torch.arange(len(samples.targets)))[0]


def test_a_fifth_of_every_class_is_held_out_and_the_same_one_every_time(tmp_path: Path) -> None:
    write_images(tmp_path / "pets", {"cats": 10, "dogs": 20})
    found, again = loaded(tmp_path / "pets"), loaded(tmp_path / "pets")
    assert found.labels == ("cats", "dogs")
    assert torch.bincount(found.held_out.targets).tolist() == [2, 4]
    assert torch.bincount(found.train.targets).tolist() == [8, 16]
    assert torch.equal(every(found.held_out), every(again.held_out))
    dogs = [
        set((every(part)[part.targets == 1][:, 1, 0, 0] * 255).round().tolist())
        for part in (found.train, found.held_out)
    ]
    assert [len(shades) for shades in dogs] == [16, 4]
    assert dogs[0].isdisjoint(dogs[1])


def test_the_set_is_named_by_the_folder_and_never_by_its_place(tmp_path: Path) -> None:
    write_images(tmp_path / "pets", {"cats": 5, "dogs": 5})
    assert loaded(tmp_path / "pets").name == "image-folder:pets"


def test_a_folder_itself_may_be_named_in_place_of_a_set(tmp_path: Path) -> None:
    write_images(tmp_path / "pets", {"cats": 5, "dogs": 5})
    found = data.load(str(tmp_path / "pets"), data.Wanted((3, 8, 8)))
    assert found.name == "image-folder:pets"
    assert data.identity(str(tmp_path / "pets")) == data.identity("image-folder", tmp_path / "pets")


@pytest.mark.parametrize("name", ["val", "test"])
def test_parts_that_the_folder_names_are_kept_apart(tmp_path: Path, name: str) -> None:
    write_images(tmp_path / "train", {"ants": 3, "bees": 4})
    write_images(tmp_path / name, {"ants": 1, "bees": 2})
    found = loaded(tmp_path)
    assert (len(found.train.targets), len(found.held_out.targets)) == (7, 3)


def test_parts_with_other_classes_are_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "train", {"ants": 3, "bees": 4})
    write_images(tmp_path / "val", {"ants": 1, "wasps": 2})
    with pytest.raises(DataError, match="hold other classes") as refused:
        loaded(tmp_path)
    assert refused.value.hint == "only in one: bees, wasps"


def test_images_are_resized_by_their_shorter_side_and_cut_out_of_the_middle(
    tmp_path: Path,
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(3):
            image = Image.new("RGB", (90, 30), "black")
            image.paste("white", (30, 0, 60, 30))
            image.save(tmp_path / name / f"{number}.png")
    images = every(loaded(tmp_path, 3, 10, 10).train)
    assert images.shape[1:] == (3, 10, 10)
    assert images.mean() > 0.95  # the white middle alone; bilinear edges apart


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, 100 / 255),
        ({"pixel_range": (-1.0, 1.0)}, 100 / 255 * 2 - 1),
        ({"mean": (0.1, 0.0, 0.0), "std": (0.5, 1.0, 1.0)}, (100 / 255 - 0.1) / 0.5),
    ],
)
def test_pixels_are_in_the_range_that_the_plan_wants(
    tmp_path: Path, wanted: dict[str, Any], expected: float
) -> None:
    write_images(tmp_path, {"a": 3, "b": 3})
    found = loaded(tmp_path, **wanted)
    red = every(found.train)[found.train.targets == 1][:, 0]
    assert torch.allclose(red, torch.tensor(expected), atol=1e-5)


def test_a_model_that_says_how_it_takes_image_files_is_given_them_so(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 3, "b": 3})
    steps = Preprocess(1, resize=6, crop=6, mean=(0.0,), std=(1.0,), padding=1, pad_value=-7.0)
    images = every(loaded(tmp_path, 1, 8, 8, preprocess=steps).train)
    assert torch.all(images[:, :, 0] == -7.0)
    assert torch.all(images[:, :, 1:-1, 1:-1] >= 0.0)


@pytest.mark.parametrize("shape", [(2, 8, 8), (3, 8, 10), (784,)])
def test_a_shape_that_images_cannot_take_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    write_images(tmp_path, {"a": 3, "b": 3})
    with pytest.raises(DataError, match="shape"):
        loaded(tmp_path, *shape)


def test_classes_can_be_kept_of_a_folder_too(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 5, "b": 5, "c": 5})
    found = loaded(tmp_path, classes=(2, 0))
    assert found.labels == ("c", "a")
    assert sorted(found.held_out.targets.tolist()) == [0, 1]
    of_c = every(found.held_out)[found.held_out.targets == 0]
    assert torch.allclose(of_c[:, 0], torch.tensor(200 / 255))


def test_a_folder_that_is_not_there_is_refused_with_what_to_do(tmp_path: Path) -> None:
    for folder in (None, tmp_path / "nowhere", tmp_path):
        with pytest.raises(DataError) as refused:
            loaded(folder)
        assert refused.value.exit_code == REFUSED
        assert "--data-dir" in (refused.value.hint or "")
        assert str(tmp_path) not in str(refused.value)


def test_too_few_images_to_hold_any_out_are_refused(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 2, "b": 2})
    with pytest.raises(DataError, match="4 images are too few"):
        loaded(tmp_path)


def test_a_file_that_is_no_image_is_named_when_it_is_needed(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 3, "b": 3})
    for path in tmp_path.rglob("*.png"):
        path.write_bytes(b"no image")
    found = loaded(tmp_path)
    with pytest.raises(DataError, match=r"a/00\d.png: it is no image"):
        every(found.train)

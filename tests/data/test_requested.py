"""Published sets, read from small files in their own formats; no network is asked."""

from __future__ import annotations

import pickle  # noqa: TID251 - CIFAR-10 is published as pickles
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch

from tests.data.files import write_cifar10, write_idx, write_mnist
from toolkit import data
from toolkit.errors import REFUSED, DataError


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise URLError("there is no network here")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


def loaded(name: str, folder: Path | None, *shape: int, **wanted: Any) -> data.DataSet:
    return data.load(name, data.Wanted(shape, data_dir=folder, **wanted))


def first(samples: data.Samples) -> torch.Tensor:
    return samples.take(torch.arange(len(samples.targets)))[0]


@pytest.mark.parametrize(("name", "kind"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_grey_sets_are_read_from_their_files(tmp_path: Path, name: str, kind: str) -> None:
    write_mnist(tmp_path, kind)
    found = loaded(name, tmp_path, 784)
    assert found.name == name
    assert found.train.targets.tolist() == 3 * list(range(10))
    assert torch.allclose(first(found.held_out)[:, 0], torch.arange(10) * 10 / 255)
    assert len(found.labels) == 10


def test_mnist_is_padded_with_background_where_the_model_takes_32_pixels(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    images = first(loaded("mnist", tmp_path, 1, 32, 32, mean=(0.5,), std=(0.5,)).train)
    assert torch.all(images[:, :, :2] == -1.0)
    assert torch.allclose(images[9, 0, 2:-2, 2:-2], torch.tensor(90 / 255 * 2 - 1))


def test_cifar10_comes_with_its_channels_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cifar10(tmp_path, monkeypatch)
    found = loaded("cifar10", tmp_path, 3, 32, 32)
    images = first(found.held_out)
    assert images.shape == (10, 3, 32, 32)
    assert torch.equal((images[:, 0, 0, 0] * 255).round().long(), found.held_out.targets)
    assert torch.all((images[:, 1] * 255).round() == 5)
    assert len(found.train.targets) == 50
    assert found.labels[0] == "airplane"


def test_a_cifar10_file_that_is_not_the_published_one_is_never_unpickled(tmp_path: Path) -> None:
    """It leaves a file behind when it is loaded."""
    write_cifar10(tmp_path, None)
    trace = tmp_path / "trace"
    bomb = f"cbuiltins\nopen\n(V{trace}\nVw\ntR.".encode()
    pickle.loads(bomb).close()
    trace.unlink()  # or the test could not fail
    for name in ("data_batch_1", "test_batch", "batches.meta"):
        (tmp_path / "cifar-10-batches-py" / name).write_bytes(bomb)
    with pytest.raises(DataError, match="cifar10 cannot be had"):
        loaded("cifar10", tmp_path, 3, 32, 32)
    assert not trace.exists()


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
def test_a_set_that_cannot_be_had_says_what_to_do(tmp_path: Path, name: str) -> None:
    shape = (3, 32, 32) if name == "cifar10" else (1, 32, 32)
    with pytest.raises(DataError, match="no network here") as refused:
        loaded(name, tmp_path, *shape)
    assert refused.value.exit_code == REFUSED
    assert "--data-dir" in (refused.value.hint or "")
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "shape"), [("cifar10", (1, 32, 32)), ("mnist", (3, 32, 32)), ("mnist", (1, 30, 30))]
)
def test_a_shape_that_does_not_fit_is_refused_before_anything_is_downloaded(
    name: str, shape: tuple[int, ...]
) -> None:
    with pytest.raises(DataError, match=r"cannot be given in the shape") as refused:
        loaded(name, None, *shape)
    assert str(shape) in str(refused.value)


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    labels = tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    write_idx(labels, np.zeros(29, dtype=np.uint8))
    with pytest.raises(DataError, match=r"30 images .* 29 classes"):
        loaded("mnist", tmp_path, 784)


def test_a_torn_file_is_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    images = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-5])
    with pytest.raises(DataError, match="mnist cannot be had"):
        loaded("mnist", tmp_path, 784)


def test_other_files_are_another_identity(tmp_path: Path) -> None:
    write_mnist(tmp_path / "a")
    write_mnist(tmp_path / "b", train=40)
    write_mnist(tmp_path / "a", "FashionMNIST")
    first_files, others = (data.identity("mnist", tmp_path / place) for place in ("a", "b"))
    assert len(first_files) == 4
    assert [entry.split()[:2] for entry in first_files] != [entry.split()[:2] for entry in others]


def test_embedded_sets_have_no_files_that_could_change() -> None:
    assert all(data.identity(name) == [] for name in data.EMBEDDED)
    assert set(data.EMBEDDED).isdisjoint(data.ON_REQUEST)

"""What generative models draw: the right images in the right places, the same every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import toolkit
from toolkit import registry, results
from toolkit.errors import RefusedError, UsageError
from toolkit.stages import picturing

SIDE = 28
TILE = 3 * (SIDE + 1)


class Mean(nn.Module):
    """Codes of two: the means of the left and the right half of an image."""

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        halves = torch.stack([half.mean(dim=(1, 2, 3)) for half in image.chunk(2, dim=-1)], dim=1)
        return halves, torch.zeros_like(halves)


class Halves(nn.Module):
    """The image of a code of two: its left and right half."""

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        return code[:, None, None, :].expand(-1, 1, 2, 2)


class Autoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = Mean(), Halves()


class Generator(nn.Module):
    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return (labels + z[:, 0]).view(-1, 1, 1).expand(-1, 2, 2)


def test_originals_stand_before_what_becomes_of_them() -> None:
    images = torch.rand(3, 1, 4, 4)
    found = picturing.reconstructions(Autoencoder(), images[..., :2, :2].contiguous())
    torch.testing.assert_close(found[:3], images[..., :2, :2])
    torch.testing.assert_close(found[3:, 0, 0], images[:, 0, :2, :2].mean(dim=1))


def test_an_interpolation_goes_from_one_code_to_the_other_in_equal_steps() -> None:
    first, second = torch.zeros(1, 2, 2), torch.ones(1, 2, 2)
    found = picturing.interpolation(Autoencoder(), first, second)
    torch.testing.assert_close(found[:, 0, 0, 0], torch.arange(10) / 9)


def test_the_latent_plane_grows_to_the_right_and_upwards() -> None:
    low, high = torch.tensor([0.0, 10.0]), torch.tensor([1.0, 20.0])
    found = picturing.latent_grid(Autoencoder(), low, high).view(20, 20, 2, 2)[:, :, 0]
    across, up = found[..., 0], found[..., 1]
    assert (across.diff(dim=1) > 0).all()
    assert (up.diff(dim=0) < 0).all()
    assert [across[0, 0].item(), across[0, -1].item()] == [0, 1]
    assert [up[-1, 0].item(), up[0, 0].item()] == [10, 20]


def test_the_plane_is_drawn_where_the_codes_are() -> None:
    images = torch.linspace(5, 6, 101).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    low, high = picturing.code_range(Autoencoder(), images)
    torch.testing.assert_close(low, torch.full((2,), 5.025))
    torch.testing.assert_close(high, torch.full((2,), 5.975))


def test_samples_have_a_row_a_class_and_a_noise_a_column() -> None:
    found = picturing.samples(Generator(), classes=4, noise_size=3, columns=5, seed=7)[:, 0, 0]
    rows = found.view(4, 5)
    torch.testing.assert_close(rows - rows[:1], torch.arange(4.0).view(4, 1).expand(4, 5))
    assert len(set(rows[0].tolist())) == 5
    again = picturing.samples(Generator(), classes=4, noise_size=3, columns=5, seed=7)
    other = picturing.samples(Generator(), classes=4, noise_size=3, columns=5, seed=8)
    assert torch.equal(again[:, 0, 0], found)
    assert not torch.equal(other[:, 0, 0], found)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[results.Picture]:
    """What the catalogue's entries draw with random weights: no training is waited for."""
    folder = tmp_path_factory.mktemp("pictures") / "new"
    return [
        picture
        for name, spec in registry.catalogue().items()
        if picturing.has_pictures(spec)
        for picture in toolkit.draw(name, folder, weights="random", seed=3)
    ]


def test_every_picture_lies_where_it_says_in_the_size_that_it_says(
    drawn: list[results.Picture],
) -> None:
    sizes = {}
    for picture in drawn:
        with Image.open(picture.file) as image:
            assert (image.size, image.format) == ((picture.width, picture.height), "PNG")
            assert np.asarray(image).std() > 1
        sizes[Path(picture.file).name] = ((picture.width - 3) / TILE, (picture.height - 3) / TILE)
    assert sizes == {
        "vae-reconstruction.png": (10, 2),
        "vae-interpolation.png": (10, 5),
        "vae-latent-grid.png": (20, 20),
        "cgan_generator-samples.png": (10, 10),
    }
    assert {picture.weights for picture in drawn} == {"random, seed 3"}


def test_the_originals_of_a_reconstruction_are_held_out_digits(
    drawn: list[results.Picture],
) -> None:
    from toolkit import data

    (path,) = [Path(picture.file) for picture in drawn if "reconstruction" in picture.file]
    with Image.open(path) as image:
        shown = np.asarray(image)[3:TILE:3, 3:TILE:3, 0] / 255
    held_out = data.load("digits", data.Wanted((1, SIDE, SIDE))).held_out
    first = held_out.take((held_out.targets == 0).nonzero()[0])[0][0, 0]
    np.testing.assert_allclose(shown, first.numpy(), atol=1 / 255)


def test_the_same_weights_draw_the_same_bytes(drawn: list[results.Picture], tmp_path: Path) -> None:
    for picture in toolkit.draw("cgan_generator", tmp_path, weights="random", seed=3):
        (before,) = [Path(one.file) for one in drawn if Path(one.file).name in picture.file]
        assert Path(picture.file).read_bytes() == before.read_bytes()


def test_an_entry_without_pictures_is_told_which_have_any(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        toolkit.draw("lenet5", tmp_path / "new")
    assert "vae, cgan_generator" in str(caught.value.hint) or (
        "cgan_generator, vae" in str(caught.value.hint)
    )
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_a_file_is_refused_before_the_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RefusedError, match="cannot write into"):
        toolkit.draw("vae", tmp_path / "file")

"""Image files: whatever a camera, a scanner or a stranger left behind, and PNG files out."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torchvision.models import (
    EfficientNet_B2_Weights,
    Inception_V3_Weights,
    ResNet50_Weights,
    WeightsEnum,
)

from toolkit import data, registry
from toolkit.errors import ImageError
from toolkit.images import (
    MOST_PIXELS,
    as_sample,
    normalised,
    read_image,
    tiled,
    unnormalised,
    write_png,
)
from toolkit.spec import Interpolation, Preprocess

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ORANGE = (240, 120, 0)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photographs")
    found = load_sample_images()
    paths = [folder / Path(name).name for name in found.filenames]
    for path, pixels in zip(paths, found.images, strict=True):
        Image.fromarray(pixels).save(path)
    return paths


@pytest.mark.parametrize(
    ("weights", "resize", "crop", "interpolation"),
    [
        (ResNet50_Weights.IMAGENET1K_V1, 256, 224, "bilinear"),
        (Inception_V3_Weights.IMAGENET1K_V1, 342, 299, "bilinear"),
        (EfficientNet_B2_Weights.IMAGENET1K_V1, 288, 288, "bicubic"),
    ],
)
def test_photographs_are_prepared_as_torchvision_prepares_them(
    photographs: list[Path],
    weights: WeightsEnum,
    resize: int,
    crop: int,
    interpolation: Interpolation,
) -> None:
    steps = Preprocess(3, resize, crop, MEAN, STD, interpolation=interpolation)
    for path in photographs:
        with Image.open(path) as opened:
            expected = weights.transforms()(opened.convert("RGB"))
        assert torch.equal(as_sample(read_image(path), steps), expected)


@pytest.mark.parametrize("name", ["lenet5", "mlp_784_200_200_10"])
def test_a_digit_of_the_data_set_comes_back_as_a_model_was_trained_on_it(
    tmp_path: Path, name: str
) -> None:
    spec = registry.catalogue()[name]
    assert spec.training is not None
    assert spec.preprocess is not None
    plain = data.load("digits", data.Wanted((1, 28, 28))).held_out
    wanted = data.Wanted(spec.inputs[0].shape[1:], spec.training.pixel_range)
    expected = data.load("digits", wanted).held_out.take(torch.tensor([0]))[0]
    write_png(plain.take(torch.tensor([0]))[0][0], tmp_path / "digit.png")
    sample = as_sample(read_image(tmp_path / "digit.png"), spec.preprocess)
    low, high = spec.training.pixel_range
    half_a_level = (high - low) / 255 / 2 + 1e-6
    assert (sample.reshape(expected[0].shape) - expected[0]).abs().max() <= half_a_level


def _cmyk(path: Path) -> None:
    Image.new("RGB", (8, 8), ORANGE).convert("CMYK").save(path, format="JPEG", quality=100)


def _palette(path: Path) -> None:
    Image.new("RGB", (8, 8), ORANGE).convert("P", palette=Image.Palette.ADAPTIVE).save(path, "PNG")


def _palette_with_alpha(path: Path) -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, *ORANGE])
    image.save(path, format="PNG", transparency=b"\x00\xff")


def _alpha(path: Path) -> None:
    Image.new("RGBA", (8, 8), (*ORANGE, 255)).save(path, format="PNG")


@pytest.mark.parametrize("save", [_cmyk, _palette, _palette_with_alpha, _alpha])
def test_every_way_to_store_a_colour_gives_the_same_colour(
    tmp_path: Path, save: Callable[[Path], None]
) -> None:
    save(tmp_path / "orange")
    image = read_image(tmp_path / "orange")
    assert image.mode == "RGB"
    np.testing.assert_allclose(np.asarray(image)[4, 4], ORANGE, atol=3)


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "nothing.png")
    Image.new("LA", (8, 8), (0, 0)).save(tmp_path / "grey.png")
    for name in ("nothing.png", "grey.png"):
        assert read_image(tmp_path / name).getpixel((0, 0)) == (255, 255, 255)


def test_sixteen_bits_are_scaled_and_not_cut_off(tmp_path: Path) -> None:
    levels = np.array([[0, 32768, 65535]], np.uint16)
    Image.fromarray(levels).save(tmp_path / "deep.png")
    Image.fromarray(levels).save(tmp_path / "deep.tiff")
    for name in ("deep.png", "deep.tiff"):
        assert np.asarray(read_image(tmp_path / name))[0, :, 0].tolist() == [0, 128, 255]


def test_a_photograph_that_lies_on_its_side_is_turned(tmp_path: Path) -> None:
    image = Image.new("RGB", (8, 4), "black")
    image.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it clockwise
    image.save(tmp_path / "turned.png", exif=exif)
    turned = read_image(tmp_path / "turned.png")
    assert turned.size == (4, 8)
    assert turned.getpixel((3, 0)) == (255, 255, 255)


def _promising(width: int, height: int) -> bytes:
    """A PNG that promises a size and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"\0"))


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "no image"),
        (b"not an image", "no image"),
        (POSTSCRIPT, "no image"),
        (_promising(8, 8), "cannot be read"),
        (_promising(60_000, 60_000), "more than"),
        (_promising(10_000, 10_000), "more than"),
    ],
    ids=["empty", "text", "postscript", "nothing inside", "bomb", "large"],
)
def test_what_is_no_sound_image_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "file.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=expected) as caught:
        read_image(path)
    assert str(tmp_path) not in caught.value.message


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, photographs: list[Path]) -> None:
    for number, path in enumerate(photographs):
        cut = tmp_path / str(number)
        cut.write_bytes(path.read_bytes()[:5000])
        with pytest.raises(ImageError, match="cannot be read"):
            read_image(cut)


def test_what_is_no_plain_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, expected in (("pipe", "no plain file"), (".", "folder"), ("none", "No such file")):
        with pytest.raises(ImageError, match=expected):
            read_image(tmp_path / name)


def test_fractions_without_a_range_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "f.tiff")
    with pytest.raises(ImageError, match="fractions"):
        read_image(tmp_path / "f.tiff")


def test_a_line_of_pixels_is_not_enlarged_beyond_all_bounds() -> None:
    steps = Preprocess(3, 256, 224, MEAN, STD)
    longest = MOST_PIXELS // 256**2
    with pytest.raises(ImageError, match="long and narrow"):
        as_sample(Image.new("RGB", (1, longest + 1)), steps)
    assert as_sample(Image.new("RGB", (10, 40)), steps).shape == (3, 224, 224)


def test_normalising_is_undone_and_leaves_the_callers_tensor_alone() -> None:
    pixels = torch.rand(2, 3, 4, 4)
    before = pixels.clone()
    once = normalised(pixels, MEAN, STD)
    assert torch.equal(pixels, before)
    again = once.clone()
    torch.testing.assert_close(unnormalised(once, MEAN, STD), pixels)
    assert torch.equal(once, again)
    torch.testing.assert_close(once[:, 1], (pixels[:, 1] - 0.456) / 0.224)


def test_tiles_stand_in_rows_and_every_pixel_is_enlarged() -> None:
    images = torch.arange(6).view(6, 1, 1, 1) / 5
    grid = tiled(images, 3, enlarged=2)
    assert grid.shape == (3, 2 * (2 + 2) + 2, 3 * (2 + 2) + 2)
    assert torch.equal(grid[0, 2:4, 6:8], torch.full((2, 2), 0.2))
    assert torch.equal(grid[0, 6:8, 10:12], torch.full((2, 2), 1.0))


def test_a_png_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "picture.png"
    write_png(torch.full((3, 4, 4), 0.5), path)
    before = path.read_bytes()
    write_png(torch.full((3, 4, 4), 0.5), path)
    assert path.read_bytes() == before

    def fail(image: object, file: Path, format: str) -> None:  # noqa: A002 - Pillow's name
        Path(file).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="no space"):
        write_png(torch.zeros(3, 4, 4), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]

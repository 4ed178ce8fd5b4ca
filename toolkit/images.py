"""Image files in and out: read defensively, prepared for a model, written as PNG."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import ImageError
from toolkit.spec import Port, Preprocess

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

FILE_KINDS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF")
"""What is read, as far as this Pillow can. Not every kind: for some it starts another program."""
MOST_PIXELS = 2**28 // 3
"""A quarter of a gigabyte in RGB: where Pillow too begins to suspect a decompression bomb."""
LEVELS = 255
"""White, where black is 0."""
_WIDE_LEVELS = 2**16
_WIDE_STEP = 257  # 65,535 by 255: sixteen bits onto eight


def read_image(path: Path) -> Image:
    """The image of a file as a viewer shows it, in RGB; its first frame.

    Turned as its EXIF data say, transparent parts over white, sixteen bits scaled to eight. Raises
    `ImageError` with the reason; a file is never trusted to be what its name says.
    """
    from PIL import Image, UnidentifiedImageError

    _require_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks about metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            Image.init()
            known = [kind for kind in FILE_KINDS if kind in Image.OPEN]
            with Image.open(path, formats=known) as opened:
                _require_size(opened.size)
                return _as_rgb(opened)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError("it is no image", hint=f"what is read: {', '.join(known)}") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(_too_large("it says that it holds")) from error
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise ImageError(f"it cannot be read: {_reason(error)}") from error


def _require_file(path: Path) -> None:
    """Raise unless it is a plain file: opening a pipe would wait for its other end."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise ImageError(f"it cannot be read: {_reason(error)}") from error
    if stat.S_ISDIR(mode):
        raise ImageError("it is a folder", hint="name the files in it, as in folder/*.png")
    if not stat.S_ISREG(mode):
        raise ImageError("it is no plain file")


def _reason(error: Exception) -> str:
    """The reason without the path, which stands beside it already."""
    told = error.strerror if isinstance(error, OSError) else None
    return (told or str(error) or type(error).__name__).splitlines()[0]


def _require_size(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MOST_PIXELS:
        raise ImageError(_too_large(f"{width} x {height} pixels are"))
    if not width * height:
        raise ImageError("it has no pixels")


def _too_large(what: str) -> str:
    return f"{what} more than {MOST_PIXELS:,} pixels"


def _as_rgb(opened: Image) -> Image:
    from PIL import Image, ImageOps

    turned = ImageOps.exif_transpose(opened)
    if turned.mode.startswith("I"):
        return _eight_bits(turned).convert("RGB")
    if turned.mode == "F":
        raise ImageError("its pixels are fractions without a fixed range")
    if turned.has_transparency_data:
        seen = turned.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return turned.convert("RGB")


def _eight_bits(wide: Image) -> Image:
    """Sixteen bits a pixel as eight; Pillow itself would cut them off at 255."""
    import numpy as np
    from PIL import Image

    levels = np.asarray(wide).astype(np.int64)
    if levels.min() < 0 or levels.max() >= _WIDE_LEVELS:
        raise ImageError("its pixels have more than sixteen bits")
    return Image.fromarray(np.round(levels / _WIDE_STEP).astype(np.uint8))


def transform(steps: Preprocess) -> Callable[[Image], Tensor]:
    """RGB image → (channels, height, width) float32, by torchvision's own transforms."""
    from torchvision import transforms

    filtered = transforms.InterpolationMode(steps.interpolation)
    found: list[Any] = [
        transforms.Resize(steps.resize, interpolation=filtered),
        transforms.CenterCrop(steps.crop),
    ]
    if steps.channels == 1:
        found.append(transforms.Grayscale())
    found += [transforms.ToTensor(), transforms.Normalize(steps.mean, steps.std)]
    if steps.padding:
        found.append(transforms.Pad(steps.padding, fill=steps.pad_value))
    prepared: Callable[[Image], Tensor] = transforms.Compose(found)
    return prepared


def as_sample(image: Image, steps: Preprocess) -> Tensor:
    """One sample for an image model, without the batch axis.

    Raises `ImageError` for one so long and narrow that resizing its shorter side would be a bomb.
    """
    shorter, longer = sorted(image.size)
    if steps.resize * steps.resize * longer > MOST_PIXELS * shorter:
        raise ImageError(f"{image.width} x {image.height} pixels are too long and narrow")
    return transform(steps)(image)


def sample_shape(steps: Preprocess) -> tuple[int, int, int]:
    """Channels, height and width of what `transform` gives."""
    side = steps.crop + 2 * steps.padding
    return steps.channels, side, side


def input_shape(port: Port, sample: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape in which a port takes a sample: as it is, or in one row; None where in neither."""
    wanted = port.shape[1:]
    in_a_row = (prod(sample),)
    if wanted == in_a_row:
        return in_a_row
    fits = len(wanted) == len(sample) and all(
        isinstance(size, str) or size == extent for size, extent in zip(wanted, sample, strict=True)
    )
    return sample if fits else None


def normalised(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(pixels - mean) / std a channel of (…, C, H, W); the caller's tensor stays as it is."""
    return (pixels - _by_channel(mean, pixels)) / _by_channel(std, pixels)


def unnormalised(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """What `normalised` was given; the caller's tensor stays as it is."""
    return pixels * _by_channel(std, pixels) + _by_channel(mean, pixels)


def _by_channel(values: Sequence[float], pixels: Tensor) -> Tensor:
    return pixels.new_tensor(values).view(-1, 1, 1)


def tiled(images: Tensor, columns: int, *, enlarged: int = 1) -> Tensor:
    """Images (N, C, H, W) in rows of `columns`, a thin line between; (3, height, width).

    Every pixel becomes a square of `enlarged` pixels a side.
    """
    from torchvision.utils import make_grid

    large = images.repeat_interleave(enlarged, dim=-1).repeat_interleave(enlarged, dim=-2)
    grid: Tensor = make_grid(large, nrow=columns, padding=enlarged, pad_value=0.5)
    return grid


def write_png(pixels: Tensor, path: Path) -> None:
    """Write (C, height, width) in [0, 1] beside `path` and move it there; raises `OSError`."""
    from torchvision.transforms.functional import to_pil_image

    levels = pixels.clamp(0, 1).mul(LEVELS).round().byte()  # left to itself it rounds down
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        to_pil_image(levels).save(partial, format="PNG")
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise

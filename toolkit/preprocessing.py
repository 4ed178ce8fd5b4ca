"""Resize, crop and normalisation inside the graph: a model that takes images as they are decoded.

The raw input is `image`: uint8, (batch, height, width, 3), red first. That is what decoders give
(Pillow, libjpeg, a browser's canvas without its alpha) and what a network is sent: a quarter of
the bytes of float32, and no layout to get wrong. A grey image is one whose three channels agree.
"""

# For the whole file: TorchScript stumbles over a second remark behind the `def` that needs it.
# ruff: noqa: ANN001, ANN201

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from toolkit.errors import UsageError
from toolkit.images import LEVELS, input_shape, sample_shape
from toolkit.spec import Dimension, ModelSpec, Port, Preprocess, Twin

IMAGE = "image"
HEIGHT, WIDTH = "height", "width"
COLOURS = 3
RED_GREEN_BLUE = (19595 / 65536, 38470 / 65536, 7471 / 65536)
"""What Pillow weighs colours by to make grey (ITU-R 601-2), in its own steps: they sum to one."""


FINEST = 2**20
"""Steps of a filter's reach that are told apart: the cubic weights are then less than 2⁶²."""


def resizing(
    own: Tensor, across: Tensor, resize: int, crop: int, *, cubic: bool
) -> tuple[Tensor, Tensor]:
    """What each of `crop` pixels takes from the pixels along one side: weights, and their sums.

    `own` and `across` are 0, 1, … along this side and the other one. The rows (crop, own) of the
    first over the second (crop, 1) are Pillow's and torchvision's antialiased filter, triangle or
    cubic, for an image whose shorter side becomes `resize`, of which the centre is cut out; beyond
    its edges they are zero: black. In integers throughout: exact in every runtime, and no size is
    branched on, so that height and width stay dynamic. Sums stay in 64 bits for sides up to 16,384.
    `//` and not torch.div, whose quotient of integers is a float32 in ONNX.
    """
    length, other = own.amax(0, keepdim=True) + 1, across.amax(0, keepdim=True) + 1
    resized = length * resize // torch.minimum(length, other)
    wanted = (torch.arange(crop, device=own.device) + _first(resized, crop)).unsqueeze(1)
    # Centres lie (x + 1/2) length / resized apart; all is taken times twice both sizes.
    reach = 2 * torch.maximum(length, resized)
    away = ((2 * own + 1) * resized - (2 * wanted + 1) * length).abs()
    inside = ((wanted >= 0) & (wanted < resized)).to(torch.int64)
    weights = inside * (_cubic(away, reach) if cubic else reach - _at_most(away, reach))
    return weights, weights.sum(1, keepdim=True) + 1 - inside


def _cubic(away: Tensor, reach: Tensor, finest: int = FINEST) -> Tensor:
    """Keys' cubic filter of a = -1/2, as it is over one and two reaches, times 2 reach³.

    Both pieces are zero where they do not hold. A reach of over `finest`, that of an image over
    2¹⁹ pixels before or after, is measured in coarser steps: its weights' third powers and their
    sums, at most 16 side⁴ for an image made smaller, would not fit.
    """
    step = reach // finest + 1
    one, at = reach // step, away // step
    near, left = _at_most(at, one), 2 * one - _at_most(at, 2 * one)
    beyond = _at_most(left, one)
    inner = (one - near) * (2 * one * (one + near) - 3 * near * near)
    return inner + (beyond - one) * beyond * beyond


def _at_most(values: Tensor, most: Tensor) -> Tensor:
    """The lesser of the two; onnxruntime's Min and Clip take wrong ones of integers over 2³¹."""
    return torch.where(values < most, values, most)


def _first(resized: Tensor, crop: int) -> Tensor:
    """Where torchvision's centre crop begins: half of the rest, a half to even; below zero: black.

    An image under the crop's size is padded, by the smaller half before it.
    """
    more, less = (resized - crop).clamp(min=0), (crop - resized).clamp(min=0)
    half = more // 2
    return half + (more % 2) * (half % 2) - less // 2


class Preparation(nn.Module):
    """Images, uint8 (batch, height, width, 3) → samples (batch, channels, side, side) or in a row.

    What `toolkit.images.transform` computes, but that nothing is rounded to whole levels between
    the steps: a rounding would make steps of what is otherwise smooth, and forms that differ in
    the last bit would differ by a level.
    """

    def __init__(self, steps: Preprocess, *, flat: bool = False) -> None:
        super().__init__()
        self.resize, self.crop = steps.resize, steps.crop
        self.padding, self.pad_value = steps.padding, steps.pad_value
        self.is_grey, self.flat, self.levels = steps.channels == 1, flat, LEVELS
        self.is_cubic = steps.interpolation == "bicubic"
        self.mean = _by_channel(steps.mean)
        self.std = _by_channel(steps.std)
        self.grey = _by_channel(RED_GREEN_BLUE)

    def forward(self, image: Tensor) -> Tensor:
        """Every image of the batch resized, cut out, scaled and normalised."""
        down = torch.arange(image.shape[1], device=image.device)
        along = torch.arange(image.shape[2], device=image.device)
        found = self._cut_out(image, down, along)
        if self.is_grey:
            found = (found * self.grey).sum(1, keepdim=True)
        found = (found / self.levels - self.mean) / self.std
        if self.padding > 0:
            margin = [self.padding, self.padding, self.padding, self.padding]
            found = nn.functional.pad(found, margin, value=self.pad_value)
        return torch.flatten(found, 1) if self.flat else found

    def _cut_out(self, image: Tensor, down: Tensor, along: Tensor) -> Tensor:
        """(batch, 3, crop, crop), still in levels: a matrix product for each side.

        Along first, as Pillow does: between the sides a cubic filter's levels are cut off. Layouts
        are told and not asked for: the question would exclude sides of one pixel from what
        torch.export captures.
        """
        planes = image.shape[0] * image.shape[3]
        upright = image.permute(0, 3, 1, 2)
        levels = upright.to(self.mean.dtype, memory_format=torch.contiguous_format)
        narrow = self._shown(nn.functional.linear(levels, self._taken(along, down)))
        rows = self._taken(down, along).unsqueeze(0).expand(planes, -1, -1)
        found = self._shown(torch.bmm(rows, narrow.flatten(0, 1)))
        return found.view(image.shape[0], image.shape[3], self.crop, self.crop)

    def _shown(self, levels: Tensor) -> Tensor:
        """Within black and white, which a cubic filter overshoots beside an edge."""
        return levels.clamp(0, self.levels) if self.is_cubic else levels

    def _taken(self, own: Tensor, across: Tensor) -> Tensor:
        """What each pixel of the crop takes along one side, (crop, own): every row sums to one."""
        weights, sums = resizing(own, across, self.resize, self.crop, cubic=self.is_cubic)
        return weights.to(self.mean.dtype) / sums.to(self.mean.dtype)


def _by_channel(values: tuple[float, ...]) -> nn.Buffer:
    """Of (3, 1, 1), and no part of the weights."""
    return nn.Buffer(torch.tensor(values, dtype=torch.float32).view(-1, 1, 1), persistent=False)


class PreparedModel(nn.Module):
    """A model behind its preparation: images in, its own outputs out."""

    def __init__(self, preparation: Preparation, model: nn.Module) -> None:
        super().__init__()
        self.preparation = preparation
        self.model = model

    # Without annotations TorchScript finds out by itself what the model gives.
    def forward(self, image):  # type: ignore[no-untyped-def]
        """What the model gives for the prepared images."""
        return self.model(self.preparation(image))


def prepared(spec: ModelSpec) -> ModelSpec:
    """The spec of the same model behind its preparation: raw images are its one input.

    Height and width are dynamic. Raises `UsageError` where the spec does not say how an image
    becomes its input, or says what does not fit it.
    """
    steps, port = _required(spec)
    batch = port.shape[0]
    sample = input_shape(port, sample_shape(steps)) or ()
    fixed = dict(zip(port.shape, (batch, *sample), strict=True))
    dimensions = [one for one in spec.dimensions if one.name == batch]
    return replace(
        spec,
        build=lambda: behind_preparation(spec.build(), spec),
        inputs=(Port(IMAGE, (batch, HEIGHT, WIDTH, COLOURS), "uint8", 0, LEVELS),),
        outputs=tuple(
            replace(one, shape=tuple(fixed.get(size, size) for size in one.shape))
            for one in spec.outputs
        ),
        dimensions=(*dimensions, *_sides(steps)),
        twins=tuple(_behind(twin, spec) for twin in spec.twins),
        preprocess_in_graph=True,
    )


def behind_preparation(module: nn.Module, spec: ModelSpec) -> nn.Module:
    """The module of a spec behind the preparation of its images, in eval mode."""
    steps, port = _required(spec)
    in_a_row = len(port.shape) == 2  # noqa: PLR2004 - a batch of rows
    return PreparedModel(Preparation(steps, flat=in_a_row), module).eval()


def _sides(steps: Preprocess) -> tuple[Dimension, Dimension]:
    """Of any size; captured, and timed, as a photograph larger than what is cut from it."""
    return (
        Dimension(HEIGHT, traced_at=steps.resize + (steps.resize + 1) // 2),
        Dimension(WIDTH, traced_at=2 * steps.resize + 1),
    )


def _behind(twin: Twin, spec: ModelSpec) -> Twin:
    """The twin of a model behind its preparation: the preparation is the same."""

    def build(module: nn.Module) -> nn.Module:
        return behind_preparation(twin.build(module.get_submodule("model")), spec)

    return replace(twin, build=build)


def _required(spec: ModelSpec) -> tuple[Preprocess, Port]:
    """How an image becomes the input of a spec; raises `UsageError`."""
    steps = spec.preprocess
    if steps is None:
        raise UsageError(
            "it does not say how an image becomes its input: there is nothing to put into the "
            "graph",
            model=spec.name,
            hint="--with-preprocess is for image models: those of the catalogue, and a ModelSpec "
            "of your own with `preprocess`",
        )
    port, *others = spec.inputs
    known = steps.channels in (1, COLOURS) and len(steps.mean) == len(steps.std) == steps.channels
    plain = port.dtype == "float32" and not others and not spec.constants and spec.call is None
    if not known or not plain or input_shape(port, sample_shape(steps)) is None:
        told = ", ".join(f"{one.name} {one.dtype} {one.shape}" for one in spec.inputs)
        raise UsageError(
            f"its `preprocess` does not make its input: it makes float32 {sample_shape(steps)}, "
            f"with a mean and a std for each channel, and the inputs are {told}",
            model=spec.name,
            hint="--with-preprocess is for models of one image in one or three channels",
        )
    return steps, port

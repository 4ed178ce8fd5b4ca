"""Images prepared in the graph: as torchvision prepares them, at every size, in every form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import nn
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from tests.strangers.classifiers import STEPS, Lamp, lamp
from toolkit import formats, pipeline, registry, runtimes, weights
from toolkit.bundle import read
from toolkit.errors import UsageError
from toolkit.images import as_sample
from toolkit.options import CheckOptions, ExportOptions
from toolkit.preprocessing import Preparation, behind_preparation, prepared, resizing
from toolkit.results import CheckResult
from toolkit.runtimes.base import RunOptions
from toolkit.spec import FORMAT_NAMES, ModelSpec, Port, Preprocess, Twin
from toolkit.words import ModelWords

PLAIN = Preprocess(3, 256, 224, (0.0,) * 3, (1.0,) * 3)
LARGER = replace(PLAIN, resize=342, crop=299)
BEYOND = replace(PLAIN, resize=20, crop=33)
"""A crop that reaches beyond the resized image: what lies outside is black."""
CUBIC, CUBIC_LARGER, CUBIC_BEYOND = (
    replace(steps, interpolation="bicubic") for steps in (PLAIN, LARGER, BEYOND)
)
BICUBIC = v2.InterpolationMode.BICUBIC

SIZES = [
    *((427, 640), (640, 427), (256, 256), (224, 224), (257, 259), (301, 300), (99, 333)),
    *((50, 77), (77, 50), (1, 1), (1, 7), (7, 1)),
]
"""Height and width: landscape, portrait, square, as large as the crop, odd, smaller, a line."""

FLOAT32_LEVELS = 1e-3
"""Of 255: a few units in the last place of float32, summed over a window."""
ROUNDED_TWICE = 1.0 + FLOAT32_LEVELS
"""Pillow rounds to whole levels after either side: half a level each, averages add no more."""
ROUNDED_THRICE = ROUNDED_TWICE + 0.5
"""And once more where it makes the image grey."""
CUBIC_ROUNDED_TWICE = 0.5 * 1.25 + 0.5 + FLOAT32_LEVELS
"""A cubic filter's weights, signs left away, are 5/4 in all: so much of the first half level."""

LEAST_S = 0.0
"""The time for a check: the cases that cover every size and every class of values run anyhow."""


@pytest.fixture(scope="module")
def photographs() -> list[Image.Image]:
    return [Image.fromarray(pixels) for pixels in load_sample_images().images]


def in_graph(image: Image.Image, steps: Preprocess, *, flat: bool = False) -> torch.Tensor:
    raw = torch.tensor(np.asarray(image)).unsqueeze(0)
    return Preparation(steps, flat=flat)(raw)[0]


def levels_apart(one: torch.Tensor, other: torch.Tensor, std: tuple[float, ...] = (1.0,)) -> float:
    """The largest difference before normalisation, of 255."""
    by_channel = torch.tensor(std, dtype=torch.float64).view(-1, 1, 1)
    return float(((one.double() - other.double()) * by_channel).abs().max()) * 255


@pytest.mark.parametrize("steps", [PLAIN, LARGER, BEYOND], ids=["256/224", "342/299", "20/33"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_photographs_are_prepared_as_by_torchvision(
    photographs: list[Image.Image], size: tuple[int, int], steps: Preprocess
) -> None:
    height, width = size
    of_tensors = v2.Compose(
        [
            v2.ToDtype(torch.float64, scale=True),
            v2.Resize(steps.resize, antialias=True),
            v2.CenterCrop(steps.crop),
            v2.Normalize(list(steps.mean), list(steps.std)),
        ]
    )
    of_images = v2.Compose(
        [v2.Resize(steps.resize), v2.CenterCrop(steps.crop), v2.PILToTensor()],
    )
    for photograph in photographs:
        image = photograph.resize((width, height))
        found = in_graph(image, steps)
        exact = of_tensors(torch.tensor(np.asarray(image)).permute(2, 0, 1))
        assert levels_apart(found, exact) <= FLOAT32_LEVELS
        assert levels_apart(found, of_images(image).double() / 255) <= ROUNDED_TWICE
        assert levels_apart(found, as_sample(image, steps)) <= ROUNDED_TWICE


def raw_pixels(image: Image.Image) -> torch.Tensor:
    """(3, height, width) in [0, 1], float64."""
    return torch.tensor(np.asarray(image)).permute(2, 0, 1).double() / 255


def a_side_at_a_time(image: Image.Image, steps: Preprocess) -> torch.Tensor:
    """torchvision's cubic filter of tensors, cut off at black and white after either side."""
    height, width = image.height, image.width
    tall, wide = (steps.resize * side // min(height, width) for side in (height, width))
    found = raw_pixels(image)
    for size in ((height, wide), (tall, wide)):
        found = functional.resize(found, list(size), interpolation=BICUBIC).clamp(0, 1)
    return functional.center_crop(found, [steps.crop, steps.crop])


@pytest.mark.parametrize(
    "steps", [CUBIC, CUBIC_LARGER, CUBIC_BEYOND], ids=["256/224", "342/299", "20/33"]
)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_photographs_are_prepared_by_the_cubic_filter_as_by_torchvision(
    photographs: list[Image.Image], size: tuple[int, int], steps: Preprocess
) -> None:
    height, width = size
    resize = v2.Compose([v2.Resize(steps.resize, BICUBIC), v2.CenterCrop(steps.crop)])
    for photograph in photographs:
        image = photograph.resize((width, height))
        found = in_graph(image, steps)
        assert levels_apart(found, a_side_at_a_time(image, steps)) <= FLOAT32_LEVELS
        pillow = functional.pil_to_tensor(resize(image)).double() / 255
        assert levels_apart(found, pillow) <= CUBIC_ROUNDED_TWICE
        assert levels_apart(found, as_sample(image, steps)) <= CUBIC_ROUNDED_TWICE
        pale = image.point(lambda level: 64 + level // 2)  # too grey to overshoot
        uncut = resize(raw_pixels(pale))
        assert levels_apart(in_graph(pale, steps), uncut) <= FLOAT32_LEVELS


def test_noise_of_black_and_white_is_cut_off_where_pillow_cuts_it_off() -> None:
    """What the filter of tensors leaves in: it would be 70 levels beyond black and white."""
    levels = np.random.default_rng(0).integers(0, 2, (257, 259, 3), np.uint8) * 255
    image = Image.fromarray(levels)
    resize = v2.Compose([v2.Resize(CUBIC.resize, BICUBIC), v2.CenterCrop(CUBIC.crop)])
    found = in_graph(image, CUBIC)
    assert levels_apart(found, a_side_at_a_time(image, CUBIC)) <= FLOAT32_LEVELS
    pillow = functional.pil_to_tensor(resize(image)).double() / 255
    assert levels_apart(found, pillow) <= CUBIC_ROUNDED_TWICE
    assert levels_apart(found, resize(raw_pixels(image))) > 20 * CUBIC_ROUNDED_TWICE


def test_a_preparation_by_the_other_filter_would_be_seen(photographs: list[Image.Image]) -> None:
    image = photographs[0].resize((77, 50))
    expected = as_sample(image, CUBIC)
    assert levels_apart(in_graph(image, PLAIN), expected) > 10 * CUBIC_ROUNDED_TWICE


LONGEST = 2**14
OPSET = 20
WEIGHT_STEP = 2**-19
"""Where a line of pixels is enlarged so far that places are rounded to twenty bits."""


def keys(away: np.ndarray) -> np.ndarray:
    """The cubic convolution filter of a = -1/2 (Keys, 1981), in float64."""
    inner = (1.5 * away - 2.5) * away**2 + 1
    outer = ((-0.5 * away + 2.5) * away - 4) * away + 2
    return np.select([away < 1, away < 2], [inner, outer], 0.0)


@pytest.mark.parametrize(
    ("length", "across", "resize"),
    [
        (LONGEST, LONGEST, 256),
        (LONGEST, LONGEST, 2),
        (LONGEST, LONGEST, LONGEST),
        (LONGEST, 1, 256),
        (LONGEST, 1, LONGEST),
        (1, LONGEST, LONGEST),
        (7, LONGEST, 3),
    ],
)
def test_no_side_is_too_long_for_the_integers_of_the_cubic_filter(
    length: int, across: int, resize: int
) -> None:
    crop = 2
    own = torch.arange(length)
    taken, sums = resizing(own, torch.arange(across), resize, crop, cubic=True)
    found = (taken.double() / sums).numpy()
    resized = length * resize // min(length, across)
    wanted = np.arange(crop)[:, None] + (resized - crop) // 2
    away = np.abs((np.arange(length) + 0.5) * resized / length - wanted - 0.5)
    expected = keys(away * min(length / resized, 1))
    np.testing.assert_allclose(found, expected / expected.sum(1, keepdims=True), atol=WEIGHT_STEP)


@pytest.mark.parametrize("format_name", ["onnx", "onnx-legacy"])
@pytest.mark.parametrize("steps", [PLAIN, CUBIC], ids=["bilinear", "bicubic"])
def test_long_and_narrow_images_are_prepared_alike_in_onnxruntime(
    tmp_path: Path, format_name: str, steps: Preprocess
) -> None:
    """Their integers are beyond 2³¹, where its Min, Max and Clip are wrong."""
    small = replace(steps, crop=8)
    spec = prepared(replace(lamp(nn.Flatten, classes=192), preprocess=small))
    built = weights.materialize(spec, choice="random")
    file = tmp_path / "model.onnx"
    formats.get(format_name).export(built, file, opset=OPSET)
    runner = runtimes.get("onnxruntime").load(file, spec, RunOptions())
    for height, width in ((LONGEST, 1), (3, LONGEST), (513, 384)):
        raw = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), np.uint8)
        expected = built.module(torch.tensor(raw)).numpy()
        found = runner.run({"image": raw})["logits"]
        np.testing.assert_allclose(found, expected, atol=2 * FLOAT32_LEVELS / 255)


def test_a_preparation_that_forgets_to_antialias_would_be_seen(
    photographs: list[Image.Image],
) -> None:
    careless = v2.Compose([v2.Resize(256, antialias=False), v2.CenterCrop(224)])
    raw = torch.tensor(np.asarray(photographs[0])).permute(2, 0, 1) / 255
    assert levels_apart(in_graph(photographs[0], PLAIN), careless(raw)) > 20 * ROUNDED_TWICE


@pytest.mark.parametrize("name", ["lenet5", "mlp_784_200_200_10", "cifar_net", "resnet18"])
@pytest.mark.parametrize("size", [(427, 640), (301, 300), (28, 28), (9, 40)], ids=str)
def test_every_kind_of_entry_gets_what_its_image_files_become(
    photographs: list[Image.Image], name: str, size: tuple[int, int]
) -> None:
    """Grey, padded, signed, in one row: as torchvision prepares their image files."""
    spec = registry.catalogue()[name]
    steps = spec.preprocess
    assert steps is not None
    height, width = size
    flat = len(spec.inputs[0].shape) == 2
    bound = ROUNDED_THRICE if steps.channels == 1 else ROUNDED_TWICE
    for photograph in photographs:
        image = photograph.resize((width, height))
        found = in_graph(image, steps, flat=flat)
        expected = as_sample(image, steps)
        expected = expected.reshape(-1) if flat else expected
        assert found.shape == expected.shape
        assert levels_apart(found, expected, steps.std) <= bound


def test_a_grey_image_keeps_its_grey(photographs: list[Image.Image]) -> None:
    grey = photographs[0].convert("L")
    steps = Preprocess(1, 256, 224, (0.0,), (1.0,))
    expected = in_graph(grey.convert("RGB"), PLAIN)
    torch.testing.assert_close(in_graph(grey.convert("RGB"), steps), expected[:1])


def test_images_of_a_batch_are_prepared_apart(photographs: list[Image.Image]) -> None:
    raw = torch.stack([torch.tensor(np.asarray(each)) for each in photographs])
    together = Preparation(PLAIN)(raw)
    for number, photograph in enumerate(photographs):
        torch.testing.assert_close(together[number], in_graph(photograph, PLAIN))


class Sizes(nn.Module):
    """As many outputs as the image has rows: an output whose size is that of the input."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.mean(dim=(1, 3))


def test_an_output_as_large_as_the_prepared_image_has_its_size_as_a_number() -> None:
    spec = replace(
        lamp(Sizes),
        inputs=(Port("image", ("batch", 3, "height", "width")),),
        outputs=(Port("logits", ("batch", "height")),),
    )
    found = prepared(spec)
    assert found.inputs == (Port("image", ("batch", "height", "width", 3), "uint8", 0, 255),)
    assert found.outputs[0].shape == ("batch", STEPS.crop)
    assert [one.name for one in found.dimensions] == ["batch", "height", "width"]
    assert {one.low for one in found.dimensions} == {1}


class Louder(nn.Module):
    """What a twin would be: the same network, in another form."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.inner(image)


def test_a_twin_stands_behind_the_same_preparation() -> None:
    spec = replace(lamp(), twins=(Twin(("onnx",), Louder, "to see it"),))
    module = behind_preparation(Lamp(), spec)
    twin = prepared(spec).twin_for("onnx")
    assert twin is not None
    built = twin.build(module)
    assert any(isinstance(part, Louder) for part in built.modules())
    raw = torch.randint(0, 256, (2, 9, 20, 3), dtype=torch.uint8)
    assert torch.equal(built(raw), module(raw))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda spec: replace(spec, preprocess=None), "does not say how an image becomes"),
        (lambda spec: replace(spec, preprocess=replace(STEPS, padding=1)), r"\(3, 10, 10\)"),
        (lambda spec: replace(spec, preprocess=replace(STEPS, mean=(0.5,))), "for each channel"),
        (lambda spec: replace(spec, inputs=(*spec.inputs, Port("w", ("batch",)))), "w float32"),
        (
            lambda spec: replace(spec, inputs=(replace(spec.inputs[0], dtype="float16"),)),
            "image float16",
        ),
    ],
    ids=["no image", "another size", "channels", "two inputs", "half precision"],
)
def test_a_model_whose_images_cannot_be_prepared_is_refused_with_the_reason(
    change: Callable[[ModelSpec], ModelSpec], expected: str
) -> None:
    with pytest.raises(UsageError, match=expected) as caught:
        prepared(change(lamp()))
    assert caught.value.hint


EVERY = (*FORMAT_NAMES, "onnx-legacy")

LENS = """
from torch import nn
from toolkit.spec import ModelSpec, Port, Preprocess

def lens():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 3))

half = (0.5, 0.5, 0.5)
steps = Preprocess(3, 14, 12, half, half, interpolation="bicubic")
LENS = ModelSpec(
    "lens",
    lens,
    (Port("input", ("batch", 3, 12, 12), low=-1, high=1),),
    (Port("logits", ("batch", 3)),),
    preprocess=steps,
)
"""


def proven(word: str, folder: Path) -> list[CheckResult]:
    """The verdicts over every format, exported and checked as `toolkit check` does it."""
    words = ModelWords(word, weights="random", with_preprocess=True)
    options = CheckOptions(EVERY, failures=folder, budget_s=LEAST_S)
    found = pipeline.prove(words, ExportOptions(EVERY, folder), options, EVERY, {})
    return [row for row in found if isinstance(row, CheckResult)]


@pytest.mark.slow
def test_every_form_passes_at_every_size_by_the_cubic_filter(tmp_path: Path) -> None:
    (tmp_path / "lens.py").write_text(LENS, encoding="utf-8")
    rows = proven(f"{tmp_path / 'lens.py'}:LENS", tmp_path)
    assert [row.status for row in rows] == ["pass"] * len(EVERY), rows
    (manifest,) = tmp_path.glob("*/manifest.json")
    held = read(manifest.parent).spec.preprocess
    assert held is not None
    assert held.interpolation == "bicubic"


@pytest.mark.slow
def test_every_form_passes_at_every_size_and_from_its_bundle(tmp_path: Path) -> None:
    """Exported and checked, then the bundle by its own word."""
    rows = proven("lenet5", tmp_path)
    assert [row.status for row in rows] == ["pass"] * len(EVERY), rows
    held = read(tmp_path / "lenet5")
    assert held.manifest.preprocess_in_graph
    assert held.spec.preprocess == registry.catalogue()["lenet5"].preprocess
    again = ModelWords(str(tmp_path / "lenet5"))
    options = CheckOptions(("onnx",), failures=tmp_path, budget_s=LEAST_S)
    rows = [
        row
        for row in pipeline.check(again, options, ("onnx",), None)
        if isinstance(row, CheckResult)
    ]
    assert [row.status for row in rows] == ["pass"]
    with pytest.raises(UsageError, match="decided when it was exported"):
        list(pipeline.check(replace(again, with_preprocess=True), options, ("onnx",), None))


def test_the_weights_of_a_prepared_bundle_are_those_of_the_network(tmp_path: Path) -> None:
    words = ModelWords("lenet5", weights="random", with_preprocess=True)
    list(pipeline.export(words, ExportOptions(("trace",), tmp_path), {}))
    held = str(tmp_path / "lenet5" / "weights.safetensors")
    bare = ModelWords("lenet5", weights=held)
    (made,) = pipeline.export(bare, ExportOptions(("trace",), tmp_path / "bare"), {})
    (seeded,) = pipeline.export(
        ModelWords("lenet5", weights="random"), ExportOptions(("trace",), tmp_path / "seeded"), {}
    )
    assert made.weights is not None
    assert seeded.weights is not None
    assert made.weights.sha256 == seeded.weights.sha256
    assert not read(tmp_path / "bare" / "lenet5").manifest.preprocess_in_graph

"""Models of torchvision, at the size and by the preparation that come with their weights."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from torch import Tensor, nn

from toolkit.errors import BuildError, InputsError, ModelNotFoundError
from toolkit.libraries.pictures import (
    CLASSES,
    LABELS,
    Pixels,
    count,
    interpolation,
    ports,
    require_like,
    resized,
    side,
    with_side,
)
from toolkit.libraries.seeding import draw_well
from toolkit.spec import BATCH, ModelSpec, Port, Preprocess, Pretrained
from toolkit.words import ModelWords, nearest_words

FRAMES = 16
"""The length of clips: that on which torchvision's networks for videos were trained."""
_OLD_DENSENET = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)")
_WINDOWS = 224
"""Sides of images for MaxVit: 5 halvings, and windows of 7 at the last."""


def names() -> list[str]:
    """Every classifier of images, in alphabetical order."""
    from torchvision import models

    return list(models.list_models(module=models))


def find(name: str, words: ModelWords, inputs: tuple[Port, ...]) -> ModelSpec:
    """The spec of a model for images or videos; raises `ModelNotFoundError`, `InputsError`."""
    published = _published(name, words.word)
    arguments = words.constructor_arguments()
    known = published.port
    given = ports(words, (known,), inputs)
    require_like(words.word, given, known)
    arguments = {**published.structure, **published.sizing(given[0], words.word), **arguments}
    classes = count(words, "num_classes", published.classes)
    own_head = classes != published.classes
    steps = published.preprocess
    return ModelSpec(
        words.shown,
        partial(_built, name, arguments),
        given,
        outputs=(Port("logits", (BATCH, classes)),) if published.classifies else (),
        dimensions=words.dimensions(),
        constants=words.constants(),
        family="torchvision",
        pretrained=None if own_head else published.weights(arguments),
        preprocess=None if steps is None else resized(steps, given[0]),
        labels=LABELS if classes == CLASSES else None,
    )


def fitted(name: str, inputs: Sequence[str]) -> tuple[str, ...]:
    """`--input` words with images of the least size that the model takes and that is asked for."""
    published = _published(name, name)
    return with_side(inputs, published.port.name, published.least, published.step)


def _built(name: str, arguments: Mapping[str, object]) -> nn.Module:
    from torchvision.models import get_model

    try:
        return draw_well(get_model(name, weights=None, **arguments))
    except (TypeError, ValueError, AssertionError) as error:
        kind = InputsError if arguments else BuildError
        raise kind(
            f"torchvision refuses to build it: {error}", hint="--arg NAME=VALUE goes to its builder"
        ) from error


@dataclass(frozen=True)
class _Published:
    """What torchvision publishes of a model beside its builder."""

    name: str
    builder: Callable[..., Any]
    member: Any

    @cached_property
    def kind(self) -> type[nn.Module]:
        """The class of the network."""
        found: type[nn.Module] = typing.get_type_hints(self.builder)["return"]
        return found

    @cached_property
    def steps(self) -> Any:
        """The preparation of images that its weights came with."""
        return self.member.transforms()

    @property
    def classes(self) -> int:
        return len(self.member.meta["categories"])

    @property
    def classifies(self) -> bool:
        """Whether it gives one score a class: other networks give maps by name."""
        return hasattr(self.steps, "crop_size")

    @property
    def port(self) -> Port:
        """Its input at the native size, by the name of forward's parameter."""
        place = list(inspect.signature(self.kind.forward).parameters)[1]
        sizes = getattr(self.steps, "crop_size", self.steps.resize_size)
        sizes = sizes * 2 if len(sizes) == 1 else sizes
        frames = (FRAMES,) if self._kind_of_steps == "VideoClassification" else ()
        return Pixels(self.steps.mean, self.steps.std).port(place, (3, *frames, *sizes))

    @property
    def _kind_of_steps(self) -> str:
        return type(self.steps).__name__

    @property
    def preprocess(self) -> Preprocess | None:
        if self._kind_of_steps != "ImageClassification":
            return None
        steps, filtered = self.steps, interpolation(self.steps.interpolation.value)
        (resize,), (crop,) = steps.resize_size, steps.crop_size
        if filtered is None:
            return None
        mean, std = tuple(steps.mean), tuple(steps.std)
        return Preprocess(3, resize, crop, mean, std, interpolation=filtered)

    @cached_property
    def takes(self) -> frozenset[str]:
        """The arguments of the builder and of the class behind it."""
        own, behind = inspect.signature(self.builder), inspect.signature(self.kind)
        return frozenset({*own.parameters, *behind.parameters})

    @property
    def structure(self) -> dict[str, object]:
        """The arguments with which the published network is built; nothing is downloaded for it."""
        wanted: dict[str, object] = {
            "weights_backbone": None,
            "aux_loss": True,
            "transform_input": True,
            "init_weights": False,
        }
        if self.name == "googlenet":
            wanted["aux_logits"] = False
        return {key: value for key, value in wanted.items() if key in self.takes}

    @property
    def step(self) -> int:
        """What a side must be a multiple of."""
        if "patch_size" in self.takes and "image_size" in self.takes:
            return int(self.name.rpartition("_")[2])  # vit_b_16
        return _WINDOWS if "input_size" in self.takes else 1

    @property
    def least(self) -> int:
        """The least side; transformers are built for the side that is asked for."""
        fixed = {"image_size", "input_size", "window_size"} & self.takes
        return self.step if fixed else max(self.member.meta["min_size"])

    def sizing(self, port: Port, word: str) -> dict[str, object]:
        """The argument that builds it for images of the port's size, if it needs one.

        Raises `InputsError` for a side that it does not take.
        """
        asked = side(port)
        if asked is None:
            return {}
        if asked < self.least or asked % self.step:
            rule = f"in multiples of {self.step}" if self.step > 1 else f"of {self.least} or more"
            words = f"{port.name}={BATCH},3,{asked},{asked}"
            (fitting,) = with_side([words], port.name, self.least, self.step)
            raise InputsError(
                f"it takes sides {rule}, not {asked}", model=word, hint=f"--input {fitting}"
            )
        if "image_size" in self.takes:
            return {"image_size": asked}
        return {"input_size": (asked, asked)} if "input_size" in self.takes else {}

    def weights(self, arguments: Mapping[str, object]) -> Pretrained:
        """Its published weights, by the names and sizes of this network."""
        size = arguments.get("image_size")
        adapt: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] | None = None
        if self.name.startswith("densenet"):
            adapt = _with_new_names
        elif self.name == "googlenet":
            adapt = _without_auxiliary
        elif isinstance(size, int) and size != side(self.port):
            adapt = partial(_for_images, size, self.step)
        return Pretrained(str(self.member), adapt)


def _published(name: str, word: str) -> _Published:
    """What is known of a name; raises `ModelNotFoundError` for one that cannot be taken."""
    from torchvision.models import get_model_builder, get_model_weights, list_models

    if name not in list_models():
        near = nearest_words(name, list_models())
        raise ModelNotFoundError(
            f"torchvision has no model {name}",
            model=word,
            hint=f"did you mean {', '.join(near)}?" if near else None,
        )
    found = _Published(name, get_model_builder(name), get_model_weights(name).DEFAULT)
    if name.startswith("quantized_"):
        raise ModelNotFoundError(
            "quantized networks are not supported",
            model=word,
            hint=f"torchvision:{name.removeprefix('quantized_')} is the same in float32",
        )
    if type(found.steps).__name__ in ("ObjectDetection", "OpticalFlow"):
        raise ModelNotFoundError(
            "it takes lists of images, or pairs of them, and is not supported as such",
            model=word,
            hint="examples/detection wraps such a network: file.py:name",
        )
    return found


def _with_new_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Densenet's: `norm.1` of the published files is `norm1` now."""
    return {_OLD_DENSENET.sub(r"\1\2", name): value for name, value in state.items()}


def _without_auxiliary(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """GoogLeNet's: its auxiliary heads are not used, and were not trained."""
    return {name: value for name, value in state.items() if not name.startswith("aux")}


def _for_images(size: int, patch: int, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A vision transformer's: its embeddings of places interpolated, by torchvision's rule."""
    from torchvision.models.vision_transformer import interpolate_embeddings

    return dict(interpolate_embeddings(size, patch, dict(state)))

"""Models of timm, at the size and by the preparation of their published configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import timm
from torch import Tensor, nn

from toolkit.errors import BuildError, InputsError, ModelNotFoundError
from toolkit.libraries import hub
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

INPUT = "x"
_CENTRE = "center"
"""The crop mode that keeps an image's proportions and cuts a square out of its middle."""


def names() -> list[str]:
    """Every architecture, as timm sorts them."""
    return list(timm.list_models())


def find(name: str, words: ModelWords, inputs: tuple[Port, ...]) -> ModelSpec:
    """The spec of a model, `architecture` or `architecture.tag`; raises `ModelNotFoundError`."""
    config = _config(name, words.word)
    arguments = words.constructor_arguments()
    channels = count(words, "in_chans", config.input_size[0])
    known = Pixels(config.mean, config.std).port(INPUT, (channels, *config.input_size[1:]))
    given = ports(words, (known,), inputs)
    require_like(words.word, given, known)
    classes = count(words, "num_classes", config.num_classes)
    arguments = {**_sizing(config, given[0]), **arguments}
    return ModelSpec(
        words.shown,
        partial(_built, name, arguments),
        given,
        outputs=(Port("logits", (BATCH, classes)),) if classes else (),
        dimensions=words.dimensions(),
        constants=words.constants(),
        family="timm",
        pretrained=_pretrained(name, config, arguments) if classes == config.num_classes else None,
        preprocess=_preprocess(config, given[0]),
        labels=LABELS if classes == CLASSES else None,
    )


def fitted(name: str, inputs: Sequence[str]) -> tuple[str, ...]:
    """`--input` words with images of at least the size that the model takes."""
    least = max((_config(name, name).min_input_size or (0, 0, 0))[1:])
    return with_side(inputs, INPUT, least)


def _config(name: str, word: str) -> Any:
    try:
        if timm.is_model(name) and (found := timm.get_pretrained_cfg(name)) is not None:
            return found
    except RuntimeError as error:  # an unknown tag of a known architecture
        known = timm.list_pretrained(f"{name.partition('.')[0]}.*")
        raise ModelNotFoundError(
            f"timm: {error}", model=word, hint=f"the tags are those of {', '.join(known)}"
        ) from error
    near = nearest_words(name, names())
    raise ModelNotFoundError(
        f"timm has no model {name}",
        model=word,
        hint=f"did you mean {', '.join(near)}?" if near else None,
    )


def _sizing(config: Any, port: Port) -> dict[str, object]:
    """The argument that builds a network of fixed size for another."""
    asked = side(port)
    native = config.input_size[1:]
    fixed = config.fixed_input_size and asked is not None and (asked, asked) != native
    return {"img_size": asked} if fixed else {}


def _built(name: str, arguments: Mapping[str, object]) -> nn.Module:
    return draw_well(_created(name, arguments, pretrained=False))


def _created(name: str, arguments: Mapping[str, object], *, pretrained: bool) -> nn.Module:
    try:
        made: nn.Module = timm.create_model(name, pretrained=pretrained, **arguments)
    except (TypeError, ValueError, AssertionError) as error:
        kind = InputsError if arguments else BuildError
        raise kind(
            f"timm refuses to build it: {error}", hint="--arg NAME=VALUE goes to timm.create_model"
        ) from error
    return made


def _pretrained(name: str, config: Any, arguments: Mapping[str, object]) -> Pretrained | None:
    if not config.has_weights:
        return None
    return Pretrained(f"timm {name}", fetch=partial(_fetched, name, arguments))


def _fetched(name: str, arguments: Mapping[str, object]) -> dict[str, Tensor]:
    """The published tensors, as timm itself loads them into this network."""
    with hub.quietly():
        return _created(name, arguments, pretrained=True).state_dict()


def _preprocess(config: Any, port: Port) -> Preprocess | None:
    """As timm.data.transforms_factory prepares, but for its crop modes `squash` and `border`."""
    channels, height, width = config.input_size
    filtered = interpolation(config.interpolation)
    if height != width or port.shape[1] != channels:
        return None
    if filtered is None or config.crop_mode != _CENTRE:
        return None
    resize = int(height / config.crop_pct)
    mean, std = config.mean, config.std
    return resized(Preprocess(channels, resize, height, mean, std, interpolation=filtered), port)

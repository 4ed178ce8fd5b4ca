"""Models of transformers: class, inputs and weights by the configuration of a folder or the hub.

Of a network that encodes and decodes the encoder is taken. Code that a repository brings is never
run.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from toolkit.errors import (
    BuildError,
    InputsError,
    MissingError,
    ModelNotFoundError,
    UsageError,
    WeightsError,
)
from toolkit.libraries import hub
from toolkit.libraries.pictures import ports
from toolkit.libraries.seeding import break_constants
from toolkit.reasons import one_line
from toolkit.spec import BATCH, Dimension, ModelSpec, Port, Pretrained
from toolkit.words import CONFIGURATION, ModelWords

SEQUENCE = "sequence"
ATTENTION = "eager"
"""Written out: T5's cannot be translated to ONNX where torch's scaled dot product does it."""
WEIGHTS_FILES = (
    *("model.safetensors", "model.safetensors.index.json"),
    *("pytorch_model.bin", "pytorch_model.bin.index.json"),
)
USUAL_TOKENS = 128
_FRAMES_A_POSITION = 2
"""Of Whisper: its second convolution has a stride of 2."""

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


def find(name: str, words: ModelWords, inputs: tuple[Port, ...]) -> ModelSpec:
    """The spec of a model of the hub, or of its cache; raises `MissingError`."""
    if Path(name).is_dir():
        raise ModelNotFoundError(
            f"the folder {name} has no {CONFIGURATION}",
            model=words.word,
            hint="the folder is one that save_pretrained wrote",
        )
    try:
        with hub.quietly():
            config = _configuration(name)
    except (OSError, ValueError) as error:
        raise MissingError(
            f"its configuration cannot be had: {one_line(str(error))}",
            model=words.word,
            hint="download it once where there is a network, or name a folder that holds it",
        ) from error
    return _spec(config, words, inputs, Pretrained(name, fetch=partial(_fetched, name, config)))


def of_folder(folder: Path, words: ModelWords, inputs: tuple[Port, ...]) -> ModelSpec:
    """The spec of a model whose configuration, and weights if it has any, lie in a folder."""
    try:
        config = _configuration(folder)
    except (OSError, ValueError) as error:
        raise ModelNotFoundError(
            f"its config.json is none of transformers: {one_line(str(error))}",
            model=words.word,
            hint="the folder is one that save_pretrained wrote",
        ) from error
    held = any((folder / name).is_file() for name in WEIGHTS_FILES)
    fetch = partial(_fetched, str(folder.resolve()), config)
    return _spec(config, words, inputs, Pretrained(folder.name, fetch=fetch) if held else None)


def _configuration(place: Path | str) -> Any:
    """What describes a model; code that comes with it is never run."""
    return transformers.AutoConfig.from_pretrained(
        place, trust_remote_code=False, attn_implementation=ATTENTION
    )


def _spec(
    config: Any, words: ModelWords, inputs: tuple[Port, ...], pretrained: Pretrained | None
) -> ModelSpec:
    if words.arguments:
        raise UsageError("its configuration says how it is built: no --arg", model=words.word)
    config.use_cache = False
    config.dtype = torch.float32
    known, dimensions = _inputs(config)
    given = ports(words, known, inputs)
    if not given:
        raise InputsError(
            "its configuration does not say what it takes",
            model=words.word,
            hint="say it by the names of forward's parameters: --input NAME=DIM,DIM,…[:DTYPE]",
        )
    asked = {one.name: usually(one) for one in words.dimensions()}
    used = {symbol for port in given for symbol in port.symbols}
    own = {one.name: one for one in dimensions if one.name in used}
    return ModelSpec(
        words.shown,
        partial(_built, config),
        given,
        dimensions=tuple({**own, **asked}.values()),
        constants=words.constants(),
        family="transformers",
        pretrained=pretrained,
    )


def _class_of(config: Any) -> type[Any]:
    """The network that the configuration names, else the one without a head.

    Anyone can write a configuration: nothing but a network is taken by its name.
    """
    named: Any = getattr(transformers, (config.architectures or [""])[0], None)
    if isinstance(named, type) and issubclass(named, transformers.PreTrainedModel):
        return named
    try:
        bare: type[Any] = transformers.MODEL_MAPPING[type(config)]
    except KeyError as error:
        raise ModelNotFoundError(
            f"transformers {transformers.__version__} has no {config.architectures or 'network'}"
        ) from error
    return bare


def _part(network: Any) -> nn.Module:
    """The network itself, or its encoder where it has a decoder too."""
    part: nn.Module = network.get_encoder() if network.config.is_encoder_decoder else network
    return part


def _constructed(config: Any) -> nn.Module:
    try:
        return _part(_class_of(config)(copy.deepcopy(config)))
    except (TypeError, ValueError, AttributeError, ImportError) as error:
        raise BuildError(f"transformers cannot build it: {one_line(str(error))}") from error


def _built(config: Any) -> nn.Module:
    return break_constants(_constructed(config))


def _fetched(source: str, config: Any) -> dict[str, Tensor]:
    """The published tensors in float32, those left out that the library had to draw itself."""
    try:
        with hub.quietly():
            network, said = _class_of(config).from_pretrained(
                source,
                config=copy.deepcopy(config),
                dtype=torch.float32,
                output_loading_info=True,
            )
    except RuntimeError as error:
        raise WeightsError(
            f"its weights do not fit its configuration: {one_line(str(error))}"
        ) from error
    drawn = set(said["missing_keys"])
    whole = network.state_dict(keep_vars=True)
    lacking = {id(tensor) for name, tensor in whole.items() if name in drawn}
    state: Mapping[str, Tensor] = _part(network).state_dict(keep_vars=True)
    return {name: value.detach() for name, value in state.items() if id(value) not in lacking}


def _inputs(config: Any) -> tuple[list[Port], list[Dimension]]:
    """Ports by the names of forward's parameters, and the ranges of their dimensions."""
    with torch.device("meta"):
        module = _constructed(config)
    taken = inspect.signature(module.forward).parameters
    main = getattr(module, "main_input_name", "input_ids")
    if main == "input_ids" and main in taken:
        return _tokens(config, taken), [_sequence(config, module)]
    if main == "pixel_values":
        return [_pixels(config)], []
    if main == "input_features" and hasattr(config, "num_mel_bins"):
        frames = _FRAMES_A_POSITION * config.max_source_positions
        return [Port(main, (BATCH, config.num_mel_bins, frames))], []
    return [], []


def _tokens(config: Any, taken: Mapping[str, object]) -> list[Port]:
    text = config.get_text_config()
    shape = (BATCH, SEQUENCE)
    found = [Port("input_ids", shape, "int64", low=0, high=text.vocab_size - 1)]
    if "attention_mask" in taken:
        found.append(Port("attention_mask", shape, "int64", low=0, high=1, mask=True))
    kinds = getattr(text, "type_vocab_size", 0)
    if "token_type_ids" in taken and kinds > 1:
        found.append(Port("token_type_ids", shape, "int64", low=0, high=kinds - 1))
    return found


def _sequence(config: Any, module: nn.Module) -> Dimension:
    """As long as there are positions; RoBERTa's begin behind the one for padding."""
    most = getattr(config.get_text_config(), "max_position_embeddings", None)
    for name, part in module.named_modules():
        padded = isinstance(part, nn.Embedding) and part.padding_idx is not None
        if padded and name.endswith("position_embeddings"):
            most = part.num_embeddings - part.padding_idx - 1
    return usually(Dimension(SEQUENCE, low=1, high=most if most and most > 0 else None))


def usually(dimension: Dimension) -> Dimension:
    """A length of texts with the one that is timed: 128 tokens, or the most that it takes."""
    if dimension.name != SEQUENCE:
        return dimension
    high, low = dimension.high or USUAL_TOKENS, dimension.low
    most = low + (min(high, USUAL_TOKENS) - low) // dimension.step * dimension.step
    return replace(dimension, usual=max(low, most))


def _pixels(config: Any) -> Port:
    seen = getattr(config, "vision_config", config)
    size = seen.image_size
    sides = (size, size) if isinstance(size, int) else tuple(size)
    return Port("pixel_values", (BATCH, seen.num_channels, *sides))

"""What models of images share: the port of normalised pixels, and how a file becomes a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from toolkit.errors import InputsError
from toolkit.grammar import parse_input
from toolkit.spec import BATCH, Interpolation, Port, Preprocess
from toolkit.words import ModelWords

LABELS = "imagenet"
CLASSES = 1000
"""Of ILSVRC 2012: `LABELS` names them."""


@dataclass(frozen=True)
class Pixels:
    """How pixels of [0, 1] are normalised, a value each colour."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def port(self, name: str, shape: Sequence[int]) -> Port:
        """A batch of samples of that shape; its range is what black and white become."""
        low = min(-mean / std for mean, std in zip(self.mean, self.std, strict=True))
        high = max((1 - mean) / std for mean, std in zip(self.mean, self.std, strict=True))
        return Port(name, (BATCH, *shape), low=round(low, 2), high=round(high, 2))


def ports(words: ModelWords, known: Sequence[Port], inputs: tuple[Port, ...]) -> tuple[Port, ...]:
    """The inputs that were asked for, else the known ones; `--range` or the known range applied."""
    own = {port.name: port for port in known}
    filled = [_filled(port, own.get(port.name)) for port in inputs or words.ports() or known]
    said = words.parsed_ranges()
    free = [replace(port, mask=False) if port.name in said else port for port in filled]
    return words.with_ranges(free)


def _filled(port: Port, own: Port | None) -> Port:
    """A port that was given by shape alone, its values drawn as those of the known one."""
    if own is None or port.low is not None or port.dtype != own.dtype:
        return port
    return replace(port, low=own.low, high=own.high, mask=own.mask)


def count(words: ModelWords, argument: str, default: int) -> int:
    """A number that `--arg` gives to the constructor, or its default; raises `InputsError`."""
    value = words.constructor_arguments().get(argument, default)
    if not isinstance(value, int) or value < 0:
        raise InputsError(f"--arg {argument}={value}: expected a number", model=words.word)
    return value


def side(port: Port) -> int | None:
    """The height and width of square images of fixed size, the last two sizes."""
    height, width = port.shape[-2:] if len(port.shape) > 1 else (0, 0)
    return height if isinstance(height, int) and height == width else None


def require_like(model: str, given: Sequence[Port], known: Port) -> None:
    """Refuse inputs of another name or rank than the one known; raises `InputsError`."""
    asked = [(port.name, len(port.shape)) for port in given]
    if asked != [(known.name, len(known.shape))]:
        shape = ",".join(map(str, known.shape))
        raise InputsError(f"its one input is like {known.name}={shape}", model=model)


def interpolation(named: str) -> Interpolation | None:
    """The filter that torchvision and timm call so; None for one that images are not resized by."""
    known: dict[str, Interpolation] = {each: each for each in get_args(Interpolation)}
    return known.get(named)


def resized(steps: Preprocess, port: Port) -> Preprocess | None:
    """The same preparation for another size of images; None where they are not square."""
    asked = side(port)
    if asked is None:
        return None
    return replace(steps, crop=asked, resize=max(asked, round(steps.resize * asked / steps.crop)))


def with_side(inputs: Sequence[str], place: str, least: int, step: int = 1) -> tuple[str, ...]:
    """`--input` words whose square images called `place` are at least `least`, in steps of `step`.

    Other words are left as they are.
    """
    return tuple(_with_side(text, place, least, step) for text in inputs)


def _with_side(text: str, place: str, least: int, step: int) -> str:
    if not text.startswith(f"{place}="):
        return text
    port = parse_input(text)
    asked = side(port)
    if asked is None:
        return text
    fitting = max(least, -(-asked // step) * step)
    shape = (*port.shape[:-2], fitting, fitting)
    dtype = "" if port.dtype == "float32" else f":{port.dtype}"
    return f"{place}={','.join(map(str, shape))}{dtype}"

"""What is said in Python of a model and its check, as the command line has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from toolkit.calling import Constant
from toolkit.errors import UsageError
from toolkit.options import EXPORTED, CheckOptions
from toolkit.parity.limits import Limits, Tolerances
from toolkit.words import (
    RECIPES,
    ModelWords,
    TrainingWords,
    nearest_words,
    parse_formats,
    plain_word,
)

Inputs = Mapping[str, Constant]
"""By the parameters of `forward`: text as for `--input`, and any other value is a constant."""


class Given(TypedDict, total=False):
    """What may be said about a model besides itself; the grammar is that of the command line.

    `inputs`: name → `"batch,3,32,32"`, `"batch,time:int64"`, or a Python value that is no text,
    which `forward` is called with as it is; `dims` and `ranges`: name → `"1..64"`;
    `inputs_file`: an `.npz` of real arrays; `dynamic="auto"` tries which sizes can vary.
    `arguments` go to the constructor
    of a model that is named. `imports` and `ort_libraries` bring operators of your own,
    `with_preprocess` puts the preparation of images into the graph. `weights` is a word or a file;
    `data`, `data_dir`, `recipe` and `epochs` are about the training that gives them.
    """

    inputs: Inputs | None
    dims: Mapping[str, str] | None
    ranges: Mapping[str, str] | None
    inputs_file: Path | str | None
    dynamic: str | None
    arguments: Mapping[str, object] | None
    imports: Sequence[str]
    ort_libraries: Sequence[Path | str]
    with_preprocess: bool
    weights: Path | str
    data: str | None
    data_dir: Path | str | None
    recipe: str
    epochs: int | None
    seed: int


class Judged(Given, total=False):
    """How forms are judged, beside what may be said about the model.

    `formats`: those to judge, all four without it; `device`: `cpu` or `cuda[:N]`; `failures`: the
    folder for failing cases, `exported`. `trust` loads programs that this user's toolkit did not
    write. `budget_s` is the time for the cases of one form, 60 s; None has no end. A form passes up
    to `max_score`, 30. `atol` and `rtol`, numbers or numbers by the outputs' names, judge in place
    of the score: right where |form - eager| ≤ atol + rtol |eager|. `min_agreement` (a share) and
    `min_sqnr` (dB) are bounds for forms of lower precision than the model.
    """

    formats: Sequence[str]
    device: str
    failures: Path | str
    trust: bool
    budget_s: float | None
    max_score: float
    atol: float | Tolerances | None
    rtol: float | Tolerances | None
    min_agreement: float | None
    min_sqnr: float | None


_OF_LIMITS = ("max_score", "atol", "rtol", "min_agreement", "min_sqnr")
_OF_CHECKS = ("device", "trust", "budget_s")


def check_options(said: Judged) -> CheckOptions:
    """How forms are to be judged; raises `UsageError`."""
    require_known(said, Judged)
    values: Mapping[str, Any] = said
    return CheckOptions(
        formats=parse_formats(said.get("formats", ())),
        failures=Path(said.get("failures", EXPORTED)),
        limits=Limits.said(**{name: values[name] for name in _OF_LIMITS if name in values}),
        **{name: values[name] for name in _OF_CHECKS if name in values},
    )


def require_known(said: Mapping[str, object], kind: type[Given]) -> None:
    """Raise `UsageError` for a keyword that there is not: it must not be passed over."""
    known = sorted(kind.__annotations__)
    for name in said:
        if name not in known:
            near = nearest_words(name, known)
            hint = f"did you mean {near[0]}?" if near else f"one of: {', '.join(known)}"
            raise UsageError(f"there is no keyword {name}", hint=hint)


def words_of(word: str, given: Given) -> ModelWords:
    """The words that say the same on the command line.

    Raises `UsageError` where other weights are named than those of the training.
    """
    weights = str(given.get("weights", "default"))
    training = training_of(given)
    if training.said and weights != "default":
        raise UsageError(
            f"weights={weights!r} takes the place of a training: what is said about one would be "
            "passed over",
            model=word,
        )
    return ModelWords(
        plain_word(word),
        _inputs(given.get("inputs")),
        _pairs(given.get("dims")),
        _pairs(given.get("ranges")),
        _arguments(given.get("arguments")),
        _text(given.get("inputs_file")),
        weights,
        given.get("seed", 0),
        training,
        given.get("dynamic"),
        tuple(given.get("imports", ())),
        tuple(map(str, given.get("ort_libraries", ()))),
        given.get("with_preprocess", False),
    )


def training_of(given: Given, device: str = "cpu") -> TrainingWords:
    """What is said about training; raises `UsageError` for a recipe that there is not."""
    recipe = given.get("recipe", RECIPES[0])
    if recipe not in RECIPES:
        raise UsageError(f"unknown recipe {recipe}", hint=f"one of: {', '.join(RECIPES)}")
    folder = _text(given.get("data_dir"))
    return TrainingWords(recipe, given.get("data"), folder, given.get("epochs"), device)


def _text(place: Path | str | None) -> str | None:
    return None if place is None else str(place)


def _inputs(inputs: Inputs | None) -> tuple[str, ...]:
    return tuple(
        f"{name}={said}" if isinstance(said, str) else f"{name}:={said!r}"
        for name, said in (inputs or {}).items()
    )


def _arguments(arguments: Mapping[str, object] | None) -> tuple[str, ...]:
    return tuple(f"{name}={value!r}" for name, value in (arguments or {}).items())


def _pairs(values: Mapping[str, str] | None) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in (values or {}).items())

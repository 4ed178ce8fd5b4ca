"""A user's own module, found by `file.py:name` or `package.module:name`; run only when named."""

from __future__ import annotations

import contextlib
import copy
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from toolkit.errors import BuildError, InputsError, ModelNotFoundError, UsageError
from toolkit.reasons import is_users, one_line
from toolkit.seeds import seeded
from toolkit.signatures import required_parameters
from toolkit.spec import ModelSpec
from toolkit.words import nearest_words


def is_code_word(word: str) -> bool:
    """Whether the word has the form PLACE:NAME with a file or a dotted module as its place."""
    place, colon, name = word.rpartition(":")
    return bool(colon and place and name.isidentifier())


def find_object(word: str, seed: int = 0) -> Any:
    """The object that the word names: a class, function, module instance or `ModelSpec`.

    Imported under `seed`: a module-level instance has the same weights in every process.
    """
    place, _, name = word.rpartition(":")
    with seeded(seed):
        module = import_place(place, word)
    try:
        return getattr(module, name)
    except AttributeError:
        public = [known for known in vars(module) if not known.startswith("_")]
        near = nearest_words(name, public)
        raise ModelNotFoundError(
            f"{place} has no {name}",
            model=word,
            hint=f"did you mean {', '.join(near)}?" if near else None,
        ) from None


def import_place(place: str, word: str) -> ModuleType:
    """The module of a `file.py` or a dotted name; `word` is what errors are about."""
    if place.endswith(".py"):
        return _load_file(word, Path(place))
    return _load_package(word, place)


def _load_file(word: str, path: Path) -> ModuleType:
    if not path.is_file():
        raise ModelNotFoundError(f"there is no file {path}", model=word)
    name = _module_name(path)
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path.resolve()):
        return known
    description = importlib.util.spec_from_file_location(name, path.resolve())
    assert description is not None
    assert description.loader is not None
    module = importlib.util.module_from_spec(description)
    sys.modules[name] = module  # TorchScript looks a class's source up through its module
    with _importable(path.resolve().parent), _blaming(word):
        try:
            description.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return module


def _module_name(path: Path) -> str:
    """The file's stem, unless an installed or already loaded module goes by that name."""
    stem = path.stem if path.stem.isidentifier() else "model"
    loaded = sys.modules.get(stem)
    if loaded is not None and getattr(loaded, "__file__", None) == str(path.resolve()):
        return stem
    with contextlib.suppress(ImportError, ValueError, AttributeError):
        if loaded is not None or importlib.util.find_spec(stem) is not None:
            return f"user_{stem}"
    return stem


def _load_package(word: str, place: str) -> ModuleType:
    with _importable(Path.cwd()), _blaming(word):
        try:
            return importlib.import_module(place)
        except ModuleNotFoundError as error:
            if error.name and (place == error.name or place.startswith(f"{error.name}.")):
                raise ModelNotFoundError(
                    f"there is no module {place}",
                    model=word,
                    hint="modules are looked for in the working folder and among the installed",
                ) from error
            raise


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """The folder first on the path, as for a script; last afterwards, for imports made later."""
    text = str(folder)
    sys.path.insert(0, text)
    try:
        yield
    finally:
        sys.path.remove(text)
        if text not in sys.path:
            sys.path.append(text)


@contextlib.contextmanager
def _blaming(word: str) -> Iterator[None]:
    """What the user's code raises on import, in one line."""
    try:
        yield
    except (ModelNotFoundError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise BuildError(f"importing it raised {said(error)}", model=word) from error


def said(error: BaseException) -> str:
    """What a user's code raised, in one line: the kind, its first line and where it was raised."""
    text = one_line(str(error))
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"{what}{_last_line_in_user_code(error)}"


def _last_line_in_user_code(error: BaseException) -> str:
    """The innermost line that is no library's; a syntax error says its own."""
    if isinstance(error, SyntaxError):
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if is_users(frame.filename)]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


def builder(
    word: str, found: Any, arguments: Mapping[str, object]
) -> Callable[[], nn.Module] | ModelSpec:
    """A function that makes a fresh module, or the `ModelSpec` that the word names."""
    if isinstance(found, ModelSpec):
        return found
    if isinstance(found, nn.Module):
        if arguments:
            raise UsageError("it is an instance: --arg is for classes and functions", model=word)
        return lambda: copy.deepcopy(found)
    if callable(found):
        return lambda: _construct(word, found, arguments)
    raise ModelNotFoundError(
        f"it is of type {type(found).__name__}",
        model=word,
        hint="a word names an nn.Module class, a function that returns one, an instance, "
        "or a ModelSpec",
    )


def _construct(
    word: str, factory: Callable[..., object], arguments: Mapping[str, object]
) -> nn.Module:
    _require_arguments(word, factory, arguments)
    try:
        made = factory(**arguments)
    except (Exception, SystemExit) as error:
        raise BuildError(
            f"building it raised {said(error)}",
            model=word,
            hint="--arg NAME=VALUE gives arguments to the constructor",
        ) from error
    if isinstance(made, nn.Module):
        return made
    raise ModelNotFoundError(f"it gives a {type(made).__name__}, no nn.Module", model=word)


def _require_arguments(
    word: str, factory: Callable[..., object], arguments: Mapping[str, object]
) -> None:
    """Arguments that are missing or unknown are words of the command, not faults of the code."""
    try:
        signature = inspect.signature(factory)
    except ValueError:  # written in C: calling it will tell
        return
    try:
        signature.bind(**arguments)
    except TypeError as error:
        name = getattr(factory, "__name__", "it")
        taken = signature.replace(return_annotation=inspect.Signature.empty)
        raise InputsError(
            f"{name}{taken}: {error}",
            model=word,
            hint="--arg NAME=VALUE gives arguments to the constructor",
        ) from error


def missing_inputs(word: str, build: Callable[[], nn.Module]) -> InputsError:
    """The error for a model without inputs, with a guess from its first layer."""
    module = build()
    first, *others = required_parameters(module) or ["x"]
    layers = (guess for part in module.modules() if (guess := _guess(part)) is not None)
    shape = next(layers, "batch,…")
    options = [f"--input {first}={shape}", *(f"--input {name}=…" for name in others)]
    return InputsError(
        "its inputs are not known",
        model=word,
        hint=f"say them, by the look of its first layer: {' '.join(options)}",
    )


_GUESSES: Mapping[type[nn.Module], Callable[[Any], str]] = {
    nn.Linear: lambda layer: f"batch,{layer.in_features}",
    nn.Conv1d: lambda layer: f"batch,{layer.in_channels},128",
    nn.Conv2d: lambda layer: f"batch,{layer.in_channels},224,224",
    nn.Conv3d: lambda layer: f"batch,{layer.in_channels},16,112,112",
    nn.Embedding: lambda _: "batch,time:int64",
    nn.RNNBase: lambda layer: (
        f"{'batch,time' if layer.batch_first else 'time,batch'},{layer.input_size}"
    ),
}


def _guess(layer: nn.Module) -> str | None:
    fitting = (guess for kind, guess in _GUESSES.items() if isinstance(layer, kind))
    return next((guess(layer) for guess in fitting), None)

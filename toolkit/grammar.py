"""The grammar of the words that describe inputs, both ways: read, and told again.

`--input NAME=DIM,DIM,…[:DTYPE]` or `NAME:=VALUE`, `--dim NAME=LOW..HIGH[:STEP][@TRACED]`,
`--range NAME=LOW..HIGH`, `--arg NAME=VALUE` and `--size NAME=N`, as DESIGN has it.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Mapping, Sequence

from toolkit.calling import Constant
from toolkit.errors import InputsError, SpecError
from toolkit.ports import DTYPES, Dimension, Port, Size

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_CONSTANT = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*:=")
_NUMBERS_BY_X = re.compile(r"\d+(x\d+)+")
_RANGE = re.compile(r"(?P<low>-?[\d.eE+-]+?)\.\.(?P<high>-?[\d.eE+-]+)")
_DIM = re.compile(r"(?P<low>\d+)\.\.(?P<high>\d*)(:(?P<step>\d+))?(@(?P<traced>\d+))?")


def is_constant(text: str) -> bool:
    """Whether the words of `--input` fix an argument that is no tensor."""
    return _CONSTANT.match(text) is not None


def _split(option: str, text: str) -> tuple[str, str]:
    name, equals, rest = text.partition("=")
    if not equals or not _NAME.fullmatch(name) or not rest:
        raise InputsError(f"{option} {text}: expected NAME=…, as in {_EXAMPLES[option]}")
    return name, rest


_EXAMPLES: Mapping[str, str] = {
    "--input": "--input x=batch,3,224,224, --input tokens=batch,time:int64 or --input mask:=None",
    "--dim": "--dim batch=1..64 or --dim height=32..512:32@64",
    "--range": "--range tokens=0..999",
    "--size": "--size time=128",
    "--arg": "--arg hidden=128",
}


def parse_constant(text: str) -> tuple[str, Constant]:
    """`use_cache:=False` as a path and a Python value; raises `InputsError` for anything else."""
    path, _, rest = text.partition(":=")
    try:
        value = ast.literal_eval(rest)
    except (ValueError, SyntaxError):
        value = rest
    if value is not None and not isinstance(value, bool | int | float | str):
        raise InputsError(
            f"--input {text}: {type(value).__name__} is no constant",
            hint="a constant is None, True, False, a number or a text",
        )
    return path, value


def parse_input(text: str) -> Port:
    """`x=batch,3,224,224:float32` as a port; `states.1=…` lies inside a parameter of `forward`."""
    path, rest = _split("--input", text)
    name = path.replace(".", "_")
    shape_text, _, dtype = rest.partition(":")
    dtype = dtype or "float32"
    if dtype not in DTYPES:
        raise InputsError(
            f"--input {text}: unknown dtype {dtype}{told_nearest(dtype, DTYPES)}",
            hint=f"one of: {', '.join(DTYPES)}",
        )
    return Port(name, _parse_shape(text, shape_text), dtype, path=path if path != name else None)


def _parse_shape(text: str, shape_text: str) -> tuple[Size, ...]:
    if shape_text == "()":
        return ()
    if _NUMBERS_BY_X.fullmatch(shape_text):
        return tuple(int(part) for part in shape_text.split("x"))
    sizes: list[Size] = []
    for part in shape_text.split(","):
        word = part.strip()
        if word.isdigit():
            sizes.append(int(word))
        elif re.fullmatch(r"\w+x\d+(x\w+)*", word):
            raise InputsError(
                f"--input {text}: the x form takes numbers alone",
                hint="separate named dimensions with commas: x=batch,3,224,224",
            )
        elif _NAME.fullmatch(word):
            sizes.append(word)
        else:
            raise InputsError(
                f"--input {text}: {word or 'an empty word'} is no size",
                hint="a size is a number, or a name for a dynamic dimension",
            )
    return tuple(sizes)


def told_input(port: Port) -> str:
    """The words of `--input` that describe a port."""
    shape = ",".join(map(str, port.shape)) or "()"
    dtype = "" if port.dtype == "float32" else f":{port.dtype}"
    return f"{port.dotted}={shape}{dtype}"


def told_dim(dimension: Dimension) -> str:
    """The words of `--dim` that describe a dimension."""
    high = "" if dimension.high is None else dimension.high
    step = "" if dimension.step == 1 else f":{dimension.step}"
    traced = "" if dimension.traced_at is None else f"@{dimension.traced_at}"
    return f"{dimension.name}={dimension.low}..{high}{step}{traced}"


def parse_dim(text: str) -> Dimension:
    """`batch=1..64:2@4` as a dimension; an empty high end is open."""
    name, rest = _split("--dim", text)
    found = _DIM.fullmatch(rest)
    if not found:
        raise InputsError(f"--dim {text}: expected LOW..HIGH[:STEP][@TRACED]")
    try:
        return Dimension(
            name,
            low=int(found["low"]),
            high=int(found["high"]) if found["high"] else None,
            step=int(found["step"] or 1),
            traced_at=int(found["traced"]) if found["traced"] else None,
        )
    except SpecError as error:
        raise InputsError(f"--dim {text}: {error.message}") from error


def parse_size(text: str) -> tuple[str, int]:
    """`time=128` as the name of a dimension and its size."""
    name, rest = _split("--size", text)
    if not rest.isdecimal():
        raise InputsError(f"--size {text}: expected a number, as in {_EXAMPLES['--size']}")
    return name, int(rest)


def parse_range(text: str) -> tuple[str, tuple[float, float]]:
    """`tokens=0..999` as a name and both ends."""
    name, rest = _split("--range", text)
    found = _RANGE.fullmatch(rest)
    try:
        if found and float(found["low"]) <= float(found["high"]):
            return name, (float(found["low"]), float(found["high"]))
    except ValueError:
        pass
    raise InputsError(f"--range {text}: expected LOW..HIGH, as in {_EXAMPLES['--range']}")


def parse_argument(text: str) -> tuple[str, object]:
    """`hidden=128` as a keyword argument."""
    name, rest = _split("--arg", text)
    try:
        return name, ast.literal_eval(rest)
    except (ValueError, SyntaxError):
        return name, rest


def told_nearest(word: str, known: Sequence[str]) -> str:
    """The known word that is meant, behind a refusal; nothing where none is near."""
    close = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def nearest_words(word: str, known: Sequence[str]) -> list[str]:
    """Up to three known words that look like this one, the nearest first."""
    return difflib.get_close_matches(word, known, n=3, cutoff=0.5)

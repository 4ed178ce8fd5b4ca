"""The tables of `[tool.toolkit]`, each key named as the option of the command line that it is.

The texts under the fields stand in the JSON Schema, which editors show.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from toolkit.errors import ToolkitError
from toolkit.grammar import parse_argument, parse_constant, parse_dim, parse_input, parse_range
from toolkit.options import EAGER
from toolkit.parity.limits import EVERY, MAX_SCORE
from toolkit.parity.limits import assigned as one_tolerance
from toolkit.spec import ALL_FORMATS
from toolkit.words import parse_formats

LEAST_OPSET = 18
LEAST_LIMIT = 0.1
"""Seconds of `timeout`, and GB of `memory-limit`."""
_NAME = re.compile(r"\w[\w.+-]*")
_DEVICE = r"^(cpu|cuda(:\d+)?)$"


def _objection(error: ToolkitError) -> PydanticCustomError:
    """What the grammar of the command line has against a value, as a validator says it."""
    return PydanticCustomError("words", "{said}", {"said": error.message, "hint": error.hint or ""})


def assigned(name: str, value: str) -> str:
    """`NAME=VALUE`, and `NAME:=VALUE` for a value that is a constant."""
    return f"{name}{value}" if value.startswith(":=") else f"{name}={value}"


def _read_input(text: str) -> object:
    name = text.partition("=")[0]
    return parse_constant(text) if name.endswith(":") else parse_input(text)


def _each(parse: Callable[[str], object]) -> AfterValidator:
    """A check of every value of a table by the grammar of its option."""

    def check(values: dict[str, str]) -> dict[str, str]:
        for name, value in values.items():
            try:
                parse(assigned(name, value))
            except ToolkitError as error:
                raise _objection(error) from error
        return values

    return AfterValidator(check)


def _format(name: str) -> str:
    try:
        parse_formats([name])
    except ToolkitError as error:
        raise _objection(error) from error
    if name not in ALL_FORMATS:
        raise PydanticCustomError("words", "one format a text: {name}", {"name": repr(name)})
    return name


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise PydanticCustomError(
            "name",
            "{name} is no name of a model: letters, digits, `_`, `-` and `.`",
            {"name": repr(name), "hint": "it names the model's folder and its rows in results"},
        )
    return name


def argument(name: str, value: object) -> str:
    """`NAME=VALUE` for a constructor's argument: a value of TOML, or `:=` and a Python literal.

    Raises where no literal says the value.
    """
    if isinstance(value, str) and value.startswith(":="):
        return f"{name}={value[2:]}"
    plain = f"{name}={value}"
    texts = [f"{name}={value!r}", *([plain] if isinstance(value, str) and value else [])]
    try:
        right = [text for text in texts if _is_said(text, value)]
    except ToolkitError as error:
        raise _objection(error) from error
    if not right:
        said = {"name": name, "value": str(value)}
        raise PydanticCustomError("words", "{name}: {value} is no plain value", said)
    return right[-1]


def _is_said(text: str, value: object) -> bool:
    """Whether the text is read as the value."""
    said = parse_argument(text)[1]
    return said == value and type(said) is type(value)


def _arguments(values: dict[str, Any]) -> dict[str, Any]:
    for name, value in values.items():
        argument(name, value)
    return values


_FROM_ZERO = {"type": "number", "minimum": 0}


def _by_output(said: object) -> dict[str, float]:
    """A tolerance for every output, or one for each that is named; `EVERY` names none."""
    named: dict[str, Any] = said if isinstance(said, dict) else {EVERY: said}
    for name, value in named.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value < math.inf:
            where = f"{name}: " if name else ""
            raise PydanticCustomError(
                "words", "{where}a number from 0 up is expected", {"where": where}
            )
    return {name: float(value) for name, value in named.items()}


Format = Annotated[
    str,
    AfterValidator(_format),
    WithJsonSchema({"type": "string", "enum": list(ALL_FORMATS)}),
]
Inputs = Annotated[dict[str, str], _each(_read_input)]
Dims = Annotated[dict[str, str], _each(parse_dim)]
Ranges = Annotated[dict[str, str], _each(parse_range)]
Arguments = Annotated[dict[str, Any], AfterValidator(_arguments)]
Tolerances = Annotated[
    dict[str, float],
    BeforeValidator(_by_output),
    WithJsonSchema({"anyOf": [_FROM_ZERO, {"type": "object", "additionalProperties": _FROM_ZERO}]}),
]
Batches = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
Name = Annotated[str, AfterValidator(_name)]


def key_of(field: str) -> str:
    """A field's key in the file."""
    return field.replace("_", "-")


class Table(BaseModel):
    """A table whose keys are all known."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        alias_generator=key_of,
        use_attribute_docstrings=True,
    )

    def options(self) -> dict[str, Any]:
        """What the table says, by the names and in the shapes that the commands' options have."""
        said = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            name: _SHAPES.get(name, _as_it_is)(value)
            for name, value in said.items()
            if name in self.model_fields_set and name not in ("model", "models")
        }


class Choices(Table):
    """What may be said of one model, or once for all of them."""

    formats: list[Format] = Field(default=[], examples=[["onnx", "pt2"]])
    """Formats to export and check; each that is named must hold. Without it: onnx, pt2, trace and
    script. `toolkit bench` times eager and these."""
    weights: str = Field(default="default", min_length=1, examples=["checkpoints/net.ckpt"])
    """default, pretrained, random, or a checkpoint: FILE or FILE:KEY."""
    device: str = Field(default="cpu", pattern=_DEVICE, examples=["cuda:0"])
    """Where eager and candidates run: cpu or cuda[:N]."""
    seed: int = Field(default=0, ge=0, examples=[0])
    """Seed of weights and draws."""
    opset: int = Field(default=20, ge=LEAST_OPSET, examples=[20])
    """Opset of ONNX files."""
    budget: float = Field(default=60.0, ge=0, examples=[60])
    """Seconds for the cases of one form, in `check` and `run`; the first eight run in any case."""
    batch: Batches = Field(default=[1], examples=[[1, 8]])
    """Batch sizes that `bench` and `run` time."""
    max_score: float = Field(default=MAX_SCORE, gt=0, examples=[30])
    """The largest error that passes, in units of eager's own."""
    atol: Tolerances = Field(default={}, examples=[1e-4, {"output_0": 1e-4}])
    """A tolerance in place of the score, for every floating output or by the outputs' names: right
    where |form - eager| is at most atol + rtol |eager|."""
    rtol: Tolerances = Field(default={}, examples=[1e-3, {"output_0": 1e-3}])
    """As atol, relative to eager's values."""
    min_agreement: float | None = Field(default=None, ge=0, le=1, examples=[0.99])
    """For forms of lower precision than the model: how often the largest feature must be the
    model's."""
    min_sqnr: float | None = Field(default=None, examples=[30])
    """For forms of lower precision than the model: the least ratio of signal to noise, in dB."""
    data_dir: str | None = Field(default=None, examples=["data"])
    """Where data sets lie, or are downloaded to."""

    def options(self) -> dict[str, Any]:
        """What the table says; where formats are named, `bench` times eager and these."""
        said = super().options()
        return said | ({"variants": [EAGER, *self.formats]} if self.formats else {})


class Entry(Choices):
    """One model: its word, its inputs and how it is to be checked."""

    model: str | None = Field(default=None, min_length=1, examples=["net.py:Net"])
    """The model's word, as on the command line: file.py:name, package.module:name, a name of the
    catalogue, a bundle folder. Without it the entry's own name is the word."""
    inputs: Inputs = Field(default={}, examples=[{"x": "batch,3,224,224"}])
    """The inputs by the parameters of forward: DIM,DIM,…[:DTYPE], where a DIM that is a name is
    dynamic, or :=VALUE for a constant."""
    inputs_file: str | None = Field(default=None, examples=["inputs.npz"])
    """Arrays to run besides the drawn ones, by input name; --inputs on the command line."""
    dims: Dims = Field(default={}, examples=[{"batch": "1..64"}])
    """The ranges of dynamic dimensions: LOW..HIGH[:STEP][@TRACED]."""
    ranges: Ranges = Field(default={}, examples=[{"tokens": "0..999"}])
    """The ranges of the inputs' values: LOW..HIGH."""
    arguments: Arguments = Field(default={}, examples=[{"width": 32}])
    """Arguments of the model's constructor; :=VALUE is a Python literal that TOML has no words for,
    such as :=None; --arg on the command line."""
    dynamic: Literal["auto"] | None = Field(default=None, examples=["auto"])
    """auto tries which dimensions of the inputs can vary."""
    imports: list[str] = Field(default=[], alias="import", examples=[["my_operators"]])
    """Modules to import first: ones that register operators of your own."""
    ort_libraries: list[str] = Field(default=[], alias="ort-library", examples=[["libops.so"]])
    """Libraries of operators for onnxruntime."""
    with_preprocess: bool = Field(default=False, examples=[True])
    """Put resize, crop and normalisation into the exported graph."""
    data: str | None = Field(default=None, min_length=1, examples=["digits"])
    """Data to train on in place of the plan's."""
    recipe: Literal["brief", "document"] = Field(default="brief", examples=["document"])
    """Train briefly, or as the document has it."""
    epochs: int | None = Field(default=None, ge=1, examples=[5])
    """Epochs in place of the training plan's."""


class Settings(Choices):
    """`[tool.toolkit]`: what holds for every model, and the models of a bare `toolkit check`."""

    threads: int = Field(default=1, ge=1, examples=[1])
    """Threads of every runtime that is timed."""
    timeout: float = Field(default=600.0, ge=LEAST_LIMIT, examples=[600])
    """Seconds that one case may take."""
    memory_limit: float | None = Field(default=None, ge=LEAST_LIMIT, examples=[8])
    """The most resident memory, in GB."""
    out: str = Field(default="exported", min_length=1, examples=["exported"])
    """Where bundles are written."""
    failures: str = Field(default="exported", min_length=1, examples=["exported"])
    """Where failing cases are saved."""
    models: dict[Name, Entry] = Field(default={}, examples=[{"net": {"model": "net.py:Net"}}])
    """The models, each a table [tool.toolkit.models.NAME]; results call it by that name."""


def _as_it_is(value: Any) -> Any:
    return value


def _assignments(values: Mapping[str, str]) -> list[str]:
    return [assigned(name, value) for name, value in values.items()]


def _joined(values: Iterable[object]) -> str:
    return ",".join(map(str, values))


def _tolerances(values: Mapping[str, float]) -> list[str]:
    """As the command line has them."""
    return [one_tolerance(name, float(value)) for name, value in values.items()]


_SHAPES: Mapping[str, Callable[[Any], Any]] = {
    "atol": _tolerances,
    "rtol": _tolerances,
    "inputs": _assignments,
    "dims": _assignments,
    "ranges": _assignments,
    "arguments": lambda values: [argument(name, value) for name, value in values.items()],
    "batch": _joined,
    "out": Path,
    "failures": Path,
}

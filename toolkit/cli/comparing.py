"""`compare`: two words in place of models, then the sweep."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli.asking import Asks
from toolkit.cli.groups import KEYWORD
from toolkit.words import plain_word

if TYPE_CHECKING:
    from toolkit.options import CheckOptions
    from toolkit.sweep import Sweep

Reference = Annotated[
    str,
    typer.Argument(
        metavar="REFERENCE",
        help="What is right: any model word, an .onnx, .pt or .pt2 file, or a bundle folder.",
    ),
]
Candidate = Annotated[
    str, typer.Argument(metavar="CANDIDATE", help="What is judged: any of these too.")
]


@dataclass(frozen=True)
class Pair:
    """What the reference is compared with, and how."""

    candidate: str
    check: CheckOptions


def of_reference(command: Callable[..., int]) -> Callable[..., int]:
    """The command with one REFERENCE in place of any number of models."""

    @functools.wraps(command)
    def call(*, reference: str, **values: Any) -> int:
        return command(models=[reference], everything=False, **values)

    rest = inspect.signature(command).parameters.values()
    own = inspect.Parameter("reference", KEYWORD, annotation=Reference)
    parameters = [own, *(each for each in rest if each.name not in ("models", "everything"))]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {each.name: each.annotation for each in parameters}
    return call


def compare(asks: Asks[Pair]) -> int:
    """Judge every form of the candidate against the reference."""
    (words,) = asks.words()
    pair = asks.options_of(words)

    def work(sweep: Sweep) -> None:
        sweep.compare(words, plain_word(pair.candidate), pair.check)

    session = asks.typed.common.session("compare", lambda sweep: {"results": sweep.checked})
    return session.run(work)

"""The keywords of a check, as the values that stages take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import UsageError
from toolkit.pytest_plugin.choices import CHOICES

if TYPE_CHECKING:
    from toolkit.options import CheckOptions

LIMITS = "limits"
"""The field of `CheckOptions` whose own fields are keywords."""
TOLERANCES = ("atol", "rtol")
OPTION_OF = {"budget": "budget_s"}
"""Keywords that `CheckOptions` calls otherwise."""
MEANT = {
    "arg": "arguments",
    "args": "arguments",
    "budget_s": "budget",
    "dim": "dims",
    "format": "formats",
    "import": "imports",
    "input": "inputs",
    "ort_library": "ort_libraries",
    "range": "ranges",
}
"""Options of the command line, and what the keyword is called that takes several of them."""


def known() -> list[str]:
    """Every keyword."""
    from toolkit.given import Given

    return sorted({*Given.__annotations__, *_fields(), *_limits()})


def _fields() -> dict[str, str]:
    """Keywords about the check itself, and what `CheckOptions` calls them."""
    from toolkit.options import CheckOptions

    keyword_of = {field: keyword for keyword, field in OPTION_OF.items()}
    names = [one.name for one in fields(CheckOptions) if one.name != LIMITS]
    return {keyword_of.get(name, name): name for name in names}


def _limits() -> list[str]:
    from toolkit.parity.limits import Limits

    return [one.name for one in fields(Limits)]


def require_known(said: Mapping[str, Any]) -> None:
    """Raise `UsageError` for a keyword that there is not."""
    from toolkit.words import nearest_words

    names = known()
    for name in said:
        if name not in names:
            near = [MEANT[name]] if name in MEANT else nearest_words(name, names)
            hint = f"did you mean {near[0]}?" if near else f"one of: {', '.join(names)}"
            raise UsageError(f"there is no keyword {name}", hint=hint)


def formats_of(merged: Mapping[str, Any]) -> tuple[str, ...]:
    """The formats that were asked for, none where nothing was said; raises `UsageError`."""
    from toolkit.words import parse_formats

    return parse_formats(merged.get("formats") or ())


def check_options(
    merged: Mapping[str, Any], formats: tuple[str, ...], failures: Path
) -> CheckOptions:
    """How a check is to be done; raises `UsageError`."""
    from toolkit.options import CheckOptions
    from toolkit.parity.limits import Limits

    said = {name: _converted(name, value) for name, value in merged.items()}
    limits = {name: said[name] for name in _limits() if name in said}
    limits |= {name: _tolerances(name, said[name]) for name in TOLERANCES if name in said}
    chosen = {field: said[keyword] for keyword, field in _fields().items() if keyword in said}
    chosen |= {"formats": formats, "failures": failures, LIMITS: Limits(**limits)}
    return CheckOptions(**chosen)


def _converted(name: str, value: Any) -> Any:
    choice = next((one for one in CHOICES if one.name == name), None)
    if choice is None or choice.kind not in ("whole", "number"):
        return value
    try:
        number = choice.converted(value)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None
    endless = name == "budget" and math.isinf(number)
    return None if endless else number


def _tolerances(name: str, value: Any) -> dict[str, float]:
    """A number, `OUTPUT=VALUE` in a text or several, or numbers by output."""
    from toolkit.parity.limits import parse_tolerances

    if isinstance(value, Mapping):
        value = [f"{output}={number}" for output, number in value.items()]
    words = value if isinstance(value, list | tuple) else [value]
    return parse_tolerances([str(word) for word in words], f"--{name}")

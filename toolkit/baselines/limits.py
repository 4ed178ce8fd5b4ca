"""`--fail-if-slower`: by how much slower a case may be than it was."""

from __future__ import annotations

import re

from toolkit.errors import UsageError

LEAST_LIMIT, MOST_LIMIT = 0.01, 1.0
USUAL_LIMIT = 0.05
"""What counts as drift where nothing is gated."""

_PERCENT = re.compile(r"(?P<number>\d+(\.\d*)?|\.\d+)\s*%")
_FACTOR = re.compile(r"(?P<number>\d+(\.\d*)?|\.\d+)\s*[x\N{MULTIPLICATION SIGN}]")
_FRACTION = re.compile(r"0?\.\d+")
_HINT = "5%, 0.05 and 1.05x all mean: at most 5 % slower"


def parse_limit(text: str) -> float:
    """The fraction by which a case may be slower: 0.05 of `5%`, `0.05` and `1.05x`.

    Raises `UsageError` for anything else, and for what is not from 1 % to 100 %: no
    machine was seen to resolve less.
    """
    limit = _fraction(text.strip().lower())
    if limit is None:
        raise UsageError(f"--fail-if-slower {text}: not a limit", hint=_HINT)
    if not LEAST_LIMIT <= limit <= MOST_LIMIT:
        raise UsageError(
            f"--fail-if-slower {text}: a limit is from 1 % to 100 % slower"
            f" and this is {100 * limit:.3g} %",
            hint=_HINT,
        )
    return limit


def _fraction(word: str) -> float | None:
    if found := _PERCENT.fullmatch(word):
        return float(found["number"]) / 100
    if found := _FACTOR.fullmatch(word):
        # Of 1.05 - 1 the last digits are the machine's own, which no message should show.
        return round(float(found["number"]) - 1, 12)
    return float(word) if _FRACTION.fullmatch(word) else None

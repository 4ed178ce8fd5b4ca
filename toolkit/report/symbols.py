"""Text that a terminal of any encoding can show: no control codes, no characters it lacks."""

from __future__ import annotations

import unicodedata

TIMES = "\N{MULTIPLICATION SIGN}"
DASH = "\N{EN DASH}"

FALLBACKS = {
    "≈": "~",
    "±": "+-",
    "·": "-",
    TIMES: "x",
    "÷": "/",
    "→": "->",
    "µ": "u",
    "μ": "u",
    "…": "...",
    DASH: "-",
    "—": "-",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "‖": "||",
    "∞": "inf",
    "ε": "eps",
    "“": '"',
    "”": '"',
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{NO-BREAK SPACE}": " ",
}
"""What stands in for a symbol where the encoding does not have it."""

# Cc moves the cursor or starts an escape sequence; Cf and the line separators reorder or hide
# text; lone surrogates cannot be encoded at all.
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def without_controls(text: str) -> str:
    """The text with tabs as spaces and every other control character but newline written out."""
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text.replace("\t", "    "))


def _shown(character: str) -> str:
    if character == "\n" or unicodedata.category(character) not in _UNSAFE:
        return character
    return character.encode("unicode_escape").decode("ascii")


def printable(text: str, encoding: str) -> str:
    """The text as `encoding` can carry it: our symbols in ASCII, anything else as an escape."""
    safe = without_controls(text)
    if encoding.startswith("utf"):
        return safe
    replaced = "".join(_fitting(character, encoding) for character in safe)
    return replaced.encode(encoding, errors="backslashreplace").decode(encoding)


def _fitting(character: str, encoding: str) -> str:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return FALLBACKS.get(character, character)
    return character

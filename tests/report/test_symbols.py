"""Text for terminals of any encoding."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.report.numbers import NOTHING
from toolkit.report.symbols import FALLBACKS, printable, without_controls


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "cp437", "utf-8"])
@given(text=st.text())
def test_any_text_can_be_written_in_any_encoding(encoding: str, text: str) -> None:
    shown = printable(text, encoding)
    assert shown.encode(encoding).decode(encoding) == shown


@given(text=st.text())
def test_no_control_character_but_newline_reaches_the_terminal(text: str) -> None:
    shown = printable(text, "utf-8")
    unsafe = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert not [held for held in shown if held != "\n" and unicodedata.category(held) in unsafe]


def test_an_escape_sequence_is_shown_not_obeyed() -> None:
    assert without_controls("\x1b[31mred\x07") == "\\x1b[31mred\\x07"
    assert without_controls("right\N{RIGHT-TO-LEFT OVERRIDE}left") == "right\\u202eleft"


def test_our_symbols_have_ascii_words() -> None:
    assert printable("≈1 ± 2 µs → a · b …", "ascii") == "~1 +- 2 us -> a - b ..."
    assert printable(NOTHING, "ascii") == "-"


def test_an_encoding_keeps_the_symbols_that_it_has() -> None:
    assert printable("± ≈", "cp1252") == "± ~"


def test_every_fallback_is_ascii() -> None:
    assert all(word.isascii() for word in FALLBACKS.values())


def test_letters_without_a_fallback_are_escaped() -> None:
    assert printable("模型", "ascii") == "\\u6a21\\u578b"

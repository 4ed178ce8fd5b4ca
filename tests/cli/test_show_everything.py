"""`toolkit show` knows every entry."""

from __future__ import annotations

import pytest

from toolkit import registry
from toolkit.cli import main


@pytest.mark.parametrize("name", registry.catalogue())
def test_every_entry_can_be_shown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", name]) == 0
    shown = capsys.readouterr().out
    assert registry.catalogue()[name].summary.split()[0] in shown


def test_lengths_are_shown_to_end_with_their_dimension(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "bidirectional_lstm_classifier"]) == 0
    assert "1 … time" in capsys.readouterr().out

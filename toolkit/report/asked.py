"""The models that the settings name, as a table that is shown before anything is run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolkit.report.numbers import NOTHING
from toolkit.report.sheet import Cell, Column, Section, Sheet, listed, whole, words
from toolkit.words import ModelWords

COLUMNS = (
    Column("name"),
    Column("model"),
    Column("inputs", optional=True),
    Column("formats"),
    Column("weights"),
)


def asked_section(place: str, models: Sequence[tuple[ModelWords, Sequence[str]]]) -> Section:
    """One row a model, with its formats, under the file that names them."""
    count = "1 model" if len(models) == 1 else f"{len(models)} models"
    elsewhere = "; paths are those of its folder" if place != Path(place).name else ""
    sheet = Sheet(COLUMNS, [_row(model, formats) for model, formats in models])
    return Section(f"{place}: {count}{elsewhere}", sheet.without_empty_columns(NOTHING))


def _row(model: ModelWords, formats: Sequence[str]) -> list[Cell]:
    return [
        whole(model.shown),
        words(model.word),
        Cell(model.inputs or (model.inputs_file or NOTHING,)),
        listed(formats),
        words(model.weights),
    ]

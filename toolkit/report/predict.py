"""The tables of `predict` and of `show --pictures`."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.report.numbers import NOTHING, format_count, format_number
from toolkit.report.sheet import Cell, Column, Remark, Section, Sheet, verdict, whole, words
from toolkit.results import Picture, Prediction

RANDOM = "random"
"""Weights of this origin answer at random: every row says so."""

COLUMNS = (
    Column("image"),
    Column("rank", "right", optional=True),
    Column("index", "right", optional=True, spare=1),
    Column("label", optional=True),
    Column("probability", "right", optional=True),
    Column("weights", optional=True),
    Column("status"),
)
PICTURE_COLUMNS = (
    Column("file"),
    Column("shows"),
    Column("size"),
    Column("weights"),
)


def predict_section(rows: Sequence[Prediction]) -> Section:
    """One row a class of each image, the likeliest first, and why some have no answer."""
    shown = Sheet(COLUMNS, [_row(row) for row in rows]).without_empty_columns(NOTHING)
    return Section(sheet=shown, remarks=_remarks(rows), caption=_caption(rows))


def _row(row: Prediction) -> list[Cell]:
    doubtful = row.weights is not None and row.weights.startswith(RANDOM)
    return [
        words(row.image),
        whole(format_count(row.rank)),
        whole(NOTHING if row.index is None else str(row.index)),
        words(NOTHING if row.label is None else row.label),
        whole(_probability(row.probability)),
        words(str(row.weights) if doubtful else NOTHING),
        verdict(row.status),
    ]


def _probability(value: float | None) -> str:
    """Four decimals: the classes of an image are compared with each other."""
    return NOTHING if value is None else f"{value:.4f}"


def _remarks(rows: Sequence[Prediction]) -> list[Remark]:
    return [
        Remark(
            "error",
            row.status,
            (row.image,),
            f"{row.message} ({row.hint})" if row.hint else row.message,
        )
        for row in rows
        if row.status != "ok"
    ]


def _caption(rows: Sequence[Prediction]) -> list[str]:
    """Through which form of which bundle, and where its weights came from."""
    return list(dict.fromkeys(_origin(row) for row in rows if row.runtime is not None))


def _origin(row: Prediction) -> str:
    note = f" ({row.note})" if row.note else ""
    form = f"{row.format} through {row.runtime} on {row.device}"
    return f"{row.model}: {form}, weights: {row.weights}{note}"


def pictures_section(pictures: Sequence[Picture]) -> Section:
    """One row a picture file."""
    return Section(sheet=Sheet(PICTURE_COLUMNS, [_picture(each) for each in pictures]))


def _picture(picture: Picture) -> list[Cell]:
    return [
        whole(picture.file),
        words(picture.shows),
        whole(f"{format_number(picture.width)} x {format_number(picture.height)}"),
        words(picture.weights),
    ]

"""The table of `train`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from toolkit.report.caption import short_hash
from toolkit.report.numbers import NOTHING, format_count, format_duration, format_number
from toolkit.report.sheet import Cell, Column, Sheet, verdict, whole, words
from toolkit.results import Metric, TrainedModel
from toolkit.words import told_origin

COLUMNS = (
    Column("model"),
    Column("data"),
    Column("epochs", "right"),
    Column("time", "right"),
    Column("metric", "right"),
    Column("floor", "right"),
    Column("weights"),
    Column("sha256"),
    Column("status"),
)

MOST_COLUMNS = 10
"""Classes beside each other; more of them stand below each other."""


def train_sheet(models: Sequence[TrainedModel]) -> Sheet:
    """One row a model: the held-out metric against its floor, and the weights that came of it."""
    return Sheet(COLUMNS, [_row(model) for model in models])


def per_class_sheets(models: Iterable[TrainedModel]) -> list[Sheet]:
    """Held-out accuracy of each class, in per cent: a table for each set of classes."""
    groups: dict[tuple[str, ...], list[TrainedModel]] = {}
    for model in models:
        if model.per_class:
            groups.setdefault(tuple(model.per_class), []).append(model)
    return [sheet for labels, held in groups.items() for sheet in _per_class(labels, held)]


def _per_class(labels: tuple[str, ...], models: Sequence[TrainedModel]) -> list[Sheet]:
    """A row a model, or for more classes than stand beside each other a row a class."""
    if len(labels) <= MOST_COLUMNS:
        columns = (Column("model"), *(Column(label, "right") for label in labels))
        rows = [
            [words(model.name), *(whole(_share(model.per_class[label])) for label in labels)]
            for model in models
        ]
        return [Sheet(columns, rows)]
    return [
        Sheet(
            (Column(f"class of {model.name}"), Column("accuracy", "right")),
            [[words(label), whole(_share(share))] for label, share in model.per_class.items()],
        )
        for model in models
    ]


def _share(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:.1f}"


def format_metric(metric: Metric) -> str:
    """The metric with its name: `accuracy 0.983`."""
    return f"{metric.name} {format_number(metric.value)}"


def _row(model: TrainedModel) -> list[Cell]:
    return [
        words(model.name),
        words(model.data),
        whole(format_count(model.epochs)),
        whole(format_duration(model.seconds)),
        words(format_metric(model.metric)),
        whole(format_number(model.metric.floor)),
        words(told_origin(model.weights.origin, model.weights.seed)),
        whole(short_hash(model.weights.sha256) or NOTHING),
        verdict(_status(model), _remark(model)),
    ]


def _status(model: TrainedModel) -> str:
    if model.metric.floor is None:
        return "no floor"
    return "met" if model.metric.met else "missed"


def _remark(model: TrainedModel) -> str:
    if model.interrupted:
        return "interrupted"
    return "reused" if model.reused else ""

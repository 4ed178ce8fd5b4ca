"""The table of `train`."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.report.caption import short_hash
from toolkit.report.numbers import NOTHING, format_count, format_duration, format_number
from toolkit.report.sheet import Cell, Column, Sheet, verdict, whole, words
from toolkit.results import Metric, TrainedModel

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


def train_sheet(models: Sequence[TrainedModel]) -> Sheet:
    """One row a model: the held-out metric against its floor, and the weights that came of it."""
    return Sheet(COLUMNS, [_row(model) for model in models])


def format_metric(metric: Metric) -> str:
    """The metric with its name: `accuracy 0.983`."""
    return f"{metric.name} {format_number(metric.value)}"


def _row(model: TrainedModel) -> list[Cell]:
    seed = f", seed {model.weights.seed}" if model.weights.seed is not None else ""
    return [
        words(model.name),
        words(model.data),
        whole(format_count(model.epochs)),
        whole(format_duration(model.seconds)),
        words(format_metric(model.metric)),
        whole(format_number(model.metric.floor)),
        words(f"{model.weights.origin}{seed}"),
        whole(short_hash(model.weights.sha256) or NOTHING),
        verdict("met" if model.metric.met else "missed", _remark(model)),
    ]


def _remark(model: TrainedModel) -> str:
    if model.interrupted:
        return "interrupted"
    return "reused" if model.reused else ""

"""The tables of `list` and `show`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from toolkit.report.numbers import NOTHING, format_count
from toolkit.report.sheet import Cell, Column, Sheet, listed, whole
from toolkit.results import ListedModel, PortShape
from toolkit.spec import ALL_FORMATS, Dimension, ModelSpec, Port, TrainingPlan

COLUMNS = (
    Column("name"),
    Column("family"),
    Column("parameters", "right"),
    Column("inputs"),
    Column("formats"),
    Column("doc"),
)


def list_sheet(models: Sequence[ListedModel]) -> Sheet:
    """One row an entry of the catalogue."""
    return Sheet(COLUMNS, [_row(model) for model in models])


def _row(model: ListedModel) -> list[Cell]:
    complete = not model.limits
    return [
        whole(model.name),
        whole(model.family),
        whole(format_count(model.parameters)),
        Cell(tuple(_port(port) for port in model.inputs)),
        whole("all") if complete else listed(model.formats),
        whole((model.document or NOTHING).partition(":")[0]),
    ]


def document_lines(models: Sequence[ListedModel]) -> list[str]:
    """What the letters of the last column stand for."""
    documents = sorted({model.document for model in models if model.document})
    return [f"doc {document}" for document in documents]


def format_shape(shape: Iterable[int | str]) -> str:
    """A shape as the command line takes it: `batch,3,224,224`."""
    return ",".join(map(str, shape)) or "scalar"


def _port(port: PortShape) -> str:
    kind = "" if port.dtype == "float32" else f":{port.dtype}"
    return f"{port.name}={format_shape(port.shape)}{kind}"


def show_rows(spec: ModelSpec) -> list[dict[str, str]]:
    """Everything that is known of one entry, as rows of `property` and `value`."""
    pairs = [
        ("name", spec.name),
        ("family", spec.family),
        ("summary", spec.summary),
        ("document", spec.document or ""),
        ("parameters", format_count(spec.parameters) if spec.parameters is not None else ""),
        *((f"input {port.name}", _described(port)) for port in spec.inputs),
        *((f"output {port.name}", _described(port)) for port in spec.outputs),
        *((f"dimension {held.name}", _range(held)) for held in spec.dimensions),
        *_plan_pairs(spec.training),
        ("formats", ", ".join(name for name in ALL_FORMATS if name not in spec.limits)),
        *((f"limit {name}", reason) for name, reason in spec.limits.items()),
    ]
    return [{"property": name, "value": value} for name, value in pairs if value]


def _described(port: Port) -> str:
    high = port.up_to if port.high is None else f"{port.high:g}"
    drawn = "" if port.low is None else f", {port.low:g} … {high}"
    return f"{format_shape(port.shape)}, {port.dtype}{drawn}"


def _range(dimension: Dimension) -> str:
    high = "any" if dimension.high is None else str(dimension.high)
    step = f" in steps of {dimension.step}" if dimension.step > 1 else ""
    sizes = ", ".join(map(str, dimension.tested))
    usual = "" if dimension.usual is None else f", usually {dimension.usual}"
    return f"{dimension.low} … {high}{step}, traced at {dimension.traced}, tested at {sizes}{usual}"


def _plan_pairs(plan: TrainingPlan | None) -> list[tuple[str, str]]:
    if plan is None:
        return []
    bound = "at most" if plan.less_is_better else "at least"
    how = f"{plan.optimiser}, learning rate {plan.learning_rate:g}, batches of {plan.batch_size}"
    return [
        ("trains on", plan.data),
        ("objective", f"{plan.objective}, {plan.epochs} epochs, {how}"),
        ("floor", f"{plan.metric} {bound} {plan.floor:g}" if plan.floor is not None else "none"),
    ]

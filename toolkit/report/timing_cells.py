"""Columns of measured times that the latency table and the table of `run` share."""

from __future__ import annotations

from toolkit.report.numbers import (
    NOTHING,
    format_duration,
    format_number,
    format_size,
    of_us,
)
from toolkit.report.sheet import Cell, Column, whole
from toolkit.results import Variant

ROOF = Column("roof %", "right", optional=True, spare=1)
COLD = (
    Column("import", "right", optional=True, spare=3),
    Column("load", "right", optional=True, spare=3),
    Column("first call", "right", optional=True, spare=3),
    Column("first result", "right", optional=True, spare=2),
    Column("peak RSS", "right", optional=True, spare=2),
)
"""What a start in a fresh process takes."""


def roof_cell(variant: Variant) -> Cell:
    """How near to what the machine can do, and what bounds it."""
    if variant.roof_percent is None:
        return whole(NOTHING)
    bound = [variant.bound] if variant.bound else []
    return Cell((format_number(variant.roof_percent), *bound))


def cold_cells(variant: Variant) -> list[Cell]:
    """A cell for each of `COLD`."""
    return [
        whole(format_duration(variant.import_s)),
        whole(format_duration(variant.load_s)),
        whole(format_duration(of_us(variant.first_call_us))),
        whole(format_duration(variant.first_result_s)),
        whole(format_size(variant.peak_rss_bytes)),
    ]

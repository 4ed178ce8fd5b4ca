"""The forms that a results file is written in, by the name of their option of `report`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from toolkit.report.csv import format_csv
from toolkit.report.json import format_json
from toolkit.report.junit import format_junit
from toolkit.report.markdown import format_markdown
from toolkit.results import Document

Exporter = Callable[[Document], str]

EXPORTERS: Mapping[str, Exporter] = MappingProxyType(
    {"markdown": format_markdown, "csv": format_csv, "json": format_json, "junit": format_junit}
)


def exported(name: str, documents: Sequence[Document]) -> str:
    """Several documents in one text; an XML file has one root, so JUnit takes them together."""
    if name == "junit":
        return format_junit(*documents)
    return "\n".join(EXPORTERS[name](document) for document in documents)

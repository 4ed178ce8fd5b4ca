"""The forms that a results file is written in, by the name of their option of `report`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from toolkit.errors import ResultsError
from toolkit.report.bencher import format_bencher
from toolkit.report.csv import format_csv
from toolkit.report.entries import entries
from toolkit.report.github_benchmark import format_github_ratios, format_github_times
from toolkit.report.json import format_json
from toolkit.report.junit import format_junit
from toolkit.report.markdown import format_markdown
from toolkit.report.pytest_benchmark import format_pytest_benchmark
from toolkit.results import Document

Exporter = Callable[..., str]
Joint = Callable[[Sequence[Document]], str]

EXPORTERS: Mapping[str, Exporter] = MappingProxyType(
    {"markdown": format_markdown, "csv": format_csv, "json": format_json, "junit": format_junit}
)
OF_TIMINGS: Mapping[str, Joint] = MappingProxyType(
    {
        "pytest_benchmark": format_pytest_benchmark,
        "github_benchmark": format_github_times,
        "github_ratios": format_github_ratios,
        "bencher": format_bencher,
    }
)
"""What other tools track: these hold timings alone, and several documents in one file."""
_TOGETHER = ("csv", "junit")
"""A file of these has one heading or root, so that several documents are given at once."""


def exported(name: str, documents: Sequence[Document]) -> str:
    """Several documents in one text.

    Raises `ResultsError` where the form holds timings alone and there are none.
    """
    if name in OF_TIMINGS:
        require_timings(documents, f"--{name.replace('_', '-')}")
        return OF_TIMINGS[name](documents)
    if name in _TOGETHER:
        return EXPORTERS[name](*documents)
    return "\n".join(EXPORTERS[name](document) for document in documents)


def require_timings(documents: Sequence[Document], wanted: str) -> None:
    """Raise `ResultsError` where nothing was timed: an empty file would look like a good one."""
    if not entries(documents):
        hint = "`toolkit bench` and `toolkit run` write timings"
        raise ResultsError(
            f"nothing was timed in these results: {wanted} has nothing to hold", hint=hint
        )

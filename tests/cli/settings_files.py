"""A pyproject.toml of two models, and what a command lists of it."""

from __future__ import annotations

from tests.cli.conftest import Ended

FILE = "pyproject.toml"
NOWHERE = ("--results", "networks.py/results.json")
"""A place that is refused: what is asked for has been listed by then, and nothing was run."""
TWO = """
[tool.toolkit]
formats = ["trace"]

[tool.toolkit.models.narrow]
model = "networks.py:Plain"
inputs = { x = "batch,8" }

[tool.toolkit.models.wide]
model = "networks.py:Plain"
inputs = { x = "batch,8" }
arguments = { width = 16 }
weights = "wide.pth"
"""


def listed(ended: Ended) -> dict[str, list[str]]:
    """The rows of the table that is shown before anything is run, by name."""
    _, heading, rule, *rows = ended.err.splitlines()
    assert heading.split() == ["name", "model", "inputs", "formats", "weights"]
    assert set(rule) == {"-"}
    return {row.split()[0]: row.split()[1:] for row in rows if not row.startswith(("toolkit", " "))}

"""Findings for the tests about GitHub, and workflow commands read as its runner reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.report.examples import bare_model, document
from toolkit.outcome import Failure
from toolkit.results import Document, Finding
from toolkit.sweep import Sweep
from toolkit.words import ModelWords


def read(line: str) -> tuple[str, dict[str, str], str]:
    """Level, properties and message of a workflow command, parsed as GitHub's runner does."""
    found = re.fullmatch(r"::(\w+) ([^\n\r]*?)::([^\n\r]*)", line)
    assert found is not None, line
    properties = dict(pair.split("=", 1) for pair in found[2].split(",") if pair)
    for key, value in properties.items():
        properties[key] = unescaped(value.replace("%3A", ":").replace("%2C", ","))
    return found[1], properties, unescaped(found[3])


def unescaped(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def finding(message: str, severity: str = "error", name: str = "value") -> Finding:
    return Finding.model_validate({"name": name, "severity": severity, "message": message})


def failing(*findings: Finding, model: str = "net.py:Net", status: str = "fail") -> Document:
    return document("check", 1, results=[bare_model(model, status, *findings)])


def sweep_of(*words: ModelWords, failures: tuple[Failure, ...] = ()) -> Sweep:
    return Sweep(meant=list(words), failures=list(failures))


def commands_in(text: str) -> Iterator[tuple[str, dict[str, str], str]]:
    return (read(line) for line in text.splitlines() if line.startswith("::"))

"""The large networks of the catalogue at full size: every form exported and checked.

    python bench/full_size.py [NAME …] [--budget 5] [--formats onnx,pt2,trace,script,onnx-legacy]

Without names: the entries of the family `torchvision`, whose tests run them at small images alone.
Each is taken through `toolkit check` with seeded weights, in processes of its own. Prints a
Markdown table: the score of each form (what it passes with, or its status), the cases that ran in
the budget, the wall time and the most memory that all processes together held; exits 1 when a form
does not pass.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

import toolkit

FAMILY = "torchvision"
FORMATS = "onnx,pt2,trace,script,onnx-legacy"
SAMPLED_S = 0.2
GIBIBYTE = 2**30


@dataclass(frozen=True)
class Checked:
    """One network: its rows of `toolkit check`, and what they took."""

    rows: list[dict[str, Any]]
    wall_s: float
    peak_bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(description="the large networks at full size")
    parser.add_argument("names", nargs="*", help="entries of the catalogue")
    parser.add_argument("--budget", default="5", help="seconds for the cases of one form")
    parser.add_argument("--formats", default=FORMATS)
    given = parser.parse_args()
    entries = {spec.name: spec for spec in toolkit.list_models()}
    names = given.names or [name for name, spec in entries.items() if spec.family == FAMILY]
    formats = given.formats.split(",")
    print(f"| network | parameters | {' | '.join(formats)} | cases | wall s | peak GiB |")
    print("|" + "---|" * (len(formats) + 5))
    passed = True
    for name in names:
        checked = check(name, given.formats, given.budget)
        passed = passed and all(row["status"] == "pass" for row in checked.rows)
        print(line(name, entries[name].parameters or 0, formats, checked), flush=True)
    sys.exit(int(not passed))


def check(name: str, formats: str, budget: str) -> Checked:
    began, peak_bytes = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder, "check.json")
        words = ["check", name, "--weights", "random", "-f", formats, "--budget", budget]
        words += ["--results", str(document), "--failures", folder, "--timeout", "1800"]
        command = [sys.executable, "-m", "toolkit", *words]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, text=True) as process:
            while process.poll() is None:
                peak_bytes = max(peak_bytes, held_bytes(process.pid))
                time.sleep(SAMPLED_S)
        rows = json.loads(document.read_text())["results"] if document.exists() else []
    return Checked(rows, time.monotonic() - began, peak_bytes)


def held_bytes(pid: int) -> int:
    """What a process and all that it started hold of their own, in bytes."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            total += process.memory_info().rss - process.memory_info().shared
    except psutil.Error:  # one that ended while it was looked at
        return total
    return total


def line(name: str, parameters: int, formats: list[str], checked: Checked) -> str:
    """One row of the table."""
    by_format = {row["format"]: row for row in checked.rows}
    scores = [told(by_format.get(each)) for each in formats]
    cases = min((row["cases"] for row in checked.rows), default=0)
    sizes = f"{cases} | {checked.wall_s:.0f} | {checked.peak_bytes / GIBIBYTE:.1f}"
    return f"| {name} | {parameters:,} | {' | '.join(scores)} | {sizes} |"


def told(row: dict[str, Any] | None) -> str:
    if row is None:
        return "none"
    passed = row["status"] == "pass" and row["score"] is not None
    return f"{row['score']:.1f}" if passed else str(row["status"])


if __name__ == "__main__":
    main()

"""Weights over 2 GB for real, and what the estimates of `toolkit/capacity.py` stand on.

    python bench/large_model.py            # the factors, on networks of 200 MB (10 minutes)
    python bench/large_model.py --full     # a network of 2.15 GB: 10 GB of memory, 7 GB of disk

Without `--full`: for each format, in a process of its own, the peak of resident memory while eager
and the oracle run, while the form is written and while it is loaded and judged, in copies of the
weights beyond the built module, beside the estimate; exits 1 where a peak is over it.

With `--full`: `toolkit export` and `toolkit check` in processes of their own, their peak of memory
and disk beside the estimates, the files and the verdicts; exits 1 where a form does not pass.
"""

from __future__ import annotations

import argparse
import gc
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import nn

from toolkit import capacity, formats, runtimes
from toolkit.formats import onnx_file
from toolkit.parity.graphs import random_operators
from toolkit.parity.verdict import judge
from toolkit.runtimes.base import RunOptions
from toolkit.spec import ALL_FORMATS, ModelSpec, Port
from toolkit.stages.sources import exportable
from toolkit.stages.subject import Subject, of_spec, reference
from toolkit.words import ModelWords

SHAPES = {"2 large tensors": (5120, 2), "12 tensors": (2048, 12)}
"""Side and depth; the allocator gives tensors of over 32 MB back at once, and others later."""
FULL = (8192, 8)
FULL_FORMATS = ("onnx", "pt2")
SAMPLED_S = 0.05
STEPS = ("eager, oracle", "written", "judged")


class Stack(nn.Module):
    """Linear layers of one size."""

    def __init__(self, side: int = 8192, depth: int = 8) -> None:
        super().__init__()
        pairs = [(nn.Linear(side, side), nn.Tanh()) for _ in range(depth)]
        self.layers = nn.Sequential(*[layer for pair in pairs for layer in pair])

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: D102 - as every module's
        return self.layers(x)  # type: ignore[no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser(description="weights over 2 GB")
    parser.add_argument("--full", action="store_true", help="2.15 GB, through the commands")
    parser.add_argument("--budget", default="5", help="seconds for the cases of one form")
    parser.add_argument("--one", nargs=4, metavar="WORD", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        name, side, depth, beside = given.one
        print(json.dumps(peaks(name, int(side), int(depth), beside == "beside")))
        return
    good = full(given.budget) if given.full else factors()
    sys.exit(int(not good))


def factors() -> bool:
    """The table of measured and estimated copies; whether every peak is within its estimate."""
    print(f"| weights | form | {' | '.join(STEPS)} | peak | estimate |")
    print("|" + "---|" * (len(STEPS) + 4))
    within = True
    for shape, (side, depth) in SHAPES.items():
        for name, beside in variants():
            place = "beside" if beside else "inside"
            words = ["--one", name, str(side), str(depth), place]
            output = subprocess.run(
                [sys.executable, __file__, *words], check=True, stdout=subprocess.PIPE, text=True
            )
            found = json.loads(output.stdout.splitlines()[-1])
            copies = " | ".join(f"{found[step]:.2f}" for step in STEPS)
            peak = max(found[step] for step in STEPS)
            form = f"{name}, external" if beside else name
            print(f"| {shape} | {form} | {copies} | {peak:.2f} | {found['estimate']:.2f} |")
            sys.stdout.flush()
            within = within and peak <= found["estimate"]
    return within


def variants() -> Iterator[tuple[str, bool]]:
    """Every format, and those of ONNX with their weights in a file beside as well."""
    for name in ALL_FORMATS:
        yield name, False
        if name.startswith("onnx"):
            yield name, True


def peaks(name: str, side: int, depth: int, beside: bool) -> dict[str, float]:
    """Copies of the weights at the peak of each step, beyond what the built module left."""
    torch.set_num_threads(1)
    if beside:
        onnx_file.LARGEST_SINGLE_FILE_BYTES = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, formats.get(name).filename)
        steps(subject(16, 1), name, path)  # what libraries take is not the weights'
        large = subject(side, depth)
        weights = capacity.weights_of(large.built.module)
        estimate = capacity.to_export(weights, [name], path.parent, path.parent).memory_bytes
        judged = capacity.to_check(weights, [name], path.parent).memory_bytes
        base = status_bytes("VmRSS")
        found = {
            step: (peak - base) / weights.stored_bytes
            for step, peak in steps(large, name, path).items()
        }
    return {**found, "estimate": max(estimate, judged) / weights.stored_bytes}


def subject(side: int, depth: int) -> Subject:
    spec = ModelSpec("stack", lambda: Stack(side, depth), (Port("x", ("batch", side)),))
    return of_spec(spec, ModelWords("stack"))


def steps(of: Subject, name: str, path: Path) -> dict[str, int]:
    """The peak of resident memory in each step, as the stages take them."""
    found = {}
    judged_against, found[STEPS[0]] = peak_of(lambda: reference(of, budget_s=0.0))

    def write() -> None:
        formats.get(name).export(exportable(of, name), path)

    def check() -> None:
        runner = runtimes.runtime_for(name).load(path, of.spec, RunOptions(threads=1))
        random_operators(name, path, getattr(runner, "module", None))
        verdict = judge(judged_against, runner, label=name)
        if verdict.status != "pass":
            raise SystemExit(f"{name}: {verdict.findings}")

    _, found[STEPS[1]] = peak_of(write)
    _, found[STEPS[2]] = peak_of(check)
    return found


def peak_of(work: Callable[[], Any]) -> tuple[Any, int]:
    """What some work gives, and the peak of resident memory meanwhile (Linux)."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts at what is resident now
    value = work()
    return value, status_bytes("VmHWM")


def status_bytes(field: str, process: str = "self") -> int:
    text = Path("/proc", process, "status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


@dataclass
class Ran:
    """One command: its JSON document, and the most that it took."""

    document: dict[str, Any]
    wall_s: float
    peak_bytes: int
    disk_bytes: int


def full(budget: str) -> bool:
    """Export and check; whether every form passes."""
    side, depth = FULL
    with torch.device("meta"):
        weights = capacity.weights_of(Stack(side, depth))
    print(f"weights                {gb(weights.stored_bytes)}, float32")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tmp").mkdir()
        head = "import torch\nfrom torch import nn\n\n\n"
        (folder / "net.py").write_text(head + inspect.getsource(Stack))
        words = ["net.py:Stack", "--input", f"x=batch,{side}"]
        exported = run(folder, "export", *words, "-f", ",".join(FULL_FORMATS), "-o", "out")
        need = capacity.to_export(weights, FULL_FORMATS, folder / "out", folder / "tmp")
        tell("export", exported, weights.stored_bytes, need)
        bundle = folder / "out" / "net-Stack"
        for path in sorted(bundle.iterdir()):
            print(f"  {path.name:<21}{path.stat().st_size:>14,} bytes")
        checked = run(folder, "check", "out/net-Stack", "--budget", budget)
        need = capacity.to_check(
            weights, FULL_FORMATS, folder / "tmp", written=True, elsewhere=True
        )
        tell("check", checked, weights.stored_bytes, need)
    for row in checked.document["results"]:
        score = "none" if row["score"] is None else f"{row['score']:.2f}"
        print(f"  {row['format']:<21}{row['status']}, score {score}, {row['cases']} cases")
    forms = exported.document["models"][0]["forms"]
    written = [form["format"] for form in forms if form["status"] == "ok"]
    passed = [row["format"] for row in checked.document["results"] if row["status"] == "pass"]
    return list(FULL_FORMATS) == written == passed


def run(folder: Path, *words: str) -> Ran:
    """One command in `folder`, watched until it ends."""
    command = [sys.executable, "-m", "toolkit", *words, "--timeout", "1800", "--json"]
    places = {"TMPDIR": str(folder / "tmp"), "TOOLKIT_HOME": str(folder / "home")}
    before, began = held_on_disk(folder), time.monotonic()
    peak_bytes = disk_bytes = 0
    with (folder / "document.json").open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, stdout=output, env={**os.environ, **places}, text=True
        )
        while process.poll() is None:
            peak_bytes = max(peak_bytes, peak_below(process.pid))
            disk_bytes = max(disk_bytes, held_on_disk(folder) - before)
            time.sleep(SAMPLED_S)
    document = json.loads((folder / "document.json").read_text())
    return Ran(document, time.monotonic() - began, peak_bytes, disk_bytes)


def peak_below(pid: int) -> int:
    """The largest peak of resident memory of a process and all that it started."""
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
        return max(status_bytes("VmHWM", str(one.pid)) for one in family)
    except (psutil.Error, OSError):  # one that ended while it was looked at
        return 0


def held_on_disk(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).stat().st_blocks * 512
            except OSError:  # moved or deleted meanwhile
                continue
    return total


def tell(command: str, ran: Ran, built_bytes: int, need: capacity.Need) -> None:
    estimate_bytes = built_bytes + need.memory_bytes
    disk_bytes = sum(need.disk_bytes.values())
    print(f"toolkit {command:<15}exit {ran.document['exit_code']}, {ran.wall_s:.0f} s")
    print(
        f"  memory               {gb(ran.peak_bytes)} at the peak, {gb(estimate_bytes)} estimated"
    )
    print(f"  disk                 {gb(ran.disk_bytes)} at the peak, {gb(disk_bytes)} estimated")
    sys.stdout.flush()


def gb(count: int) -> str:
    return f"{count / 1e9:.2f} GB"


if __name__ == "__main__":
    main()

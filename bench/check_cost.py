"""What a check costs beside the work that nobody can spare, and the memory that it takes.

    python bench/check_cost.py [MODEL] [--rounds 3] [--threads 2]

`toolkit check` of a network (`resnet50`, at its full size, in four formats) against a plain script
in the same process, which makes one torch.export, one ONNX translation of it, one TorchScript, one
trace, the two onnxruntime sessions, and the same forward passes: what the check ran is recorded in
a first round and run again, in float32, in float64, and through every form.
Exits 1 when the ratio is over 1.25, or the check alone, in a process of its own, peaks over 2.5 GB.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import logging
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import onnxruntime
import torch
from torch import nn

import toolkit
from toolkit import inputs, registry, results, weights
from toolkit.inputs import arguments, draw, example, to_tensors
from toolkit.runtimes.onnxruntime import OnnxRunner
from toolkit.runtimes.torch_modules import ModuleRunner
from toolkit.spec import FORMAT_NAMES, ModelSpec
from toolkit.words import ModelWords

BOUND = 1.25
BOUND_BYTES = 2.5e9
SEED = 0

Sizes = tuple[tuple[str, int], ...]
Pass = tuple[str, Sizes]
"""What ran (eager, oracle, a form) and at which sizes."""


@dataclass
class Recorder:
    """The forward passes of a check, in their order."""

    spec: ModelSpec
    passes: list[Pass] = field(default_factory=list)
    scripts: list[int] = field(default_factory=list)

    def add(self, kind: str, arrays: Any) -> None:
        """One more pass, with the sizes that its inputs have."""
        sizes: dict[str, int] = {}
        for port in self.spec.inputs:
            for size, extent in zip(port.shape, arrays[port.name].shape, strict=True):
                if isinstance(size, str):
                    sizes[size] = extent
        self.passes.append((kind, tuple(sizes.items())))

    def torchscript(self, runner: ModuleRunner) -> str:
        """The trace comes before the script."""
        if id(runner) not in self.scripts:
            self.scripts.append(id(runner))
        return ("trace", "script")[self.scripts.index(id(runner)) % 2]

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Meanwhile every pass of this process is noted."""
        run_tensors, run_onnx, run_torch = inputs.run_tensors, OnnxRunner.run, ModuleRunner.run

        def tensors(module: nn.Module, spec: ModelSpec, arrays: Any, **options: Any) -> Any:
            self.add("oracle" if options.get("float_dtype") else "eager", arrays)
            return run_tensors(module, spec, arrays, **options)

        def onnx(runner: OnnxRunner, arrays: Any) -> Any:
            level = runner.session.get_session_options().graph_optimization_level
            every = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
            self.add("onnx" if level == every else "onnx as it is", arrays)
            return run_onnx(runner, arrays)

        def torch_form(runner: ModuleRunner, arrays: Any) -> Any:
            program = isinstance(runner.module, torch.fx.GraphModule)
            self.add("pt2" if program else self.torchscript(runner), arrays)
            return run_torch(runner, arrays)

        with (
            patch.object(inputs, "run_tensors", tensors),
            patch.object(OnnxRunner, "run", onnx),
            patch.object(ModuleRunner, "run", torch_form),
        ):
            yield


def check(spec: ModelSpec) -> list[results.CheckResult]:
    with tempfile.TemporaryDirectory() as failures:
        return toolkit.check(
            spec, formats=FORMAT_NAMES, weights="random", budget_s=None, failures=failures
        )


def plain(spec: ModelSpec, module: nn.Module, passes: Sequence[Pass]) -> None:
    """The same forms and passes with nothing around them."""
    tensors = to_tensors(spec, example(spec))
    shapes = tuple(
        {
            axis: torch.export.Dim.DYNAMIC
            for axis, size in enumerate(port.shape)
            if type(size) is str
        }
        for port in spec.inputs
    )
    positional, keywords = arguments(spec, tensors)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        program = torch.export.export(module, positional, keywords, dynamic_shapes=shapes)
        path = Path(folder) / "model.onnx"
        translated = torch.onnx.export(program, (), dynamo=True, verbose=False)
        assert translated is not None
        translated.save(path)
        forms: dict[str, Callable[..., Any]] = {
            "eager": module,
            "oracle": copy.deepcopy(module).double(),
            "pt2": program.module(),
            "script": torch.jit.script(module),
            "trace": torch.jit.trace(module, positional),  # type: ignore[no-untyped-call]
        }
        levels = onnxruntime.GraphOptimizationLevel
        sessions = {
            "onnx": _session(path, levels.ORT_ENABLE_ALL),
            "onnx as it is": _session(path, levels.ORT_DISABLE_ALL),
        }
        with torch.inference_mode():
            for number, (kind, sizes) in enumerate(passes):
                arrays = draw(spec, dict(sizes), number)
                if kind in sessions:
                    names = [one.name for one in sessions[kind].get_inputs()]
                    sessions[kind].run(None, dict(zip(names, arrays.values(), strict=True)))
                else:
                    wide = torch.float64 if kind == "oracle" else None
                    forms[kind](*to_tensors(spec, arrays, float_dtype=wide))


def _session(path: Path, level: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = 4
    # Threads that spin between calls would take the processor from all other forms.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _quiet(call: Callable[[], object]) -> float:
    """Seconds of a call that writes nothing."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        began = time.perf_counter()
        call()
        return time.perf_counter() - began


def _peak_bytes(name: str, threads: int) -> int:
    """The largest resident memory of a process that does nothing but the check."""
    command = [sys.executable, __file__, name, "--alone", "--threads", str(threads)]
    subprocess.run(command, check=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def _paired(spec: ModelSpec, rounds: int) -> np.ndarray:
    """The ratio of both ways in each round; a first round, which records, is not counted."""
    recorder = Recorder(spec)
    with recorder.recording():
        rows = check(spec)
    wrong = [row.format for row in rows if row.status != "pass"]
    if wrong:
        raise SystemExit(f"{spec.name} does not pass: {', '.join(map(str, wrong))}")
    passes = recorder.passes
    kinds = {kind: sum(one == kind for one, _ in passes) for kind, _ in passes}
    print("forward passes: " + ", ".join(f"{kind} {count}" for kind, count in kinds.items()))
    module = weights.materialize(spec, seed=SEED, choice="random").module
    order = random.Random(SEED)
    ratios = []
    for number in range(rounds):
        seconds: dict[str, float] = {}
        ways = {"check": lambda: check(spec), "plain": lambda: plain(spec, module, passes)}
        for way in order.sample(sorted(ways), len(ways)):
            seconds[way] = _quiet(ways[way])
        ratios.append(seconds["check"] / seconds["plain"])
        print(
            f"round {number + 1}: check {seconds['check']:.1f} s, plain {seconds['plain']:.1f} s, "
            f"ratio {ratios[-1]:.3f}",
            flush=True,
        )
    return np.array(ratios)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="resnet50")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--alone", action="store_true", help="check once and end")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    torch.set_num_threads(options.threads)
    spec = registry.find(ModelWords(options.model))
    if options.alone:
        _quiet(lambda: check(spec))
        return 0
    peak = _peak_bytes(options.model, options.threads)
    ratios = _paired(spec, options.rounds)
    ratio = float(np.median(ratios))
    print(
        f"{options.model}: check over plain {ratio:.3f} [{ratios.min():.3f}, {ratios.max():.3f}] "
        f"in {options.rounds} rounds (bound {BOUND}); the check alone peaks at {peak / 1e9:.2f} GB "
        f"(bound {BOUND_BYTES / 1e9})"
    )
    return int(ratio > BOUND or peak > BOUND_BYTES)


if __name__ == "__main__":
    sys.exit(main())

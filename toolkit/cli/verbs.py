"""The commands that take models through the stages: `export`, `check`, `bench` and `run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import options as opt
from toolkit.cli.app import RESULTS, app
from toolkit.cli.model_options import ModelOptions, training_words


@app.command()
def export(
    *,
    models: opt.Models = None,
    everything: opt.Everything = False,
    formats: opt.Formats = None,
    out: opt.Out = RESULTS,
    opset: opt.Opset = 20,
    inputs: opt.Inputs = None,
    dims: opt.Dims = None,
    ranges: opt.Ranges = None,
    arguments: opt.Arguments = None,
    inputs_file: opt.InputsFile = None,
    weights: opt.Weights = "default",
    data: opt.Data = None,
    data_dir: opt.DataDir = None,
    recipe: opt.Recipe = "brief",
    epochs: opt.Epochs = None,
    seed: opt.Seed = 0,
    timeout: opt.Timeout = 600.0,
    memory_limit: opt.MemoryLimit = None,
    results: opt.ResultsFile = RESULTS / "export.json",
    json: opt.Json = False,
) -> int:
    """Write bundles of exported forms.

    A bundle is a folder: the forms, the weights, golden values and a manifest with hashes.
    """
    from toolkit.cli import work

    training = training_words(recipe, data, data_dir, epochs)
    chosen = ModelOptions(
        models, everything, inputs, dims, ranges, arguments, inputs_file, weights, seed, training
    )
    common = work.Common(json, results, timeout, memory_limit)
    return work.export(chosen, common, formats=formats, out=out, opset=opset)


@app.command()
def check(
    *,
    models: opt.Models = None,
    everything: opt.Everything = False,
    formats: opt.Formats = None,
    device: opt.Device = "cpu",
    opset: opt.Opset = 20,
    failures: Annotated[
        Path, typer.Option("--failures", metavar="DIR", help="Where failing cases are saved.")
    ] = RESULTS,
    budget: opt.Budget = 60.0,
    resume: opt.Resume = False,
    trust: opt.Trust = False,
    inputs: opt.Inputs = None,
    dims: opt.Dims = None,
    ranges: opt.Ranges = None,
    arguments: opt.Arguments = None,
    inputs_file: opt.InputsFile = None,
    weights: opt.Weights = "default",
    data: opt.Data = None,
    data_dir: opt.DataDir = None,
    recipe: opt.Recipe = "brief",
    epochs: opt.Epochs = None,
    seed: opt.Seed = 0,
    timeout: opt.Timeout = 600.0,
    memory_limit: opt.MemoryLimit = None,
    results: opt.ResultsFile = RESULTS / "check.json",
    json: opt.Json = False,
) -> int:
    """Judge every exported form against its model.

    The judge is a float64 run of the module itself. Exits 1 when a form is not as accurate as
    the model it came from.
    """
    from toolkit.cli import work

    training = training_words(recipe, data, data_dir, epochs)
    chosen = ModelOptions(
        models, everything, inputs, dims, ranges, arguments, inputs_file, weights, seed, training
    )
    common = work.Common(json, results, timeout, memory_limit)
    asked = work.Check(formats, device, opset, failures, trust, budget)
    return work.check(chosen, common, asked, resume=resume)


@app.command()
def bench(
    *,
    models: opt.Models = None,
    everything: opt.Everything = False,
    variants: opt.Variants = None,
    batch: opt.Batches = "1",
    threads: opt.Threads = 1,
    device: opt.Device = "cpu",
    baseline_variant: opt.BaselineVariant = "eager",
    quick: Annotated[bool, typer.Option("--quick", help="Twelve rounds.")] = False,
    budget: Annotated[
        float, typer.Option("--budget", metavar="SECONDS", min=1.0, help="Round time a comparison.")
    ] = 60.0,
    opset: opt.Opset = 20,
    trust: opt.Trust = False,
    inputs: opt.Inputs = None,
    dims: opt.Dims = None,
    ranges: opt.Ranges = None,
    arguments: opt.Arguments = None,
    inputs_file: opt.InputsFile = None,
    weights: opt.Weights = "default",
    data: opt.Data = None,
    data_dir: opt.DataDir = None,
    recipe: opt.Recipe = "brief",
    epochs: opt.Epochs = None,
    seed: opt.Seed = 0,
    timeout: opt.Timeout = 600.0,
    memory_limit: opt.MemoryLimit = None,
    results: opt.ResultsFile = RESULTS / "bench.json",
    json: opt.Json = False,
) -> int:
    """Time every form against eager.

    Variants take turns in random order in one process; each ratio has a 95 % interval and stands
    beside an A/A row. A form that fails parity is not timed.
    """
    from toolkit.cli import work

    training = training_words(recipe, data, data_dir, epochs)
    chosen = ModelOptions(
        models, everything, inputs, dims, ranges, arguments, inputs_file, weights, seed, training
    )
    common = work.Common(json, results, timeout, memory_limit)
    asked = work.Bench(
        variants, batch, threads, device, baseline_variant, quick, budget, opset, trust
    )
    return work.bench(chosen, common, asked)


@app.command()
def run(
    *,
    models: opt.Models = None,
    everything: opt.Everything = False,
    formats: opt.Formats = None,
    out: opt.Out = RESULTS,
    opset: opt.Opset = 20,
    batch: opt.Batches = "1",
    threads: opt.Threads = 1,
    device: opt.Device = "cpu",
    quick: Annotated[
        bool, typer.Option("--quick/--full", help="Twelve rounds, or the full protocol.")
    ] = True,
    budget: opt.Budget = 60.0,
    resume: opt.Resume = False,
    inputs: opt.Inputs = None,
    dims: opt.Dims = None,
    ranges: opt.Ranges = None,
    arguments: opt.Arguments = None,
    inputs_file: opt.InputsFile = None,
    weights: opt.Weights = "default",
    data: opt.Data = None,
    data_dir: opt.DataDir = None,
    recipe: opt.Recipe = "brief",
    epochs: opt.Epochs = None,
    seed: opt.Seed = 0,
    timeout: opt.Timeout = 600.0,
    memory_limit: opt.MemoryLimit = None,
    results: opt.ResultsFile = RESULTS / "run.json",
    json: opt.Json = False,
) -> int:
    """Weights, export, check, bench and report.

    With --all the networks of the catalogue are timed; its layers and losses are checked.
    """
    from toolkit.cli import work

    training = training_words(recipe, data, data_dir, epochs)
    chosen = ModelOptions(
        models, everything, inputs, dims, ranges, arguments, inputs_file, weights, seed, training
    )
    common = work.Common(json, results, timeout, memory_limit)
    asked = work.Bench(None, batch, threads, device, "eager", quick, 60.0, opset, False)
    check = work.Check(formats, device, opset, out, trust=False, budget_s=budget)
    return work.run(chosen, common, asked, check, out=out, resume=resume)

"""The commands: each checks its words, says what to do, and hands the rest to a session."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import options as opt
from toolkit.cli.session import ModelOptions

RESULTS = Path("exported")

app = typer.Typer(
    name="toolkit",
    help="Takes a PyTorch model to a file that can be deployed, and proves it.",
    no_args_is_help=True,
    rich_markup_mode=None,  # the help is plain text: rich's would take longer than all else
    add_completion=False,
    epilog="Exit codes: 0 all good, 1 a check said no, 2 usage, 3 refused or something is missing, "
    "4 could not be judged, 130/143 interrupted.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from toolkit._version import __version__

        typer.echo(f"toolkit {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take a PyTorch model to a file that can be deployed, and prove it."""
    del version


@app.command("list")
def list_models(json: opt.Json = False) -> int:
    """Show the catalogue."""
    from toolkit.cli import catalogue

    return catalogue.list_models(json=json)


@app.command()
def show(name: Annotated[str, typer.Argument(metavar="NAME")], json: opt.Json = False) -> int:
    """Show all that is known of one entry."""
    from toolkit.cli import catalogue

    return catalogue.show(name, json=json)


@app.command()
def doctor(json: opt.Json = False) -> int:
    """Show versions, devices and what is missing."""
    from toolkit.cli import catalogue

    return catalogue.doctor(json=json)


@app.command()
def train(
    *,
    models: opt.Models = None,
    everything: opt.Everything = False,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="In place of the plan's.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Train even where earlier weights would serve.")
    ] = False,
    seed: opt.Seed = 0,
    timeout: opt.Timeout = 600.0,
    memory_limit: opt.MemoryLimit = None,
    results: opt.ResultsFile = RESULTS / "train.json",
    json: opt.Json = False,
) -> int:
    """Train briefly and keep the weights.

    Exits 1 when the held-out metric misses the floor of the model's plan.
    """
    from toolkit.cli import work

    return work.train(
        ModelOptions(models, everything, seed=seed),
        work.Common(json, results, timeout, memory_limit),
        epochs=epochs,
        again=again,
    )


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

    chosen = ModelOptions(
        models, everything, inputs, dims, ranges, arguments, inputs_file, weights, seed
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
    trust: opt.Trust = False,
    inputs: opt.Inputs = None,
    dims: opt.Dims = None,
    ranges: opt.Ranges = None,
    arguments: opt.Arguments = None,
    inputs_file: opt.InputsFile = None,
    weights: opt.Weights = "default",
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

    chosen = ModelOptions(
        models, everything, inputs, dims, ranges, arguments, inputs_file, weights, seed
    )
    common = work.Common(json, results, timeout, memory_limit)
    asked = work.Check(formats, device, opset, failures, trust)
    return work.check(chosen, common, asked)


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

    chosen = ModelOptions(
        models, everything, inputs, dims, ranges, arguments, inputs_file, weights, seed
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
    inputs: opt.Inputs = None,
    dims: opt.Dims = None,
    ranges: opt.Ranges = None,
    arguments: opt.Arguments = None,
    inputs_file: opt.InputsFile = None,
    weights: opt.Weights = "default",
    seed: opt.Seed = 0,
    timeout: opt.Timeout = 600.0,
    memory_limit: opt.MemoryLimit = None,
    results: opt.ResultsFile = RESULTS / "run.json",
    json: opt.Json = False,
) -> int:
    """Weights, export, check, bench and report."""
    from toolkit.cli import work

    chosen = ModelOptions(
        models, everything, inputs, dims, ranges, arguments, inputs_file, weights, seed
    )
    common = work.Common(json, results, timeout, memory_limit)
    asked = work.Bench(None, batch, threads, device, "eager", quick, 60.0, opset, False)
    return work.run(chosen, common, asked, formats=formats, out=out)


@app.command()
def report(
    files: Annotated[list[Path], typer.Argument(metavar="RESULTS", help="Results files.")],
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write Markdown tables.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write a row a form.")
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the results again; - for stdout."),
    ] = None,
) -> int:
    """Render results that are on disk.

    `-` in place of a file writes to stdout.
    """
    from toolkit.cli import rendering

    return rendering.report(files, {"markdown": markdown, "csv": csv, "json": json})

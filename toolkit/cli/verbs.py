"""The commands that take models through the stages: `export`, `check`, `bench` and `run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from toolkit.cli import options as opt
from toolkit.cli.app import RESULTS, app
from toolkit.cli.asking import Ask
from toolkit.cli.groups import spread
from toolkit.cli.model_options import InputOptions, ModelOptions, NameOptions, WeightOptions
from toolkit.cli.options import ChildOptions
from toolkit.cli.settled import settled


@app.command()
@settled()
@spread
def export(
    *,
    names: NameOptions,
    formats: opt.Formats = None,
    out: opt.Out = RESULTS,
    opset: opt.Opset = 20,
    about: InputOptions,
    weights: WeightOptions,
    child: ChildOptions,
    results: opt.ResultsFile = RESULTS / "export.json",
) -> Ask[Any]:
    """Write bundles of exported forms.

    A bundle is a folder: the forms, the weights, golden values and a manifest with hashes.
    """
    from toolkit.cli import work
    from toolkit.options import ExportOptions
    from toolkit.words import parse_formats

    chosen = ModelOptions(names, weights, about)
    asked = ExportOptions(parse_formats(formats or []), out, opset)
    return Ask(chosen, work.Common(child, results), asked, work.export, asked.formats)


@app.command()
@settled()
@spread
def check(
    *,
    names: NameOptions,
    formats: opt.Formats = None,
    device: opt.Device = "cpu",
    opset: opt.Opset = 20,
    failures: Annotated[
        Path, typer.Option("--failures", metavar="DIR", help="Where failing cases are saved.")
    ] = RESULTS,
    budget: opt.Budget = 60.0,
    resume: opt.Resume = False,
    trust: opt.Trust = False,
    about: InputOptions,
    weights: WeightOptions,
    child: ChildOptions,
    results: opt.ResultsFile = RESULTS / "check.json",
) -> Ask[Any]:
    """Judge every exported form against its model.

    The judge is a float64 run of the module itself. Exits 1 when a form is not as accurate as
    the model it came from.
    """
    from toolkit.cli import work

    chosen = ModelOptions(names, weights, about)
    asked = work.Check(formats, device, opset, failures, trust, budget).values()
    common = work.Common(child, results)
    return Ask(chosen, common, asked, work.check, asked.formats, resume=resume)


@app.command()
@settled()
@spread
def bench(
    *,
    names: NameOptions,
    variants: opt.Variants = None,
    batch: opt.Batches = "1",
    threads: opt.Threads = 1,
    device: opt.Device = "cpu",
    baseline_variant: opt.BaselineVariant = "eager",
    quick: Annotated[bool, typer.Option("--quick", help="Twelve rounds.")] = False,
    round_budget: Annotated[
        float, typer.Option("--budget", metavar="SECONDS", min=1.0, help="Round time a comparison.")
    ] = 60.0,
    opset: opt.Opset = 20,
    trust: opt.Trust = False,
    about: InputOptions,
    weights: WeightOptions,
    child: ChildOptions,
    results: opt.ResultsFile = RESULTS / "bench.json",
) -> Ask[Any]:
    """Time every form against eager.

    Variants take turns in random order in one process; each ratio has a 95 % interval and stands
    beside an A/A row. A form that fails parity is not timed.
    """
    from toolkit.cli import work

    chosen = ModelOptions(names, weights, about)
    asked = work.Bench(
        variants, batch, threads, device, baseline_variant, quick, round_budget, opset, trust
    ).values()
    return Ask(chosen, work.Common(child, results), asked, work.bench, asked.chosen)


@app.command()
@settled()
@spread
def run(
    *,
    names: NameOptions,
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
    about: InputOptions,
    weights: WeightOptions,
    child: ChildOptions,
    results: opt.ResultsFile = RESULTS / "run.json",
) -> Ask[Any]:
    """Weights, export, check, bench and report.

    With --all the networks of the catalogue are timed; its layers and losses are checked.
    """
    from toolkit.cli import work

    chosen = ModelOptions(names, weights, about)
    timed = work.Bench(None, batch, threads, device, "eager", quick, 60.0, opset, False).values()
    judged = work.Check(formats, device, opset, out, trust=False, budget_s=budget).values()
    asked = work.stages(judged, timed, out)
    common = work.Common(child, results)
    return Ask(chosen, common, asked, work.run, judged.formats, device, resume)

"""The commands that take models through the stages, or compare two of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from toolkit.cli import options as opt
from toolkit.cli import timing_options as timing
from toolkit.cli.app import RESULTS, app
from toolkit.cli.asking import Ask
from toolkit.cli.comparing import Candidate, Pair, of_reference
from toolkit.cli.gating import GateOptions
from toolkit.cli.groups import spread
from toolkit.cli.model_options import (
    InputOptions,
    ModelOptions,
    NameOptions,
    WeightOptions,
    each_once,
)
from toolkit.cli.options import ChildOptions, LimitOptions
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
    trust: opt.Trust = False,
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
    asked = ExportOptions(parse_formats(formats or []), out, opset, trust)
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
    plan: Annotated[
        bool, typer.Option("--plan", help="Show the cases that would run, and run none.")
    ] = False,
    self_test: opt.SelfTest = False,
    planting_seeds: opt.PlantingSeeds = "0",
    resume: opt.Resume = False,
    trust: opt.Trust = False,
    about: InputOptions,
    weights: WeightOptions,
    limits: LimitOptions,
    child: ChildOptions,
    results: opt.ResultsFile = RESULTS / "check.json",
    junit: opt.JUnit = None,
) -> Ask[Any]:
    """Judge every exported form against its model.

    The judge is a float64 run of the module itself. Exits 1 when a form is not as accurate as
    the model it came from.
    """
    from toolkit.cli import self_testing, work

    chosen = ModelOptions(names, weights, about)
    asked = work.Check(formats, device, opset, failures, trust, budget, limits).values()
    common = work.Common(child, results, junit)
    if self_test:
        self_testing.require_alone(plan=plan, junit=junit)
        trial = self_testing.options(asked, planting_seeds)
        common = replace(common, results=self_testing.results_file(results, RESULTS / "check.json"))
        return Ask(chosen, common, trial, self_testing.self_test, ("onnx",), device, resume)
    perform = work.plan if plan else work.check
    return Ask(chosen, common, asked, perform, asked.formats, resume=resume)


@app.command()
@of_reference
@settled(bare=False, listed=False)
@spread
def compare(
    *,
    names: NameOptions,
    candidate: Candidate,
    forms: Annotated[
        list[str] | None,
        typer.Option(
            "-f", "--format", metavar="FORMAT,...", help="Of a bundle these forms; else all."
        ),
    ] = None,
    device: opt.Device = "cpu",
    failures: Annotated[
        Path, typer.Option("--failures", metavar="DIR", help="Where failing cases are saved.")
    ] = RESULTS,
    budget: opt.Budget = 60.0,
    limits: LimitOptions,
    trust: opt.Trust = False,
    about: InputOptions,
    weights: WeightOptions,
    child: ChildOptions,
    results: opt.ResultsFile = RESULTS / "compare.json",
    junit: opt.JUnit = None,
) -> Ask[Any]:
    """Judge any model against any other.

    The judge is a float64 run of the reference, as in `check`; an ONNX file is judged by
    perturbing its inputs and weights. Inputs and outputs match by name where all names agree,
    else by position, and a note says which was taken for which.

    --input is for a model that does not say its inputs; where neither does, the candidate takes
    the reference's. --arg goes to the constructors of your own modules, --weights to every model
    that is built from code: files and bundles have theirs. --dim, --range, --inputs and --dynamic
    are about the reference. Files that are programs (.pt, .pt2) need --trust in either place.

    Exits 1 when they differ.
    """
    from toolkit.cli import comparing, work
    from toolkit.options import OPSET

    chosen = ModelOptions(names, weights, about)
    asked = work.Check(forms, device, OPSET, failures, trust, budget, limits).values()
    common = work.Common(child, results, junit)
    return Ask(chosen, common, Pair(candidate, asked), comparing.compare)


@app.command()
@each_once
@settled()
@spread
def bench(
    *,
    names: NameOptions,
    variants: timing.Variants = None,
    batch: timing.Batches = "1",
    sizes: timing.Sizes = None,
    threads: timing.Threads = "1",
    device: timing.Devices = "cpu",
    baseline_variant: timing.BaselineVariant = "eager",
    list_variants: timing.ListVariants = False,
    each: timing.Each = False,
    preset: timing.PresetOptions,
    opset: opt.Opset = 20,
    trust: opt.Trust = False,
    gate: GateOptions,
    about: InputOptions,
    weights: WeightOptions,
    child: ChildOptions,
    results: opt.ResultsFile = RESULTS / "bench.json",
    resume: opt.Resume = False,
) -> Ask[Any]:
    """Time every form against eager, and models against each other.

    Variants take turns in random order, in several fresh processes one after the other; each ratio
    is paired, has a 95 % interval and stands beside an A/A row. A form that fails parity is not
    timed. Several models are one comparison, the first one's eager module its baseline, unless
    --each or --all asks for a table each, or none is named and all of the settings are meant. All
    means networks: layers and losses are timed where they are named.

    --save keeps a run, --baseline holds this one against it: with --fail-if-slower it exits 1 for
    a case that is slower, missing or no longer right, and 3 where the machine cannot tell.
    """
    from toolkit.cli import benching, work

    chosen = ModelOptions(names, weights, about)
    asked = benching.Bench(
        variants=variants,
        batch=batch,
        threads=threads,
        device=device,
        baseline=baseline_variant,
        preset=preset,
        opset=opset,
        trust=trust,
        each=each,
        sizes=sizes,
        gate=gate,
    ).values()
    perform = benching.list_variants if list_variants else benching.bench
    common = work.Common(child, results)
    device = next((name for name in asked.devices if name != "cpu"), "cpu")
    return Ask(chosen, common, asked, perform, asked.chosen, device, resume)


@app.command()
@settled()
@spread
def run(
    *,
    names: NameOptions,
    formats: opt.Formats = None,
    out: opt.Out = RESULTS,
    opset: opt.Opset = 20,
    batch: timing.Batches = "1",
    sizes: timing.Sizes = None,
    threads: timing.Threads = "1",
    device: opt.Device = "cpu",
    quick: Annotated[
        bool, typer.Option("--quick/--full", help="Twelve rounds, or the full protocol.")
    ] = True,
    budget: opt.Budget = 60.0,
    resume: opt.Resume = False,
    trust: opt.Trust = False,
    about: InputOptions,
    weights: WeightOptions,
    limits: LimitOptions,
    child: ChildOptions,
    results: opt.ResultsFile = RESULTS / "run.json",
    junit: opt.JUnit = None,
) -> Ask[Any]:
    """Weights, export, check, bench and report.

    With --all the networks of the catalogue are timed; its layers and losses are checked.
    """
    from toolkit.cli import benching, work

    chosen = ModelOptions(names, weights, about)
    preset = timing.PresetOptions(quick=quick)
    timed = benching.Bench(
        None, batch, threads, device, preset=preset, opset=opset, trust=trust, sizes=sizes
    ).values()
    judged = work.Check(formats, device, opset, out, trust, budget, limits).values()
    asked = work.stages(judged, timed, out)
    common = work.Common(child, results, junit)
    return Ask(chosen, common, asked, work.run, judged.formats, device, resume)

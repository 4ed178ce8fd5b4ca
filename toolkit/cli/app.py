"""The commands: each checks its words, says what to do, and hands the rest to a session."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import options as opt
from toolkit.cli.asking import Ask
from toolkit.cli.groups import spread
from toolkit.cli.model_options import InputOptions, ModelOptions, NameOptions, WeightOptions
from toolkit.cli.options import ChildOptions
from toolkit.cli.settled import settled

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
@spread
def show(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    pictures: Annotated[
        Path | None,
        typer.Option(
            "--pictures", metavar="DIR", help="Write what a generative model draws, as PNG files."
        ),
    ] = None,
    weights: opt.Weights = "default",
    seed: opt.Seed = 0,
    child: ChildOptions,
) -> int:
    """Show all that is known of one entry, or its pictures.

    With --pictures the entry is trained first where it is not yet; --weights, --seed, --timeout
    and --memory-limit are for that.
    """
    from toolkit.cli import catalogue, procedures, work

    if pictures is None:
        return catalogue.show(name, json=child.json)
    return procedures.draw(name, pictures, work.Common(child), weights=weights, seed=seed)


@app.command()
@spread
def predict(
    *,
    bundle: Annotated[
        str, typer.Argument(metavar="BUNDLE", help="A folder that `toolkit export` wrote.")
    ],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Image files.")],
    format_name: Annotated[
        str | None,
        typer.Option(
            "-f",
            "--format",
            metavar="FORMAT",
            help="The form to use; onnx without it, else the first that the bundle holds.",
        ),
    ] = None,
    top: Annotated[
        int, typer.Option("--top", metavar="N", min=1, help="Classes an image, likeliest first.")
    ] = 5,
    device: Annotated[
        str, typer.Option("--device", metavar="cpu|cuda[:N]", help="Where the form runs.")
    ] = "cpu",
    ort_libraries: opt.OrtLibraries = None,
    trust: opt.Trust = False,
    child: ChildOptions,
) -> int:
    """Tell what image files show, through an exported form.

    Images are prepared as the bundle's manifest says. Exits 3 when one cannot be read; the others
    are answered all the same.
    """
    from toolkit.cli import procedures, work

    common = work.Common(child)
    return procedures.predict(
        bundle,
        images,
        common,
        formats=format_name,
        top=top,
        device=device,
        trust=trust,
        libraries=ort_libraries or (),
    )


@app.command()
def doctor(json: opt.Json = False) -> int:
    """Show versions, devices and what is missing."""
    from toolkit.cli import catalogue

    return catalogue.doctor(json=json)


@app.command()
@settled(bare=False)
@spread
def train(
    *,
    names: NameOptions,
    again: Annotated[
        bool, typer.Option("--again", help="Train even where earlier weights would serve.")
    ] = False,
    device: Annotated[
        str, typer.Option("--device", metavar="cpu|cuda[:N]", help="Where training runs.")
    ] = "cpu",
    weights: WeightOptions,
    child: ChildOptions,
    results: opt.ResultsFile = RESULTS / "train.json",
) -> Ask[bool]:
    """Train briefly and keep the weights.

    --weights says what it starts from: published weights where there are any, by default.

    Exits 1 when the held-out metric misses the floor of the model's plan.
    """
    from toolkit.cli import work

    chosen = ModelOptions(names, weights, device=device, starting=True)
    return Ask(chosen, work.Common(child, results), again, work.train, device=device)


@app.command()
@spread
def init(
    *,
    models: opt.Models = None,
    about: InputOptions,
    formats: opt.Formats = None,
    weights: opt.Weights = "default",
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of the settings instead.")
    ] = False,
    json: opt.Json = False,
) -> int:
    """Write a first [tool.toolkit] into the pyproject.toml of this folder.

    Without MODEL it proposes the networks that it finds in the Python files here, which it reads
    and does not run. Nothing else in the file is touched.
    """
    from toolkit.cli import initialising

    if schema:
        return initialising.tell_schema()
    return initialising.init(models or [], about, formats=formats, weights=weights, json=json)


@app.command()
def report(
    files: Annotated[list[Path], typer.Argument(metavar="RESULTS", help="Results files.")],
    *,
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
    junit: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", help="Write JUnit XML: a test case a form."),
    ] = None,
    pytest_benchmark: opt.PytestBenchmark = None,
    github_benchmark: opt.GithubBenchmark = None,
    github_ratios: opt.GithubRatios = None,
    bencher: opt.Bencher = None,
    figures: opt.Figures = None,
) -> int:
    """Render results that are on disk.

    `-` in place of a file writes to stdout.
    """
    from toolkit.cli import rendering

    wanted = {
        **{"markdown": markdown, "csv": csv, "json": json, "junit": junit},
        **{"pytest_benchmark": pytest_benchmark, "github_benchmark": github_benchmark},
        **{"github_ratios": github_ratios, "bencher": bencher},
    }
    return rendering.report(files, wanted, figures)

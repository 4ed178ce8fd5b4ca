"""The options that commands share; their meaning stands in `--help` and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from toolkit.parity.limits import MAX_SCORE, Limits, parse_tolerances

Models = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MODEL",
        help="A name of the catalogue, file.py:name, package.module:name, or a bundle folder.",
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="Every model of the catalogue.")]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="NAME=DIM,...[:DTYPE]",
        help="An input of your own model; a DIM that is a name is dynamic. Repeatable.",
    ),
]
Dims = Annotated[
    list[str] | None,
    typer.Option(
        "--dim",
        metavar="NAME=LOW..HIGH[:STEP][@TRACED]",
        help="The range of a dynamic dimension.",
    ),
]
Ranges = Annotated[
    list[str] | None,
    typer.Option(
        "--range",
        metavar="NAME=LOW..HIGH",
        help="The range of an input's values.",
    ),
]
Arguments = Annotated[
    list[str] | None,
    typer.Option(
        "--arg",
        metavar="NAME=VALUE",
        help="An argument of your model's constructor.",
    ),
]
InputsFile = Annotated[
    str | None,
    typer.Option(
        "--inputs",
        metavar="FILE.npz",
        help="Arrays to run besides the drawn ones, by input name.",
    ),
]
Dynamic = Annotated[
    str | None,
    typer.Option(
        "--dynamic",
        metavar="auto",
        help="Try which dimensions of the inputs can vary, and say which cannot.",
    ),
]
Imports = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        metavar="MODULE",
        help="Import a module first: one that registers operators of your own. Repeatable.",
    ),
]
OrtLibraries = Annotated[
    list[str] | None,
    typer.Option(
        "--ort-library",
        metavar="FILE",
        help="A library of operators for onnxruntime. Repeatable.",
    ),
]
WithPreprocess = Annotated[
    bool,
    typer.Option(
        "--with-preprocess",
        help="Put resize, crop and normalisation into the exported graph.",
    ),
]
Weights = Annotated[
    str,
    typer.Option(
        "--weights",
        metavar="default|pretrained|random|FILE[:KEY]",
        help="Trained or pretrained, seeded at random, or from a checkpoint.",
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="NAME",
        help="Data to train on in place of the plan's: digits, mnist, cifar10, image-folder, ...",
    ),
]
DataDir = Annotated[
    str | None,
    typer.Option("--data-dir", metavar="DIR", help="Where the data lie, or are downloaded to."),
]
Recipe = Annotated[
    str,
    typer.Option(
        "--recipe",
        metavar="brief|document",
        help="Train briefly to the catalogue's floor, or as the document has it.",
    ),
]
Epochs = Annotated[
    int | None, typer.Option("--epochs", min=1, help="In place of the training plan's.")
]
Budget = Annotated[
    float,
    typer.Option(
        "--budget",
        metavar="SECONDS",
        min=0.0,
        help="Time for the cases of one form; the first eight run in any case.",
    ),
]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Go on with the sweep in --results: what is done is kept."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of weights and draws.")]
Device = Annotated[
    str, typer.Option("--device", metavar="cpu|cuda[:N]", help="Where eager and candidates run.")
]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "-f",
        "--format",
        metavar="FORMAT,...",
        help="onnx, pt2, trace, script (all four without it), onnx-legacy.",
    ),
]
Out = Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Where bundles are written.")]
Opset = Annotated[int, typer.Option("--opset", min=18, help="Opset of ONNX files.")]
Trust = Annotated[
    bool, typer.Option("--trust", help="Load programs that your own toolkit did not write.")
]
Timeout = Annotated[
    float,
    typer.Option("--timeout", metavar="SECONDS", min=0.1, help="The longest that one case takes."),
]
MemoryLimit = Annotated[
    float | None,
    typer.Option("--memory-limit", metavar="GB", min=0.1, help="The most resident memory."),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="One JSON document on stdout, nothing else."),
]


def _file(flag: str, told: str) -> Any:
    """An option that names a file to write."""
    return typer.Option(flag, metavar="FILE", help=told)


ResultsFile = Annotated[
    Path | None, _file("--results", "Where the results are kept for `toolkit report`.")
]
JUnit = Annotated[Path | None, _file("--junit", "Write JUnit XML too: a test case a form.")]
PytestBenchmark = Annotated[
    Path | None,
    _file("--pytest-benchmark", "Write timings that `pytest-benchmark compare` reads."),
]
GithubBenchmark = Annotated[
    Path | None,
    _file("--github-benchmark", "Write times for github-action-benchmark (customSmallerIsBetter)."),
]
GithubRatios = Annotated[
    Path | None,
    _file("--github-ratios", "Write speed-ups for github-action-benchmark (customBiggerIsBetter)."),
]
Bencher = Annotated[Path | None, _file("--bencher", "Write Bencher Metric Format JSON.")]
Figures = Annotated[
    Path | None,
    typer.Option(
        "--figures",
        metavar="DIR",
        help="Draw PNG and SVG: speed-ups, distributions, throughput by batch, roofline.",
    ),
]
SelfTest = Annotated[
    bool,
    typer.Option("--self-test", help="Plant defects in the ONNX file: are they found?"),
]
PlantingSeeds = Annotated[
    str,
    typer.Option(
        "--planting-seeds",
        metavar="N..N",
        help="Seeds of the defects of --self-test; each plants one of every kind.",
    ),
]
MaxScore = Annotated[
    float,
    typer.Option(
        "--max-score",
        metavar="N",
        help="The largest error that passes, in units of eager's own.",
    ),
]
Atol = Annotated[
    list[str] | None,
    typer.Option(
        "--atol",
        metavar="[OUTPUT=]VALUE",
        help="Judge by |form - eager| <= atol + rtol |eager| in place of the score. Repeatable.",
    ),
]
Rtol = Annotated[
    list[str] | None,
    typer.Option("--rtol", metavar="[OUTPUT=]VALUE", help="As --atol, relative. Repeatable."),
]
MinAgreement = Annotated[
    float | None,
    typer.Option(
        "--min-agreement",
        metavar="SHARE",
        help="For forms of lower precision: how often the largest feature must be the model's.",
    ),
]
MinSqnr = Annotated[
    float | None,
    typer.Option(
        "--min-sqnr",
        metavar="DB",
        help="For forms of lower precision: the least ratio of signal to noise.",
    ),
]


@dataclass(frozen=True)
class LimitOptions:
    """What a form is held to."""

    max_score: MaxScore = MAX_SCORE
    atol: Atol = None
    rtol: Rtol = None
    min_agreement: MinAgreement = None
    min_sqnr: MinSqnr = None

    def values(self) -> Limits:
        """The limits checked; raises `UsageError`."""
        return Limits(
            self.max_score,
            parse_tolerances(self.atol or (), "--atol"),
            parse_tolerances(self.rtol or (), "--rtol"),
            self.min_agreement,
            self.min_sqnr,
        )


@dataclass(frozen=True)
class ChildOptions:
    """What a child process may use, and where what it finds goes."""

    timeout: Timeout = 600.0
    memory_limit: MemoryLimit = None
    json: Json = False

"""Options of what is timed, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.results import Preset

Variants = Annotated[
    list[str] | None,
    typer.Option(
        "--variants",
        metavar="NAME,...",
        help="eager, onnx, pt2, trace, script (all five without it), onnx-legacy.",
    ),
]
Batches = Annotated[str, typer.Option("--batch", metavar="N,...", help="Batch sizes to time.")]
Sizes = Annotated[
    list[str] | None,
    typer.Option(
        "--size",
        metavar="NAME=N,...",
        help="The size at which a dynamic dimension other than the batch is timed. Repeatable.",
    ),
]
Threads = Annotated[
    str, typer.Option("--threads", metavar="N,...", help="Thread counts to time every runtime at.")
]
Devices = Annotated[
    str, typer.Option("--device", metavar="cpu|cuda[:N],...", help="Where eager and forms run.")
]
BaselineVariant = Annotated[
    str, typer.Option("--baseline-variant", metavar="NAME", help="What the others are compared to.")
]
ListVariants = Annotated[
    bool, typer.Option("--list-variants", help="What can be timed, and what it needs.")
]
Each = Annotated[
    bool, typer.Option("--each", help="A table for each model, not one that compares them.")
]


@dataclass(frozen=True)
class PresetOptions:
    """How long is measured, as typed."""

    quick: Annotated[bool, typer.Option("--quick", help="One process, twelve rounds.")] = False
    rigorous: Annotated[
        bool,
        typer.Option(
            "--rigorous",
            help="Ten processes, until every ratio is within 1 %, or half an hour of rounds.",
        ),
    ] = False
    round_budget: Annotated[
        float | None,
        typer.Option("--budget", metavar="SECONDS", min=1.0, help="Round time a model (60)."),
    ] = None

    def value(self) -> Preset:
        """The preset meant; raises `UsageError` for words that contradict each other."""
        if self.quick and self.rigorous:
            raise UsageError("--quick and --rigorous: only one of them can be meant")
        if self.round_budget is not None and (self.quick or self.rigorous):
            flag = "--quick" if self.quick else "--rigorous"
            raise UsageError(
                f"--budget has no meaning with {flag}, which has an end of its own",
                hint="leave one of them out",
            )
        return "quick" if self.quick else "rigorous" if self.rigorous else "usual"

"""Options of a run that is kept, or held against one that was kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.app import RESULTS
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.options import Gate


@dataclass(frozen=True)
class GateOptions:
    """What a run is held against, as typed."""

    save: Annotated[
        str | None,
        typer.Option("--save", metavar="NAME", help="Keep this run, and its files, by a name."),
    ] = None
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="NAME|FILE", help="Hold this run against a saved one."),
    ] = None
    fail_if_slower: Annotated[
        str | None,
        typer.Option(
            "--fail-if-slower", metavar="LIMIT", help="Exit 1 where a case is slower: 5%, 1.05x."
        ),
    ] = None
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Compare with a run of another machine or version.")
    ] = False

    def values(self) -> Gate:
        """The options checked; raises `UsageError`."""
        from toolkit import baselines
        from toolkit.options import Gate

        limit = None
        if self.fail_if_slower is not None:
            limit = baselines.parse_limit(self.fail_if_slower)
        if self.baseline is None and (limit is not None or self.anyway):
            raise UsageError(
                "there is nothing to hold this run against",
                hint="--baseline NAME|FILE says what, --save NAME makes one",
            )
        if self.save is not None:
            baselines.require_name(self.save)
        return Gate(self.baseline, limit, self.anyway, self.save, RESULTS)

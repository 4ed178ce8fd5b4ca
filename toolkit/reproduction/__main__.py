"""The process that reduces: `python -m toolkit.reproduction FOLDER`, with a job in the folder."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from toolkit.reproduction.emitting import Wanted, script, stored_name, write
from toolkit.reproduction.job import JOB_NAME, RESULT_NAME, Job, Result, load
from toolkit.reproduction.program import Program
from toolkit.reproduction.reducing import (
    Found,
    Reducer,
    alike,
    narrowed,
    one_thread,
    operators,
)
from toolkit.reproduction.trial import Outcome, tried
from toolkit.reproduction.two_paths import TwoPaths

MOST_NAMED = 5
"""Of a script's operators so many are named at its head."""


def main(folder: Path) -> int:
    """Write the smallest script that was found; 1 where none shows what is looked for."""
    one_thread()
    job = Job.model_validate_json((folder / JOB_NAME).read_text(encoding="utf-8"))
    for entry in job.drafts:
        program = load(entry, folder)
        found = _shown(job, program)
        if found is not None:
            _Keeper(folder, job, len(program.operators)).reduce(found)
            return 0
    return 1


def _shown(job: Job, program: Program | TwoPaths) -> Found | None:
    """What the program shows, where it is what is looked for."""
    wanted = Wanted(job.format, job.opset)
    try:
        outcome = tried(script(program, wanted, "stored"))
    except Exception:  # what cannot be run here shows nothing
        return None
    if outcome.kind not in job.kinds:
        return None
    if outcome.kind == "raises" and not _is_the_error(job, program, outcome):
        return None
    return Found(program, narrowed(wanted, outcome), outcome)


def _is_the_error(job: Job, program: Program | TwoPaths, outcome: Outcome) -> bool:
    """Whether it reads alike, or is for the dynamic sizes alone, as a refused dimension is."""
    if alike(outcome.said.partition(": ")[2], job.message):
        return True
    if not job.about_sizes or not any(program.dynamic):
        return False
    fixed = replace(program.first if isinstance(program, TwoPaths) else program, dynamic=())
    return tried(script(fixed, Wanted(job.format, job.opset), "stored")).kind != "raises"


class _Keeper:
    """Puts each smaller script into its place."""

    def __init__(self, folder: Path, job: Job, captured: int) -> None:
        self.folder = folder
        self.target = Path(job.target)
        self.budget_s = job.budget_s
        self.captured = captured
        self.may_cut = not job.about_sizes

    def reduce(self, found: Found) -> None:
        """From the whole program down; its own first trial has paid what all trials share."""
        ends_at = time.monotonic() + self.budget_s
        reducer = Reducer(found.wanted, self.keep, ends_at, self.may_cut)
        reducer.accept(found)
        reducer.reduce(found.program)

    def keep(self, found: Found) -> None:
        """Write the script, then what it holds."""
        names = list(dict.fromkeys(operators(found.program)))
        count = len(operators(found.program))
        listed = ", ".join(names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")
        about = f"{found.outcome.said}\n{count} of {self.captured} operators: {listed}"
        wanted = replace(found.wanted, about=about)
        write(script(found.program, wanted, stored_name(self.target).name), self.target)
        result = Result(operators=count, captured=self.captured)
        (self.folder / RESULT_NAME).write_text(result.model_dump_json(), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

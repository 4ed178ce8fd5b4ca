"""Whether the tests of parity notice when the code that decides a verdict is changed.

    python -m bench.mutants [FILE…] [--tests test_compare.py,…] [--jobs 1] [--list]

Makes every mutant of the files (`mutation.py`: one small change each), puts it in place of its
module in a forked child, and runs the tests that enter the changed function there, the quickest
first, until one fails. Prints what survived, and a table.

`equivalent_mutants.toml` lists those that change no verdict, each with its reason. Exits 1 for a
survivor that is not listed, for a listed one that a test kills, and for one that is gone.
"""

from __future__ import annotations

import argparse
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.mutant_runs import preload, run
from bench.mutation import Mutant, mutants_of

ROOT = Path(__file__).resolve().parents[1]
DECIDING = (
    *("compare", "cases", "noise", "second_look"),
    *("batching", "baked", "summary", "verdict"),
)
"""The modules of `toolkit/parity/` whose code makes a verdict."""
LISTED = Path(__file__).with_name("equivalent_mutants.toml")
TESTS = ROOT / "tests" / "parity"
SLOW_TESTS = ("test_budget.py", "test_false_alarms.py", "test_plan.py", "test_properties.py")

Key = tuple[str, str]


def listed() -> dict[Key, str]:
    """The mutants that change no verdict, and why."""
    entries = tomllib.loads(LISTED.read_text(encoding="utf-8")).get("equivalent", [])
    return {(entry["where"], entry["change"]): entry["reason"] for entry in entries}


def told(mutant: Mutant) -> str:
    """`toolkit/parity/compare.py:134: score: errors == 0.0 → errors != 0.0`."""
    place = mutant.path.relative_to(ROOT) if mutant.path.is_relative_to(ROOT) else mutant.path
    return f"{place}:{mutant.line}: {mutant.function}: {mutant.change}"


def complaints(outcomes: Mapping[Mutant, bool], known: Mapping[Key, str]) -> list[str]:
    """Survivors that are not listed, and entries of the list that a test kills or that are gone."""
    survivors = {mutant.key for mutant, killed in outcomes.items() if not killed}
    unlisted = [
        f"survived: {told(mutant)}"
        for mutant, killed in outcomes.items()
        if not killed and mutant.key not in known
    ]
    files = {mutant.path.name for mutant in outcomes}
    made = {mutant.key for mutant in outcomes}
    stale = [
        f"listed as equivalent and {'killed' if key in made else 'gone'}: {': '.join(key)}"
        for key in known
        if key not in survivors and key[0].partition(":")[0] in files
    ]
    return [*unlisted, *stale]


def table(outcomes: Mapping[Mutant, bool], known: Mapping[Key, str]) -> str:
    """A row a file: how many mutants, killed, equivalent and survived."""
    made = Counter(mutant.path.name for mutant in outcomes)
    killed = Counter(mutant.path.name for mutant, dead in outcomes.items() if dead)
    equal = Counter(
        mutant.path.name for mutant, dead in outcomes.items() if not dead and mutant.key in known
    )
    lines = [f"{'file':20} {'mutants':>8} {'killed':>8} {'equivalent':>11} {'survived':>9}"]
    for name in [*made, "all"]:
        counts = [sum(by.values()) if name == "all" else by[name] for by in (made, killed, equal)]
        rest = counts[0] - counts[1] - counts[2]
        lines.append(f"{name:20} {counts[0]:8} {counts[1]:8} {counts[2]:11} {rest:9}")
    return "\n".join(lines)


def chosen(words: Sequence[str]) -> list[Mutant]:
    """The mutants of the files that decide, or of those named."""
    names = words or [f"toolkit/parity/{name}.py" for name in DECIDING]
    return [mutant for name in names for mutant in mutants_of((ROOT / name).resolve())]


def tests_of(words: str | None) -> list[Path]:
    """The quick tests of parity, or those named."""
    if words is not None:
        return [TESTS / name for name in words.split(",")]
    return [path for path in sorted(TESTS.glob("test_*.py")) if path.name not in SLOW_TESTS]


def main() -> None:
    parser = argparse.ArgumentParser(description="mutation testing of the code of a verdict")
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.add_argument("--tests", help="files of tests/parity/, for a quick look")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="print the mutants and run none")
    options = parser.parse_args()
    mutants = chosen(options.files)
    if options.list:
        print("\n".join(map(told, mutants)))
        return
    preload()
    began = time.monotonic()
    known = listed()
    outcomes: dict[Mutant, bool] = {}

    def tell(mutant: Mutant, killed: bool) -> None:
        outcomes[mutant] = killed
        if not killed and mutant.key not in known:
            print(f"survived: {told(mutant)}", flush=True)

    run(ROOT, tests_of(options.tests), mutants, options.jobs, tell)
    wrong = complaints(outcomes, known)
    print("\n".join(line for line in wrong if not line.startswith("survived")))
    print(f"{table(outcomes, known)}\n{time.monotonic() - began:.0f} s")
    sys.exit(int(bool(wrong)))


if __name__ == "__main__":
    main()

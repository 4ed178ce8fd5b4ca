"""Whether the judge finds what is wrong, and passes what is right, over the whole catalogue.

    python bench/self_test.py [NAME …] [--seeds 0..9] [--rights] [--out DIR] [--weights random]

Without names: every network of the catalogue. Each is taken through `toolkit check --self-test` in
processes of its own; with `--rights` also through `toolkit check` in every format, ONNX at both
levels of onnxruntime's optimisation. What each gives is kept in `--out`, and what lies there
already is not done again. Prints, in Markdown, the defects that count, those that were found and
those that were missed, by network and by kind, and each that was missed. Exits 1 when one was
missed, when a right export does not pass, or when a network could not be tried.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import toolkit
from toolkit.results import CheckResult, Document, PlantedDefect, SelfTest, load
from toolkit.spec import ALL_FORMATS, PART_FAMILIES

FORMATS = ",".join(ALL_FORMATS)
TIMEOUT_S = "7200"


@dataclass(frozen=True)
class Tried:
    """One network: its self-test, and its right exports where they were checked."""

    name: str
    test: SelfTest | None
    rights: Sequence[CheckResult]

    @property
    def good(self) -> bool:
        """Whether nothing was missed, and no right export was called wrong."""
        passed = all(row.status in ("pass", "limit") for row in self.rights)
        return passed and self.test is not None and self.test.status == "pass"


def main() -> None:
    parser = argparse.ArgumentParser(description="planted defects, found and missed")
    parser.add_argument("names", nargs="*", help="entries of the catalogue")
    parser.add_argument("--seeds", default="0..9", help="of the defects' generator")
    parser.add_argument("--rights", action="store_true", help="check the right exports too")
    parser.add_argument("--out", type=Path, default=Path("self-tests"))
    parser.add_argument("--weights", default="default", help="as of toolkit check")
    parser.add_argument("--budget", default="60", help="seconds for the cases of one form")
    given = parser.parse_args()
    names = given.names or networks()
    common = ["--weights", given.weights, "--budget", given.budget]
    rights_head = " right exports |" if given.rights else ""
    print(f"| network | cases | planted | counted | found | missed | seconds |{rights_head}")
    print("|" + "---|" * (7 + given.rights))
    tried = []
    for name in names:
        seeds = ["--self-test", "--planting-seeds", given.seeds]
        test = run(given.out / f"{name}.json", name, [*seeds, *common])
        rights = None
        if given.rights:
            rights = run(given.out / f"{name}.rights.json", name, ["-f", FORMATS, *common])
        tried.append(gathered(name, test, rights))
        print(line(tried[-1], given.rights), flush=True)
    tell(tried)
    sys.exit(int(not all(one.good for one in tried)))


def networks() -> list[str]:
    """The entries of the catalogue that are no parts of networks."""
    return [spec.name for spec in toolkit.list_models() if spec.family not in PART_FAMILIES]


def run(path: Path, name: str, words: Sequence[str]) -> Document | None:
    """What a check of the network found; what is there already is read. None where it failed.

    A file that is not of this network's work, or that holds no row of it, is made anew.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        partial = path.with_suffix(".part")
        command = [sys.executable, "-m", "toolkit", "check", name, *words, "--timeout", TIMEOUT_S]
        command += ["--results", str(partial), "--failures", str(path.parent)]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        if not partial.exists():
            return None
        partial.replace(path)
    return load(path)


def gathered(name: str, test: Document | None, rights: Document | None) -> Tried:
    rows = (test.self_tests if test else None) or []
    return Tried(name, rows[0] if rows else None, rights.all_results if rights else [])


def line(one: Tried, rights: bool) -> str:
    """One row of the table by network."""
    test = one.test
    if test is None:
        cells = ["none", "", "", "", "", ""]
    elif test.status == "error" and not test.defects:
        cells = [test.message or "error", "", "", "", "", ""]
    else:
        planned = f"{test.cases} of {test.cases + test.left_out}"
        cells = [planned, *counts(test.defects), f"{test.seconds or 0:.0f}"]
    passed = [told(row) for row in one.rights]
    return f"| {one.name} | {' | '.join([*cells, *([', '.join(passed)] if rights else [])])} |"


def told(row: CheckResult) -> str:
    """A format with its score, or with its status where that is no pass."""
    scored = row.status == "pass" and row.score is not None
    return f"{row.format} {row.score:.1f}" if scored else f"{row.format} {row.status}"


def counts(defects: Sequence[PlantedDefect]) -> list[str]:
    """Planted, counted, found, missed."""
    counting = [one for one in defects if one.counted]
    found = sum(one.found for one in counting)
    return [str(number) for number in (len(defects), len(counting), found, len(counting) - found)]


def tell(tried: Iterable[Tried]) -> None:
    """The table by kind, the sums, and every defect that counts and was missed."""
    tests = [one.test for one in tried if one.test is not None]
    defects = [defect for test in tests for defect in test.defects]
    print("\n| kind of defect | planted | counted | found | missed | without a place |")
    print("|" + "---|" * 6)
    kinds = [*(one.kind for one in defects), *(kind for test in tests for kind in test.absent)]
    for kind in dict.fromkeys(kinds):
        absent = sum(len(test.absent.get(kind, ())) for test in tests)
        cells = [*counts([one for one in defects if one.kind == kind]), str(absent)]
        print(f"| {kind} | {' | '.join(cells)} |")
    print(f"| all | {' | '.join(counts(defects))} | |\n")
    for test in tests:
        for one in test.missed:
            size = "" if one.movement is None else f" ({one.movement:.3g} times the noise)"
            print(f"missed: {test.model}, {one.kind}, seed {one.seed}: {one.where}{size}")


if __name__ == "__main__":
    main()

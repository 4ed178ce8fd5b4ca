"""`check --self-test`: the judge tried with planted defects."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.cli.asking import Asks
from toolkit.errors import UsageError
from toolkit.options import CheckOptions, SelfTestOptions

if TYPE_CHECKING:
    from toolkit.sweep import Sweep

FORMATS = ("onnx", "onnx-legacy")
"""Forms that defects can be planted in."""
FILE_NAME = "self-test.json"
"""Its results do not take the place of a check's."""
MOST_SEEDS = 1000
_RANGE = re.compile(r"(\d+)(?:\.\.(\d+))?")


def options(check: CheckOptions, seeds: str) -> SelfTestOptions:
    """The options checked; raises `UsageError`."""
    others = [name for name in check.formats if name not in FORMATS]
    if others:
        raise UsageError(
            f"defects are planted in ONNX files: {', '.join(others)} is none",
            hint=f"-f takes {' and '.join(FORMATS)} here",
        )
    return SelfTestOptions(check, parse_seeds(seeds))


def require_alone(*, plan: bool, junit: Path | None) -> None:
    """Raise `UsageError` beside options that are about the judging of right files."""
    other = "--plan" if plan else "--junit" if junit is not None else None
    if other is not None:
        raise UsageError(f"--self-test tries the judge: it does not go with {other}")


def parse_seeds(text: str) -> tuple[int, ...]:
    """`0..9` or `0,3,7`; raises `UsageError`."""
    found: list[int] = []
    for word in text.split(","):
        match = _RANGE.fullmatch(word.strip())
        ends = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not 0 <= ends[1] - ends[0] < MOST_SEEDS:
            raise UsageError(f"--planting-seeds {text}: expected numbers, as in 0..9 or 0,3,7")
        found += range(ends[0], ends[1] + 1)
    return tuple(dict.fromkeys(found))


def results_file(given: Path | None, usual: Path) -> Path | None:
    """Where the results go: where that was said, else beside those of a check."""
    return usual.with_name(FILE_NAME) if given == usual else given


def self_test(asks: Asks[SelfTestOptions]) -> int:
    """Try the judge on each model."""
    words = asks.words()

    def work(sweep: Sweep) -> None:
        meant = sweep.resolve(words, everything=asks.everything, device=asks.device)
        for each in sweep.each(meant):
            sweep.self_test(each, asks.options_of(each))

    session = asks.typed.common.session(
        "check",
        lambda sweep: {"self_tests": sweep.self_tested},
        asked=asks.asked("self-test"),
        resume=asks.typed.resume,
    )
    return session.run(work)

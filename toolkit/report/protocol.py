"""How comparisons were measured, and what the machine could resolve: the line under a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from toolkit.report.numbers import format_count, format_number, format_percent, speedup_parts
from toolkit.report.symbols import TIMES
from toolkit.report.tables import cell_words
from toolkit.results import Comparison

Number = TypeVar("Number", int, float)

_STOPS = {
    "precise": "stopped when every interval was narrow enough",
    "budget": "stopped when the round time was spent",
    "rounds": "",  # all that were asked for: how many stands beside it
}


def protocol_line(comparisons: Sequence[Comparison]) -> str:
    """How they were measured and what the machine could resolve; of a sweep, the ranges."""
    parts = [
        f"baseline {baseline_words(comparisons)}",
        seed_words(comparisons),
        rounds_words(comparisons),
        band_words(comparisons),
        _twin(comparisons),
        place_words(comparisons),
        _stopped(comparisons),
        _family(comparisons),
        *_settings(comparisons),
        _cold(comparisons),
        load_words(comparisons),
        _harness(comparisons),
    ]
    return " · ".join(part for part in parts if part)


def baseline_words(comparisons: Sequence[Comparison]) -> str:
    """`eager`; of a sweep, `eager of the same batch and thread count`."""
    cell = cell_words(comparisons)
    return comparisons[0].baseline + (f" of the same {cell}" if cell else "")


def seed_words(comparisons: Sequence[Comparison]) -> str:
    """The seed of the rounds' order; of a sweep with several, the least and the largest."""
    return f"seed {_spread([held.seed for held in comparisons], str)}"


def rounds_words(comparisons: Sequence[Comparison]) -> str:
    """How many rounds, those of all sets together, and how many sets."""
    rounds, sets = [held.rounds for held in comparisons], [held.sets for held in comparisons]
    return f"{_counted(rounds, 'round')} {TIMES} {_counted(sets, 'set')}"


def band_words(comparisons: Sequence[Comparison]) -> str:
    """`A/A band ±1.24 %`, and whether it is too wide to claim anything."""
    bands = [held.aa_band for held in comparisons if held.aa_band]
    if not bands:
        return ""
    noisy = [_is_noisy(held) for held in comparisons]
    where = "" if all(noisy) else "in part "
    doubt = f", {where}too noisy to claim a difference" if any(noisy) else ""
    return f"A/A band ±{_spread(bands, format_percent)}{doubt}"


def _is_noisy(comparison: Comparison) -> bool:
    return any(variant.verdict == "noisy" for variant in comparison.variants)


def load_words(comparisons: Sequence[Comparison]) -> str:
    """The load average at the start and the end, where the system has one."""
    start, end = comparisons[0].load_start, comparisons[-1].load_end
    return "" if start is None or end is None else f"load {start:.2f} → {end:.2f}"


def _twin(comparisons: Sequence[Comparison]) -> str:
    """The A/A row: what a second copy of the baseline came to, where there is one comparison."""
    aa = comparisons[0].aa if len(comparisons) == 1 else None
    told = " ".join(speedup_parts(aa, "")) if aa and aa.estimate else ""
    return f"twin of the baseline {told}" if told else ""


def place_words(comparisons: Sequence[Comparison]) -> str:
    """The preset, and whether all was timed within one process."""
    presets = dict.fromkeys(held.preset for held in comparisons if held.preset)
    single = {held.within_one_process for held in comparisons}
    places = {True: "within one process", False: "several processes"}
    told = " and ".join(places[one] for one in sorted(single, reverse=True))
    return f"{' and '.join(presets)}: {told}" if presets else told


def _stopped(comparisons: Sequence[Comparison]) -> str:
    reasons = dict.fromkeys(held.stopped for held in comparisons if held.stopped)
    told = [_STOPS.get(reason, f"stopped: {reason}") for reason in reasons]
    return " and ".join(filter(None, told))


def _family(comparisons: Sequence[Comparison]) -> str:
    """How many claims the intervals hold for together: those of one comparison, not of a sweep."""
    claims = [held.family for held in comparisons]
    if max(claims) == 1:
        return ""
    cell = cell_words(comparisons)
    of_one = f" of one {cell}" if cell else ""
    return f"intervals{of_one} hold for {_counted(claims, 'claim')} at once"


def _settings(comparisons: Sequence[Comparison]) -> list[str]:
    """`TF32 off`; of comparisons that differ in a setting, all of its values."""
    found: dict[str, dict[str, None]] = {}
    for held in comparisons:
        for key, value in held.settings.items():
            found.setdefault(key, {})[value] = None
    return [f"{key} {' and '.join(values)}" for key, values in found.items()]


def _cold(comparisons: Sequence[Comparison]) -> str:
    """The first start after that of the machine takes longer: its files come from the disk."""
    started = any(row.cold for held in comparisons for row in held.variants)
    return "cold: fresh processes, files in the system's page cache" if started else ""


def _harness(comparisons: Sequence[Comparison]) -> str:
    added = [held.harness_ns for held in comparisons if held.harness_ns]
    return f"harness {_spread(added, format_number)} ns a call" if added else ""


def _counted(values: Sequence[int], noun: str) -> str:
    return f"{_spread(values, format_count)} {noun if max(values) == 1 else noun + 's'}"


def _spread(values: Sequence[Number], shown: Callable[[Number], str]) -> str:
    """One value, or the least and the largest."""
    low, high = shown(min(values)), shown(max(values))
    return low if low == high else f"{low.removesuffix(' %')} to {high}"

"""A run against a saved one: what became of every case."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from toolkit.report.caption import short_commit
from toolkit.report.check import format_score
from toolkit.report.numbers import INTERVAL, NOTHING, counted, format_count
from toolkit.report.sheet import Cell, Column, Remark, Section, Sheet, whole, words
from toolkit.results import Against, BaselineVerdict, Drift, TimeRatio

_FAILED: tuple[Drift, ...] = ("speed drift", "parity drift", "missing")
_STYLES: Mapping[Drift, str] = {
    **dict.fromkeys(_FAILED, "bold red"),
    "cannot tell": "yellow",
    "slower": "yellow",
    "faster": "green",
    "as before": "green",
}
_COLUMNS = (
    Column("model"),
    Column("variant"),
    Column("device"),
    Column("dtype"),
    Column("threads", "right"),
    Column("batch", "right"),
    Column(f"slower by {INTERVAL}", "right", optional=True),
    Column("judged by", optional=True),
    Column("score then", "right", optional=True, spare=True),
    Column("score now", "right", optional=True, spare=True),
    Column("verdict"),
)
_FACTS: Mapping[str, Callable[[BaselineVerdict], str]] = {
    "device": lambda row: row.device,
    "dtype": lambda row: row.dtype,
    "threads": lambda row: format_count(row.threads),
    "batch": lambda row: format_count(row.batch),
}
"""Columns that go where all rows have the same value: it stands in the caption."""


def baseline_sections(against: Against | None) -> list[Section]:
    """One table with a row a case, what failed one by one, and how the two runs differ."""
    if against is None:
        return []
    shared = _shared(against.verdicts)
    kept = [index for index, column in enumerate(_COLUMNS) if column.heading not in shared]
    rows = [_row(one) for one in against.verdicts]
    sheet = Sheet([_COLUMNS[i] for i in kept], [[row[i] for i in kept] for row in rows])
    remarks = [*_remarks(against, shared), *_differences(against)]
    return [
        Section(
            f"against {against.baseline}",
            sheet.without_empty_columns(NOTHING) if rows else None,
            sorted(remarks, key=lambda remark: remark.level != "error"),
            [line for line in _caption(against, shared) if line],
        )
    ]


def slower_by(change: TimeRatio | None) -> tuple[str, ...]:
    """By how much longer a call takes, with its interval: `+3.1 %` and `[+2.5, +3.7]`."""
    if change is None:
        return (NOTHING,)
    estimate, low, high = (
        f"{100 * (value - 1):+.1f}" for value in (change.estimate, change.low, change.high)
    )
    return (f"{estimate} %", f"[{low}, {high}]")


def _row(one: BaselineVerdict) -> list[Cell]:
    stick = (one.yardstick or "").removeprefix(f"{one.model} ")
    how = f"ratio to {stick}" if one.how == "ratios" else one.how or NOTHING
    number = f" (no. {one.number})" if one.number > 1 else ""
    return [
        words(one.model),
        words(f"{one.variant}{number}"),
        *(whole(of(one)) for of in _FACTS.values()),
        Cell(slower_by(one.change)),
        words(how),
        whole(format_score(one.score_then)),
        whole(format_score(one.score_now)),
        whole(one.drift, _STYLES.get(one.drift, "")),
    ]


def _shared(rows: Sequence[BaselineVerdict]) -> dict[str, str]:
    values = {name: {of(row) for row in rows} for name, of in _FACTS.items()}
    return {name: found.pop() for name, found in values.items() if len(found) == 1}


def _shared_line(shared: Mapping[str, str]) -> str:
    told = [shared[name] for name in ("device", "dtype") if name in shared]
    if "threads" in shared:
        told.append(f"{shared['threads']} thread{'' if shared['threads'] == '1' else 's'}")
    if shared.get("batch", NOTHING) != NOTHING:
        told.append(f"batch {shared['batch']}")
    return " · ".join(told)


def _caption(against: Against, shared: Mapping[str, str]) -> list[str]:
    return [_gate(against), _shared_line(shared), _blind_spot(against), _commits(against)]


def _commits(against: Against) -> str:
    """`commit 0123abcd then, 4567cdef now`, where they differ."""
    told = (
        f"{one.what} {short_commit(one.then)} then, {short_commit(one.now)} now"
        for one in against.commits
    )
    return " \N{MIDDLE DOT} ".join(told)


def _gate(against: Against) -> str:
    limit = f"{100 * against.limit:.3g} %"
    if against.gated:
        return f"gate: fails what is slower by over {limit}, missing, or no longer right"
    return f"no gate: speed drift is told from {limit} on and decides no exit code"


def _blind_spot(against: Against) -> str:
    """What ratios to the baseline's own code cannot see."""
    sticks = {one.model + " " + one.variant for one in against.verdicts if one.drift == "yardstick"}
    used = sorted(sticks & {one.yardstick for one in against.verdicts})
    if not used:
        return ""
    return (
        f"held against {', '.join(used)}, then and now: what slows that as much as the others"
        f" cannot be seen"
    )


def _remarks(against: Against, shared: Mapping[str, str]) -> Iterator[Remark]:
    """Every failure by itself; cases that share a reason why they cannot be told, together."""
    where = Where(len({one.model for one in against.verdicts}) > 1, shared)
    for one in against.verdicts:
        if one.drift in _FAILED:
            level = "error" if against.code_of(one.drift) else "note"
            yield Remark(level, one.drift, (where(one),), reason(one, against.limit))
    unknown: dict[str, list[str]] = {}
    for one in against.verdicts:
        if one.drift == "cannot tell":
            unknown.setdefault(one.message or "", []).append(where(one))
    for message, names in unknown.items():
        yield Remark("error" if against.gated else "note", "cannot tell", tuple(names), message)
    new = [where(one) for one in against.verdicts if one.drift == "new"]
    if new:
        text = f"{counted(len(new), 'case')} that the baseline does not have"
        yield Remark("note", "new", tuple(new), text)


@dataclass(frozen=True)
class Where:
    """What a remark is about: what all cases share is left out."""

    several: bool
    shared: Mapping[str, str]

    def __call__(self, one: BaselineVerdict) -> str:
        """A case in words: `onnx, batch 8`."""
        name = f"{one.model} {one.variant}" if self.several else one.variant
        told = [
            f"{fact} {value}" if fact in ("threads", "batch") else value
            for fact, of in _FACTS.items()
            if fact not in self.shared and (value := of(one)) != NOTHING
        ]
        return ", ".join([name, *told])


def reason(one: BaselineVerdict, limit: float) -> str:
    """Why a case failed, or cannot be told."""
    if one.change is None or one.message:
        return one.message or ""
    return f"slower by {' '.join(slower_by(one.change))}, over the limit of {100 * limit:.3g} %"


def _differences(against: Against) -> Iterator[Remark]:
    for one in against.differences:
        yield Remark("note", "unlike", (), str(one))
    for text in against.notes:
        yield Remark("note", "baseline", (), text)

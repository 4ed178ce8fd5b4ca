"""Which dimension a form has baked in: it fails at some sizes of it and at no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from toolkit.parity.cases import CaseVerdict
from toolkit.parity.findings import Finding, error
from toolkit.parity.reference import Reference

SHOWING_SIZES = ("ordinary", "flipped")
"""Kinds of values by which a size is judged."""


@dataclass(frozen=True)
class Baked:
    """A finding and the numbers of the cases that it explains."""

    finding: Finding
    cases: frozenset[int]


def baked_dimensions(reference: Reference, verdicts: Sequence[CaseVerdict]) -> Iterator[Baked]:
    """A finding for each dimension whose sizes alone decide whether the form fails.

    Looked at where every other dimension is at its traced size, on ordinary draws. Nothing is
    baked when the traced point itself fails, or where a size fails in some draws alone: then the
    fault is of another kind.
    """
    traced = reference.spec.traced_sizes
    ordinary = [one for one in verdicts if one.judged.case.kind in SHOWING_SIZES]
    if any(one.failed for one in verdicts if one.judged.case.sizes == traced):
        return
    for name in traced:
        alone = [one for one in ordinary if _others_traced(one, name, traced)]
        right = {one.judged.case.sizes[name] for one in alone if not one.failed}
        failing = [one for one in alone if one.judged.case.sizes[name] not in right]
        if failing:
            explained = frozenset(
                one.judged.case.number
                for one in verdicts
                if one.failed and one.judged.case.sizes[name] != traced[name]
            )
            yield Baked(_finding(name, traced[name], failing), explained)


def _others_traced(verdict: CaseVerdict, name: str, traced: dict[str, int]) -> bool:
    sizes = verdict.judged.case.sizes
    return all(sizes[other] == size for other, size in traced.items() if other != name)


def _finding(name: str, traced: int, failing: Sequence[CaseVerdict]) -> Finding:
    """Of cases at whose sizes none is right."""
    least = min(failing, key=lambda one: one.judged.case.sizes[name])
    wrong = ", ".join(map(str, sorted({one.judged.case.sizes[name] for one in failing})))
    text = (
        f"dimension {name} does not vary as in eager: at {wrong} the form {_how(least)}; "
        f"it was traced at {traced}"
    )
    return error("baked-dimension", text, case=least.judged.case.number)


def _how(verdict: CaseVerdict) -> str:
    if verdict.refusal:
        return f"refuses ({verdict.refusal})"
    if verdict.structure or verdict.shapes:
        faults = [*verdict.structure, *verdict.shapes.values()]
        return f"gives another structure ({'; '.join(faults)})"
    return "computes other values"

"""The findings of one form, from the verdicts on its cases: one a kind of fault."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.parity.baked import baked_dimensions
from toolkit.parity.cases import CaseVerdict
from toolkit.parity.findings import Finding, error, note
from toolkit.parity.reference import Reference


def summarise(reference: Reference, verdicts: Sequence[CaseVerdict]) -> list[Finding]:
    """One finding a kind of fault, each on its smallest case; sizes that fail alone are baked."""
    findings = list(baked_dimensions(reference, verdicts))
    explained = {number for found in findings for number in found.cases}
    rest = [one for one in verdicts if one.judged.case.number not in explained]
    return [
        *(found.finding for found in findings),
        *_refusals(rest),
        *_structure(rest),
        *_non_finite(verdicts),
        *_values(reference, rest),
        *_notes(verdicts),
        *_overridden(verdicts),
        *_nothing_compared(reference, verdicts),
    ]


def smallest(verdicts: Sequence[CaseVerdict]) -> CaseVerdict:
    """The case with the fewest input values."""
    return min(verdicts, key=lambda one: sum(array.size for array in one.judged.inputs.values()))


def _refusals(verdicts: Sequence[CaseVerdict]) -> list[Finding]:
    refused = [one for one in verdicts if one.refusal]
    if not refused:
        return []
    least = smallest(refused)
    text = f"refuses {len(refused)} cases that eager accepts, {least.judged.case}: {least.refusal}"
    return [error("structure", text, case=least.judged.case.number)]


def _structure(verdicts: Sequence[CaseVerdict]) -> list[Finding]:
    wrong = [one for one in verdicts if one.structure or one.shapes]
    if not wrong:
        return []
    least = smallest(wrong)
    text = f"{'; '.join([*least.structure, *least.shapes.values()])}, in {least.judged.case}"
    return [error("structure", text, case=least.judged.case.number)]


def _non_finite(verdicts: Sequence[CaseVerdict]) -> list[Finding]:
    wrong = [one for one in verdicts if one.non_finite]
    if not wrong:
        return []
    least = smallest(wrong)
    text = (
        f"{'; '.join(least.non_finite)}, in {least.judged.case}; {len(wrong)} such cases of "
        f"{len(verdicts)}"
    )
    return [error("non-finite", text, case=least.judged.case.number)]


def _values(reference: Reference, verdicts: Sequence[CaseVerdict]) -> list[Finding]:
    wrong = [one for one in verdicts if one.wrong_values]
    if not wrong:
        return []
    least = smallest(wrong)
    parts = [
        f"{name} is off by {least.largest_error[name]:.3g}, score {value:.3g} of "
        f"{least.limits.max_score:g}"
        for name, value in least.over.items()
    ]
    parts += [
        f"{name} is off by {least.largest_error[name]:.3g}, and {one.exceeding} values by more "
        f"than {one.tolerance}"
        for name, one in least.beyond.items()
    ]
    parts += [f"{name}: {count} integers differ" for name, count in least.unequal.items()]
    noise = f" (noise: {reference.noise_source})" if least.over else ""
    text = (
        f"{'; '.join(parts)}, in {least.judged.case}; {len(wrong)} such cases of {len(verdicts)}"
        f"{noise}"
    )
    return [error("value", text, case=least.judged.case.number)]


def _notes(verdicts: Sequence[CaseVerdict]) -> list[Finding]:
    found = []
    cleared = [one for one in verdicts if one.cleared]
    if cleared:
        text = (
            f"{len(cleared)} cases are over the limit by no more than eager itself moves when "
            f"its inputs and parameters are off by one rounding, first {cleared[0].judged.case}"
        )
        found.append(note("ill-conditioned", text, case=cleared[0].judged.case.number))
    differing = [one for one in verdicts if one.notes]
    if differing:
        first = differing[0]
        text = f"{'; '.join(first.notes)}, in {first.judged.case}"
        found.append(note("non-finite", text, case=first.judged.case.number))
    return found


def _overridden(verdicts: Sequence[CaseVerdict]) -> list[Finding]:
    """Which outputs a tolerance decided on in place of the score, and how much of it was used."""
    used: dict[str, float] = {}
    said: dict[str, str] = {}
    for verdict in verdicts:
        for name, one in verdict.overridden.items():
            used[name] = max(one.used, used.get(name, one.used))
            said[name] = str(one.tolerance)
    if not said:
        return []
    parts = [f"{name} by {said[name]} ({_share(used[name])})" for name in said]
    return [note("override", f"judged by a tolerance in place of the score: {', '.join(parts)}")]


def _share(used: float) -> str:
    return f"at most {used:.0%} of it is used" if used <= 1 else "it is exceeded"


def _nothing_compared(reference: Reference, verdicts: Sequence[CaseVerdict]) -> list[Finding]:
    """An empty comparison is an error: a check that compared nothing has shown nothing.

    Where that is so of some outputs alone, it is told.
    """
    ran = [one for one in verdicts if not one.refusal and not one.structure and not one.shapes]
    if not ran:
        return []
    names = [port.name for port in reference.spec.outputs]
    never = [name for name in names if not any(one.compared.get(name) for one in ran)]
    if len(never) < len(names):
        text = f"not a single value of {', '.join(never)} could be compared in any case"
        return [note("degenerate", text)] if never else []
    told = ", ".join(names) or "no output at all"
    return [error("structure", f"not a single value could be compared: {told}")]

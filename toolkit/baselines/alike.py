"""Like with like: what a run and its baseline do not have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from toolkit.baselines.cases import NOT_TIMED, Case, Timed, tables
from toolkit.errors import RefusedError
from toolkit.results import Comparison, Difference, Document, Environment, Preset, Variant

UNTOLD = "not told"
"""A condition that a document does not tell."""

_MACHINE = (("processor", "cpu"), ("cores", "cores"), ("system", "platform"))
_LIBRARIES = ("python", "torch", "torchvision", "onnx", "onnxruntime")
_RUNTIMES = ("openvino",)
"""Libraries that are a condition of the rows alone that they run."""
_SPANNED: Mapping[str, Callable[[Variant], object]] = {
    "device": lambda row: row.device,
    "threads": lambda row: row.threads,
    "batch": lambda row: row.batch,
    "dtype": lambda row: row.dtype,
}


class UnlikeError(RefusedError):
    """A run and its baseline were measured under different conditions (exit 3)."""

    name = "unlike"


def environment_differences(baseline: Document, now: Environment, toolkit: str) -> list[Difference]:
    """Machine and versions, which are known before anything is measured."""
    then = baseline.environment
    pairs = [(what, getattr(then, key), getattr(now, key)) for what, key in _MACHINE]
    pairs += [(name, getattr(then, name), getattr(now, name)) for name in _LIBRARIES]
    pairs += [("toolkit", baseline.toolkit, toolkit)]
    return [_difference(*pair) for pair in pairs if pair[1] != pair[2]]


def asked_differences(
    baseline: Document, threads: Iterable[int], presets: Iterable[Preset]
) -> list[Difference]:
    """Thread counts and presets that are asked for and that nothing in the baseline has."""
    held = baseline.all_comparisons
    pairs: Mapping[str, tuple[Iterable[object], Iterable[object]]] = {
        "threads": ((row.threads for one in held for row in one.variants), threads),
        "protocol": ((one.preset for one in held), presets),
    }
    return [one for what, (then, now) in pairs.items() for one in _apart(what, then, now)]


def differences(baseline: Document, now: Document) -> list[Difference]:
    """Everything that is not the same, the machine first, each told once.

    Of threads, batches, devices and dtypes only those are told that have nothing in common: what
    is left of a sweep is a matter of cases.
    """
    found = environment_differences(baseline, now.environment, now.toolkit)
    found += _accelerators(baseline, now)
    found += _spans(baseline, now)
    found += _protocols(baseline, now)
    found += _rows(baseline, now)
    return list(dict.fromkeys(found))


def require_alike(found: Sequence[Difference], baseline: str, *, anyway: bool = False) -> None:
    """Raise `UnlikeError` for differences that were not to be passed over."""
    if not found or anyway:
        return
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    raise UnlikeError(
        f"the baseline {baseline} is of other conditions: {found[0]}{more}",
        hint="--save a baseline under these conditions, or compare all the same with --anyway",
    )


def _difference(what: str, then: object, now: object) -> Difference:
    return Difference(what=what, then=_told(then), now=_told(now))


def _told(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return UNTOLD if value is None or value == "" else str(value)


def _accelerators(baseline: Document, now: Document) -> Iterator[Difference]:
    """The names of other devices than the CPU, where anything was timed on them."""
    used = [row.device for table in tables(baseline) for row in table.comparison.variants]
    if all(device == "cpu" for device in used):
        return
    names = [
        ", ".join(name for name in one.environment.devices if name != "cpu")
        for one in (baseline, now)
    ]
    if names[0] != names[1]:
        yield _difference("devices", *names)


def _spans(baseline: Document, now: Document) -> Iterator[Difference]:
    for what, of in _SPANNED.items():
        spans = (
            [of(row) for one in document.all_comparisons for row in one.variants]
            for document in (baseline, now)
        )
        yield from _apart(what, *spans)


def _apart(what: str, then: Iterable[object], now: Iterable[object]) -> Iterator[Difference]:
    """A condition of which the two have nothing in common."""
    spans = [dict.fromkeys(values) for values in (then, now)]
    if all(spans) and not spans[0].keys() & spans[1].keys():
        yield _difference(what, *(", ".join(map(_told, span)) for span in spans))


def _protocols(baseline: Document, now: Document) -> Iterator[Difference]:
    """Presets and settings of the comparisons that share a case."""
    for then, current in _partners(baseline, now):
        if then.preset != current.preset:
            yield _difference("protocol", then.preset, current.preset)
        yield from _settings("", then.settings, current.settings)


def _partners(baseline: Document, now: Document) -> Iterator[tuple[Comparison, Comparison]]:
    current = tables(now)
    for table in tables(baseline):
        for other in current:
            if table.rows.keys() & other.rows.keys():
                yield table.comparison, other.comparison


def _settings(of: str, then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Difference]:
    for name in dict.fromkeys((*then, *now)):
        if then.get(name) != now.get(name):
            yield _difference(f"{of}{name}", then.get(name), now.get(name))


def _rows(baseline: Document, now: Document) -> Iterator[Difference]:
    """What the same rows do not share; one that was not timed has nothing to share."""
    current = _timed(now)
    for case, then in _timed(baseline).items():
        other = current.get(case)
        if other is None:
            continue
        name = f"{case.model} {case.variant}: "
        for what in ("weights", "runtime", "alone"):
            values = getattr(then.row, what), getattr(other.row, what)
            if values[0] != values[1]:
                yield _difference(f"{name}{what}", *values)
        if (library := then.row.runtime) in _RUNTIMES:
            versions = [getattr(one.environment, library) for one in (baseline, now)]
            yield from [_difference(library, *versions)] if versions[0] != versions[1] else []
        yield from _settings(name, then.row.settings, other.row.settings)


def _timed(document: Document) -> dict[Case, Timed]:
    return {
        case: timed
        for table in tables(document)
        for case, timed in table.rows.items()
        if timed.row.verdict != NOT_TIMED
    }

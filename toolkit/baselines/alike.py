"""Like with like: what a run and its baseline do not have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit.baselines.cases import NOT_TIMED, Case, Timed, tables
from toolkit.baselines.said import said_pairs
from toolkit.errors import RefusedError
from toolkit.results import Comparison, Difference, Document, Environment, Preset, Variant
from toolkit.timing.revision import CHANGED

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


@dataclass(frozen=True)
class Asked:
    """What is asked for, as far as it is a condition and known before anything is measured.

    `said` is what a document holds under `asked`, `models` the models that are meant.
    """

    threads: Iterable[int] = ()
    presets: Iterable[Preset] = ()
    batches: Iterable[int] = ()
    devices: Iterable[str] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    said: Mapping[str, Any] | None = None
    models: Iterable[str] = ()


def asked_differences(baseline: Document, asked: Asked) -> list[Difference]:
    """What is asked for and nothing in the baseline has, and what was said of its models."""
    held = baseline.all_comparisons
    rows = [row for one in held for row in one.variants]
    pairs: dict[str, tuple[Iterable[object], Iterable[object]]] = {
        "threads": ((row.threads for row in rows), asked.threads),
        "protocol": ((one.preset for one in held), asked.presets),
        "batch": ((row.batch for row in rows if row.batch is not None), asked.batches),
        "device": ((row.device for row in rows), asked.devices),
    }
    for name, size in asked.sizes.items():
        then = (row.sizes[name] for row in rows if row.sizes and name in row.sizes)
        pairs[f"size of {name}"] = (then, [size])
    found = [one for what, (then, now) in pairs.items() for one in _apart(what, then, now)]
    return [*found, *said_differences(baseline, asked.said, asked.models)]


def said_differences(
    baseline: Document, said: Mapping[str, Any] | None, models: Iterable[str]
) -> list[Difference]:
    """What is said of models, their inputs, arguments and opset, that was not said then."""
    shared = set(_models(baseline)) & set(models)
    pairs = said_pairs(baseline.asked, said, shared)
    return list(dict.fromkeys(_difference(*one) for one in pairs if one[1] != one[2]))


def _models(document: Document) -> list[str]:
    return [row.model for one in document.all_comparisons for row in one.variants]


def same_toolkit(baseline: Document, now: Document) -> bool:
    """Whether the very same toolkit measured both: of a changed checkout nobody knows.

    An installed one has no commit, and is told by its version.
    """
    then, now_ = ((one.toolkit, one.toolkit_commit or "") for one in (baseline, now))
    return then == now_ and not then[1].endswith(CHANGED)


def commit_differences(baseline: Document, now: Document) -> list[Difference]:
    """The commits that the two are of, where they differ; of the toolkit only another pair."""
    pairs = {
        (baseline.toolkit_commit, now.toolkit_commit): "toolkit",
        (baseline.commit, now.commit): "commit",
    }
    return [_difference(what, *pair) for pair, what in pairs.items() if pair[0] != pair[1]]


def differences(baseline: Document, now: Document) -> list[Difference]:
    """Everything that is not the same, the machine first, each told once.

    Of threads, batches, devices and dtypes only those are told that have nothing in common: what
    is left of a sweep is a matter of cases.
    """
    found = environment_differences(baseline, now.environment, now.toolkit)
    found += _accelerators(baseline, now)
    found += _spans(baseline, now)
    found += _protocols(baseline, now)
    found += said_differences(baseline, now.asked, _models(now))
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
        yield from _sizes(name, then.row.sizes, other.row.sizes)
        yield from _settings(name, then.row.settings, other.row.settings)


def _sizes(
    of: str, then: Mapping[str, int] | None, now: Mapping[str, int] | None
) -> Iterator[Difference]:
    """Sizes of dimensions; an older document does not tell them, and nothing is known then."""
    if then is not None and now is not None and then != now:
        told = (", ".join(f"{name} {size}" for name, size in one.items()) for one in (then, now))
        yield _difference(f"{of}sizes", *told)


def _timed(document: Document) -> dict[Case, Timed]:
    return {
        case: timed
        for table in tables(document)
        for case, timed in table.rows.items()
        if timed.row.verdict != NOT_TIMED
    }

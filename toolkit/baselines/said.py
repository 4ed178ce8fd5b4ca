"""What a command was told of its models, as documents hold it under `asked`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

OPTIONS: Mapping[str, str] = {
    "inputs": "--input",
    "dims": "--dim",
    "arguments": "--arg",
    "inputs_file": "--inputs",
    "dynamic": "--dynamic",
    "imports": "--import",
    "ort_libraries": "--ort-library",
    "with_preprocess": "--with-preprocess",
}
"""What makes another graph, or other sizes, of the same model; values do not change its work."""
OPSET = "--opset"
ENTRIES = "models"
_STAGES = ("bench", "run")

Tree = Mapping[str, Any]
Pair = tuple[str, object, object]


def said_pairs(then: Tree | None, now: Tree | None, models: Collection[str]) -> Iterator[Pair]:
    """Each option with what was said then and now, as far as both documents tell it.

    `models` are those that both have. Entries of the settings say what they say of one model.
    """
    if then is None or now is None:
        return
    entries = [one.get(ENTRIES) or {} for one in (then, now)]
    own = set(models) - entries[0].keys() - entries[1].keys()
    if own:
        yield from _of("", then, now)
    for name in sorted(set(models) & entries[0].keys() & entries[1].keys()):
        yield from _of(f"{name}: ", entries[0][name], entries[1][name])


def _of(where: str, then: Tree, now: Tree) -> Iterator[Pair]:
    for key, option in OPTIONS.items():
        if key in then and key in now:
            yield f"{where}{option}", _told(then[key]), _told(now[key])
    opsets = _opset(then), _opset(now)
    if None not in opsets:
        yield f"{where}{OPSET}", *opsets


def _told(value: object) -> object:
    """A list in one order: in which options were typed is no difference."""
    return ", ".join(sorted(map(str, value))) if isinstance(value, list) else value


def _opset(asked: Tree) -> object:
    """The opset of what was timed: of `bench`, or of that stage of a `run`."""
    for stage in _STAGES:
        held = asked.get(stage)
        if isinstance(held, Mapping):
            inner = held.get("bench", held)
            return inner.get("opset") if isinstance(inner, Mapping) else None
    return None

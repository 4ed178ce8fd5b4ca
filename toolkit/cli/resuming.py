"""A sweep that was interrupted goes on: the models that were done keep their rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit._version import __version__
from toolkit.cli.model_options import ENTRIES, FILES
from toolkit.errors import ResultsError
from toolkit.words import display_name

if TYPE_CHECKING:
    from toolkit.results import Document, Environment
    from toolkit.sweep import Sweep

ENDS = ("crash", "timeout", "out-of-memory")
"""Rows that say how a process ended, and nothing of the form."""
_MUST_AGREE = ("python", "torch", "torchvision", "onnx", "onnxruntime", "platform", "cpu")


def earlier(
    path: Path | None, command: str, asked: dict[str, Any], environment: Environment
) -> Document | None:
    """The results to go on from, None where there are none yet; raises `ResultsError`.

    Rows of other options, versions or machines are never mixed with new ones.
    """
    from toolkit.results import load

    if path is None:
        raise ResultsError("--resume needs the results file of the sweep", hint="--results FILE")
    if not path.exists():
        return None
    found = load(path)
    hint = f"without --resume it starts anew and {path} is written over"
    if found.command != command:
        raise ResultsError(f"{path} is of `toolkit {found.command}`", hint=hint)
    if found.toolkit != __version__:
        raise ResultsError(f"{path}: toolkit was {found.toolkit}, is {__version__}", hint=hint)
    for option, was, now in _changed(found.asked or {}, asked):
        told = f"{option} was {_shown(was)}, and is now {_shown(now)}"
        raise ResultsError(f"{path} was made under other options: {told}", hint=hint)
    for key in _MUST_AGREE:
        was, now = getattr(found.environment, key), getattr(environment, key)
        if was != now:
            raise ResultsError(f"{path}: {key} was {was}, and is now {now}", hint=hint)
    return found


def _changed(before: dict[str, Any], after: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Options that are not what they were, one by one; what one run alone has is of new models."""
    for key in dict.fromkeys((*before, *after)):
        if key not in before and not after[key]:
            continue  # an option that an earlier toolkit did not have, and that is not said
        was, now = before.get(key), after.get(key)
        if isinstance(was, dict) and isinstance(now, dict):
            if key in (FILES, ENTRIES):
                shared = was.keys() & now.keys()
                was, now = ({name: held[name] for name in shared} for held in (was, now))
            yield from _changed(was, now)
        elif was != now:
            yield key, was, now


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "not given"
    return "not given" if value is None else str(value)


def take_up(sweep: Sweep, found: Document) -> None:
    """Put the rows of the models that were done into the sweep; the others are done again.

    One whose process ended is not done: what memory or time was too little for may now be enough.
    """
    ended = {row.model for row in found.all_results if row.status in ENDS}
    done = [name for name in found.completed or [] if name not in ended]
    sweep.earlier = frozenset(done)
    sweep.completed = done
    sweep.trained = [row for row in found.all_trained if row.name in done]
    sweep.exported = [row for row in found.all_exports if row.name in done]
    sweep.checked = [row for row in found.all_results if row.model in done]
    sweep.self_tested = [row for row in found.self_tests or [] if row.model in done]
    sweep.benched = [
        comparison
        for comparison in found.all_comparisons
        if all(display_name(variant.model) in done for variant in comparison.variants)
    ]

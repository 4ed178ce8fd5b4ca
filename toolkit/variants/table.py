"""Which variants there are: those of ours, and those of other distributions by entry points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from toolkit.errors import MissingError, ToolkitError, UsageError
from toolkit.reasons import reason
from toolkit.runtimes.devices import cuda_index
from toolkit.spec import ALL_FORMATS
from toolkit.variants.base import Variant
from toolkit.words import nearest_words

GROUP = "toolkit.variants"
OURS = (
    *("eager", "script", "trace", "pt2", "onnx", "onnx-legacy"),
    *("script-frozen", "trace-frozen", "compile", "compile-max", "aoti"),
    *("onnx-basic", "onnx-extended", "onnx-none", "onnx-iobinding", "onnx-spin", "openvino"),
    *("cuda-graph", "onnx-host"),
)
"""In the order of lists; each is the file of its name beside this one."""
LISTING = "`toolkit bench --list-variants` shows them all"


@dataclass(frozen=True)
class Listed:
    """One row of the list of variants; `missing` is what it needs and how to get it, if anything.

    `origin` is the distribution that brings it, None for our own.
    """

    name: str
    summary: str
    format: str | None
    runtime: str
    missing: str | None
    origin: str | None = None


def names() -> tuple[str, ...]:
    """Every variant's name, our own first."""
    return (*OURS, *sorted(_others()))


def get(name: str) -> Variant:
    """The variant of that name; raises `UsageError` with the nearest ones.

    `MissingError` where another distribution has it and cannot be used.
    """
    if name in OURS:
        module = import_module(f"toolkit.variants.{name.replace('-', '_')}")
        return _required(module.VARIANT, name)
    others = _others()
    if name not in others:
        near = nearest_words(name, names())
        raise UsageError(
            f"no variant is called {name}",
            hint=f"did you mean {', '.join(near)}?" if near else LISTING,
        )
    return _loaded(others[name])


def listed(device: str) -> list[Listed]:
    """All variants, and for each whether it can run on the device or what it needs for that."""
    cuda_index(device)  # a word that names no device is refused
    others = _others()
    ours = [_row(name, None, device) for name in OURS]
    return [*ours, *(_row(name, others[name], device) for name in sorted(others))]


def _others() -> Mapping[str, EntryPoint]:
    """Entry points of installed distributions; none can stand in for a variant of ours."""
    found = entry_points(group=GROUP)
    return {point.name: point for point in found if point.name not in OURS}


def _loaded(point: EntryPoint) -> Variant:
    try:
        found = point.load()
    except Exception as error:  # whatever a distribution's own code does
        raise MissingError(
            f"the variant {point.name} of {_origin(point)} cannot be loaded: {reason(error)}",
            hint="it is a fault of that distribution, or of its installation",
        ) from error
    return _required(found, point.name)


def _required(found: object, name: str) -> Variant:
    said = type(found).__name__
    if isinstance(found, Variant):
        if found.name == name and found.format in (None, *ALL_FORMATS):
            return found
        said = f"a variant called {found.name} of the format {found.format}"
    raise MissingError(
        f"the entry point {name} is {said}",
        hint=f"an entry point of {GROUP} is an object of toolkit.variants.Variant of its own name; "
        f"its format is None or one of {', '.join(ALL_FORMATS)}",
    )


def _row(name: str, point: EntryPoint | None, device: str) -> Listed:
    origin = _origin(point) if point else None
    try:
        variant = _loaded(point) if point else get(name)
        lacking = variant.missing(device)
    except Exception as error:  # whatever a distribution's own code does
        said = error.message if isinstance(error, ToolkitError) else reason(error)
        return Listed(name, "", None, "", said, origin)
    return Listed(name, variant.summary, variant.format, variant.runtime, lacking, origin)


def _origin(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unknown distribution"

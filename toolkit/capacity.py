"""What the weights of a model will take of memory and disk, compared with what is free.

An estimate counts copies of the weights beyond the built module itself; activations and the
libraries' own few hundred megabytes are not in it. The factors are peaks of resident memory,
measured in a process of its own a format: `python bench/large_model.py` prints both.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from toolkit.errors import MissingError
from toolkit.formats import onnx_file

if TYPE_CHECKING:
    from torch import Tensor, nn

LIMIT_VARIABLE = "TOOLKIT_MEMORY_LIMIT_BYTES"
"""How a child learns what `--memory-limit` allows it."""
SMALL_BYTES = 256 * 2**20
"""Less memory than this is never refused: it is lost in what the libraries themselves take."""
MARGIN = 1.1
"""Over the factors: what the allocator keeps of freed tensors, and the graph itself."""
DISK_MARGIN = 1.02
"""Over the bytes of the weights: graphs, headers and padding."""

_ONNX_FORMATS = ("onnx", "onnx-legacy")


class Copies(NamedTuple):
    """So many times all weights, and so many times the largest tensor."""

    whole: float
    largest: float = 0.0

    def bytes_of(self, weights: Weights) -> float:
        """What that is for the weights of one model."""
        return self.whole * weights.stored_bytes + self.largest * weights.largest_bytes


REFERENCE = Copies(1)
"""Eager has a module of its own as long as forms are written and judged."""
EXPORTER = Copies(1)
"""Every exporter is given one: what running it changes must not reach the next."""
TRANSLATED = Copies(1)
"""What torch.onnx keeps of the last model that it translated, until it translates another."""
WRITING: Mapping[str, Copies] = MappingProxyType(
    {
        "onnx": Copies(3),  # as arrays, in protobuf's message, and in the bytes of that
        "onnx-legacy": Copies(4),
        "pt2": Copies(0, 2),
        "trace": Copies(3),
        "script": Copies(3),
    }
)
"""Beyond the exporter's own copy, while a form is written."""
WRITING_BESIDE: Mapping[str, Copies] = MappingProxyType(
    {"onnx": Copies(0), "onnx-legacy": Copies(3)}
)
"""The same where the weights go to a file beside."""
LOADING: Mapping[str, Copies] = MappingProxyType(
    {
        "onnx": Copies(3),  # parsed, as initialisers, and packed for the processor
        "onnx-legacy": Copies(3),
        "pt2": Copies(2),
        "trace": Copies(2),
        "script": Copies(2),
    }
)
"""While a form is loaded and looked at; it runs with one copy."""
LOADING_BESIDE = Copies(1, 1)
BLOCKED = 2
"""Further copies of what convolutions hold: onnxruntime lays it out anew for the processor.

Seen with regnet_y_128gf (2.6 GB): 15 to 17 GB in all, where 11 were reckoned without them.
"""
CONVOLVED_RANK = 4


@dataclass(frozen=True)
class Weights:
    """Bytes of a module's parameters and buffers: held once, written with ties apart, and so on.

    `float64_bytes` is what they take in the oracle, `largest_bytes` the largest tensor,
    `convolved_bytes` what convolutions over two axes or more hold.
    """

    stored_bytes: int
    written_bytes: int
    float64_bytes: int
    largest_bytes: int
    convolved_bytes: int = 0


@dataclass(frozen=True)
class Need:
    """What a job takes: bytes of memory, and of disk by the folder that it writes to."""

    memory_bytes: int
    disk_bytes: Mapping[Path, int]


def weights_of(module: nn.Module) -> Weights:
    """The bytes of a module's weights, on the meta device too."""
    held = [*_tensors([*module.parameters(), *module.buffers()])]
    written = [*_tensors(module.state_dict().values())]
    return Weights(
        sum(tensor.nbytes for tensor in held),
        sum(tensor.nbytes for tensor in written),
        sum(8 * tensor.numel() if tensor.is_floating_point() else tensor.nbytes for tensor in held),
        max((tensor.nbytes for tensor in held), default=0),
        sum(tensor.nbytes for tensor in held if tensor.dim() >= CONVOLVED_RANK),
    )


def _tensors(values: Iterable[object]) -> Iterator[Tensor]:
    """Those of the values that are tensors with a shape."""
    import torch
    from torch.nn.parameter import is_lazy

    for value in values:
        if isinstance(value, torch.Tensor) and not is_lazy(value):
            yield value


def to_export(weights: Weights, formats: Sequence[str], out: Path, temporary: Path) -> Need:
    """Of a bundle in `out`: its files stay, and one form after the other is written."""
    kept_bytes = int((len(formats) + 1) * DISK_MARGIN * weights.written_bytes)
    memory_bytes = _memory(weights, _written(weights, formats))
    disk = [(out, kept_bytes), (temporary, _drafts(weights, formats))]
    return Need(memory_bytes, _by_folder(disk))


def to_check(
    weights: Weights,
    formats: Sequence[str],
    temporary: Path,
    *,
    written: bool = False,
    elsewhere: bool = False,
) -> Need:
    """Of verdicts: each form is written to `temporary` and deleted, unless all are `written`.

    What was written `elsewhere`, by another process, left nothing in this one's memory.
    """
    kept = 0.0 if elsewhere else _translated(weights, formats)
    needs = [_loading(weights, name) + kept for name in formats]
    if written:
        return Need(_memory(weights, needs), {})
    needs += _written(weights, formats)
    one_bytes = int(DISK_MARGIN * weights.written_bytes)
    disk = [(temporary, one_bytes), (temporary, _drafts(weights, formats))]
    return Need(_memory(weights, needs), _by_folder(disk))


def to_bench(
    weights: Weights, formats: Sequence[str], temporary: Path, *, written: bool = False
) -> Need:
    """Of a comparison: eager twice, for the A/A row, and every form are loaded together."""
    checked = to_check(weights, formats, temporary)
    loaded = Copies(2 + len(formats)).bytes_of(weights)
    loading = max((_loading(weights, name) for name in formats), default=0.0)
    timed_bytes = int(MARGIN * (loaded + loading))
    if written:
        return Need(timed_bytes, {})
    forms_bytes = int(len(formats) * DISK_MARGIN * weights.written_bytes)
    disk = [(temporary, forms_bytes), (temporary, _drafts(weights, formats))]
    return Need(max(checked.memory_bytes, timed_bytes), _by_folder(disk))


def _memory(weights: Weights, needs: Sequence[float]) -> int:
    """The most at one time: the oracle beside eager, or one form's own need beside eager."""
    oracle_bytes = weights.float64_bytes + 2 * weights.largest_bytes
    return int(MARGIN * (REFERENCE.bytes_of(weights) + max([oracle_bytes, *needs])))


def _written(weights: Weights, formats: Sequence[str]) -> list[float]:
    """What each form needs while it is written, whatever was written before it."""
    kept = _translated(weights, formats)
    return [_writing(weights, name) + (0 if name == "onnx" else kept) for name in formats]


def _translated(weights: Weights, formats: Sequence[str]) -> float:
    return TRANSLATED.bytes_of(weights) if "onnx" in formats else 0.0


def _writing(weights: Weights, name: str) -> float:
    factors = {**WRITING, **WRITING_BESIDE} if _lies_beside(weights, name) else WRITING
    return EXPORTER.bytes_of(weights) + factors[name].bytes_of(weights)


def _loading(weights: Weights, name: str) -> float:
    factors = LOADING_BESIDE if _lies_beside(weights, name) else LOADING[name]
    blocked_bytes = BLOCKED * weights.convolved_bytes if name in _ONNX_FORMATS else 0
    return factors.bytes_of(weights) + blocked_bytes


def _lies_beside(weights: Weights, name: str) -> bool:
    return name in _ONNX_FORMATS and weights.stored_bytes > onnx_file.LARGEST_SINGLE_FILE_BYTES


def _drafts(weights: Weights, formats: Sequence[str]) -> int:
    """The older exporter writes its own file first."""
    return int(DISK_MARGIN * weights.written_bytes) if "onnx-legacy" in formats else 0


def _by_folder(parts: Sequence[tuple[Path, int]]) -> dict[Path, int]:
    """Bytes by folder; folders on one file system are added up under the first of them."""
    totals: dict[Path, int] = {}
    for folder, count in parts:
        same = next((known for known in totals if _device(known) == _device(folder)), folder)
        totals[same] = totals.get(same, 0) + count
    return totals


def _device(folder: Path) -> int:
    return _existing(folder).stat().st_dev


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    absolute = folder.absolute()
    return next(one for one in (absolute, *absolute.parents) if one.exists())


def require(need: Need, model: str, temporary: Path, alone: Mapping[str, Need]) -> None:
    """Raise `MissingError` where memory or disk is too little; before the work, not after.

    `alone` is what each of the formats would need without the others: one that fits is advised.
    """
    short = _shortage(need, temporary)
    if short is None:
        return
    fitting = [name for name, own in alone.items() if _shortage(own, temporary) is None]
    advice = f"-f {fitting[0]} alone would fit; " if fitting else ""
    raise MissingError(short.message, model=model, hint=f"{advice}{short.hint}")


class _Shortage(NamedTuple):
    message: str
    hint: str


def _shortage(need: Need, temporary: Path) -> _Shortage | None:
    """What there is too little of, and what else than fewer formats would help."""
    free = free_memory_bytes()
    if need.memory_bytes > max(free, SMALL_BYTES):
        limited = LIMIT_VARIABLE in os.environ
        hint = "raise --memory-limit" if limited else "a machine with more free memory takes it"
        text = f"about {_gb(need.memory_bytes)} of memory are needed and {_gb(free)} are free"
        return _Shortage(text, hint)
    for folder, count in need.disk_bytes.items():
        free = free_disk_bytes(folder)
        if count > free:
            own = folder == temporary
            place = "the folder for temporary files" if own else folder.name or str(folder)
            other = "TMPDIR names" if own else "-o names"
            text = f"about {_gb(count)} of disk are needed in {place} and {_gb(free)} are free"
            return _Shortage(text, f"{other} a folder on another disk")
    return None


def _gb(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"  # noqa: PLR2004


def free_disk_bytes(folder: Path) -> int:
    """What may be written into a folder; without end where its file system does not tell."""
    usage = shutil.disk_usage(_existing(folder))
    return usage.free if usage.total else sys.maxsize


def free_memory_bytes() -> int:
    """What this process may still take: of the machine, its control groups and its own limit."""
    import psutil

    room = [int(psutil.virtual_memory().available), *_left_in_groups()]
    limit = os.environ.get(LIMIT_VARIABLE, "")
    if limit.isdigit():
        room.append(int(limit) - int(psutil.Process().memory_info().rss))
    return max(0, min(room))


def _left_in_groups(root: Path = Path("/sys/fs/cgroup")) -> Iterator[int]:
    """What each control group of this process has left, where one has a limit."""
    group = root / _own_group().strip("/")
    for folder in (group, *group.parents):
        yield from left_in_group(folder, "memory.max", "memory.current", "inactive_file")
    names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    yield from left_in_group(root / "memory", *names)  # version 1


def _own_group() -> str:
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return ""
    return next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "")


def left_in_group(folder: Path, limit: str, usage: str, droppable: str) -> list[int]:
    """The limit less what is used; what the page cache holds of files can be dropped."""
    try:
        allowed, used = (
            int((folder / name).read_text(encoding="ascii")) for name in (limit, usage)
        )
        told = (folder / "memory.stat").read_text(encoding="ascii").split()
    except (OSError, ValueError):  # no such group, or "max"
        return []
    held = dict(zip(told[::2], told[1::2], strict=False))
    return [allowed - used + int(held.get(droppable, 0))]

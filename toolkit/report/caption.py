"""The lines that date a table: machine, versions and where the weights came from."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from toolkit.report.numbers import counted
from toolkit.results import Document, Environment, WeightsOrigin
from toolkit.words import told_origin

SHORT_HASH = 12
_OF_NOTHING = hashlib.sha256().hexdigest()


def short_hash(sha256: str | None) -> str:
    """The first characters of a hash."""
    return (sha256 or "")[:SHORT_HASH]


def machine_line(environment: Environment, threads: Collection[int] = ()) -> str:
    """CPU, devices, cores and threads: those that were timed, else those of the libraries."""
    devices = [device for device in environment.devices if device != "cpu"]
    counts = sorted(set(threads)) or [environment.threads]
    used = f" present, {min(counts[-1], environment.cores)} used" if threads else ""
    several = " and ".join(filter(None, (", ".join(map(str, counts[:-1])), f"{counts[-1]}")))
    parts = [
        environment.cpu or "unknown cpu",
        *devices,
        f"{counted(environment.cores, 'core')}{used}",
        f"{several} {'thread' if counts == [1] else 'threads'}",
    ]
    return ", ".join(parts)


def versions_line(document: Document) -> str:
    """The versions of the toolkit and of the libraries that it worked with, and the commits.

    The one commit is the toolkit's own, where it runs from a checkout, the other that of the
    folder in which the command ran.
    """
    held = document.environment
    libraries = ("python", "torch", "torchvision", "onnx", "onnxruntime")
    timed = {row.runtime for one in document.all_comparisons for row in one.variants}
    optional = [name for name in ("openvino",) if name in timed]
    versions = [(name, getattr(held, name)) for name in (*libraries, *optional)]
    own = f" ({short_commit(document.toolkit_commit)})" if document.toolkit_commit else ""
    shown = [f"toolkit {document.toolkit}{own}"]
    shown += [f"{name} {version}" for name, version in versions if version]
    shown += [f"commit {short_commit(document.commit)}"] if document.commit else []
    return ", ".join([*shown, held.platform])


def short_commit(commit: str) -> str:
    """The first characters of a commit's hash, and whether files differed from it."""
    own, plus, _ = commit.partition("+")
    return own[:SHORT_HASH] + (" with changes" if plus else "")


def weights_line(weights: WeightsOrigin | None) -> str:
    """Where the weights came from, with their seed and hash."""
    if weights is None:
        return ""
    if weights.sha256 == _OF_NOTHING:
        return "no weights"
    told = told_origin(weights.origin, weights.seed)
    return f"weights {told}, sha256 {short_hash(weights.sha256)}"


def environment_lines(document: Document) -> list[str]:
    """Machine and versions."""
    timed = [variant for held in document.all_comparisons for variant in held.variants]
    threads = {variant.threads for variant in timed}
    return [machine_line(document.environment, threads), versions_line(document)]

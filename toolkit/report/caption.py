"""The lines that date a table: machine, versions, protocol and the command."""

from __future__ import annotations

import hashlib

from toolkit.report.numbers import counted, format_number, format_percent
from toolkit.report.symbols import TIMES
from toolkit.results import Comparison, Document, Environment, WeightsOrigin
from toolkit.words import told_origin

SHORT_HASH = 12
_OF_NOTHING = hashlib.sha256().hexdigest()


def short_hash(sha256: str | None) -> str:
    """The first characters of a hash."""
    return (sha256 or "")[:SHORT_HASH]


def machine_line(environment: Environment) -> str:
    """CPU, devices, cores and threads."""
    devices = [device for device in environment.devices if device != "cpu"]
    parts = [
        environment.cpu or "unknown cpu",
        *devices,
        counted(environment.cores, "core"),
        counted(environment.threads, "thread"),
    ]
    return ", ".join(parts)


def versions_line(document: Document) -> str:
    """The toolkit's version and those of the libraries that it worked with."""
    held = document.environment
    libraries = ("python", "torch", "torchvision", "onnx", "onnxruntime")
    versions = [(name, getattr(held, name)) for name in libraries]
    shown = [f"{name} {version}" for name, version in versions if version]
    return ", ".join([f"toolkit {document.toolkit}", *shown, held.platform])


def load_line(comparison: Comparison) -> str:
    """The load average at the start and the end, where the system has one."""
    if comparison.load_start is None or comparison.load_end is None:
        return ""
    return f"load {comparison.load_start:.2f} → {comparison.load_end:.2f}"


def protocol_line(comparison: Comparison) -> str:
    """How a comparison was measured and what the machine could resolve."""
    rounds = f"{counted(comparison.rounds, 'round')} {TIMES} {counted(comparison.sets, 'set')}"
    noisy = any(variant.verdict == "noisy" for variant in comparison.variants)
    doubt = ", too noisy to claim a difference" if noisy else ""
    band = f"A/A band ±{format_percent(comparison.aa_band)}{doubt}" if comparison.aa_band else ""
    place = "within one process" if comparison.within_one_process else "several processes"
    harness = (
        f"harness {format_number(comparison.harness_ns)} ns a call" if comparison.harness_ns else ""
    )
    parts = [
        f"baseline {comparison.baseline}",
        f"seed {comparison.seed}",
        rounds,
        band,
        place,
        load_line(comparison),
        harness,
    ]
    return " · ".join(part for part in parts if part)


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
    return [machine_line(document.environment), versions_line(document)]

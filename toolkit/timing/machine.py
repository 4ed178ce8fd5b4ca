"""Facts about the machine: read without torch, which is imported only to list its devices."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from toolkit.timing.conditions import load_average

LIBRARIES = ("torch", "torchvision", "onnx", "onnxruntime", "openvino")
"""The libraries whose versions stand in every document."""

# onnxruntime comes as several distributions that provide the same module.
ONNXRUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml")

_COMPILERS = {"win32": "cl", "darwin": "clang++"}

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Machine:
    """What a table's caption names: no host, user or path among it.

    `cores_usable` are those that this process may run on; `cpu_quota` is the number of cores'
    worth of time that a container's limit allows (None without a limit).
    """

    python: str
    versions: dict[str, str | None]
    platform: str
    cpu: str
    cores: int
    cores_usable: int
    cpu_quota: float | None
    memory_bytes: int
    load: float | None


def facts() -> Machine:
    """The facts of this machine now."""
    import psutil  # not needed to start the command line

    return Machine(
        python=platform.python_version(),
        versions={name: version(name) for name in LIBRARIES},
        platform=platform.platform(),
        cpu=cpu_name(),
        cores=os.cpu_count() or 1,
        cores_usable=cores_usable(),
        cpu_quota=cpu_quota(),
        memory_bytes=int(psutil.virtual_memory().total),
        load=load_average(),
    )


def version(distribution: str) -> str | None:
    """The installed version, read without importing; None for what is not installed."""
    names = ONNXRUNTIMES if distribution == "onnxruntime" else (distribution,)
    for name in names:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def cpp_compiler() -> tuple[str, bool]:
    """The C++ compiler that torch's inductor calls, and whether it is here."""
    words = shlex.split(os.environ.get("CXX", "")) or [_COMPILERS.get(sys.platform, "g++")]
    return words[0], shutil.which(words[0]) is not None


def cores_usable() -> int:
    """How many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_quota(limits: Path = Path("/sys/fs/cgroup/cpu.max")) -> float | None:
    """Cores' worth of time that the control group allows (cgroup v2); None without a limit."""
    try:
        quota, period = limits.read_text(encoding="ascii").split()
        return int(quota) / int(period)
    except (OSError, ValueError):  # no such file here, or "max"
        return None


def cpu_name() -> str:
    """The processor's own name, or its architecture where the system does not tell."""
    found = {"linux": _linux_cpu, "darwin": _mac_cpu}.get(sys.platform, platform.processor)()
    return " ".join(found.split()) or platform.machine() or "unknown"


def _linux_cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    names = (line.partition(":")[2] for line in lines if line.startswith("model name"))
    return next(names, "")


def _mac_cpu() -> str:
    command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def devices() -> list[str]:
    """The devices that torch can run on, `cpu` first, then `cuda:0 (its name)`; imports torch."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = [f"cuda:{index} ({torch.cuda.get_device_name(index)})" for index in range(count)]
    return ["cpu", *names]


def execution_providers() -> list[str]:
    """The execution providers that this onnxruntime was built with; empty without onnxruntime."""
    try:
        import onnxruntime
    except ImportError:
        return []
    return list(onnxruntime.get_available_providers())

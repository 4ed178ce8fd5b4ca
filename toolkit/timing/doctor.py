"""What `toolkit doctor` shows: what is here, what is missing, and how to get it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import time
from collections.abc import Iterator

from toolkit.timing import machine

Row = dict[str, str]
"""`item`, `status` (`ok`, `missing` or `note`), `detail` and `hint`; all strings."""

REQUIRED = ("torch", "torchvision", "onnx", "onnxruntime", "onnxscript", "numpy", "safetensors")
EXTRAS = ("openvino",)
"""Runtimes that an extra of the same name brings."""
PROVIDER_SOURCES = {
    "CUDAExecutionProvider": "onnxruntime-gpu",
    "OpenVINOExecutionProvider": "onnxruntime-openvino",
}
BYTES_PER_GIB = 1 << 30


def rows() -> list[Row]:
    """Every row, in reading order; imports torch and onnxruntime to list their devices."""
    return [*_system(), *_libraries(), *_devices(), *_providers(), *_tools()]


def _row(item: str, status: str, detail: str, hint: str = "") -> Row:
    return {"item": item, "status": status, "detail": detail, "hint": hint}


def _system() -> Iterator[Row]:
    facts = machine.facts()
    yield _row("python", "ok", facts.python)
    yield _row("platform", "ok", facts.platform)
    yield _row("processor", "ok", facts.cpu)
    yield _cores(facts)
    yield _row("memory", "ok", f"{facts.memory_bytes / BYTES_PER_GIB:.1f} GiB")
    yield _load(facts)
    yield _threads()
    yield _clock()


def _cores(facts: machine.Machine) -> Row:
    detail = f"{facts.cores_usable} of {facts.cores} usable"
    if facts.cpu_quota is not None and facts.cpu_quota < facts.cores_usable:
        hint = "a quota stops the process within a period: timings scatter"
        return _row("cores", "note", f"{detail}, quota {facts.cpu_quota:g}", hint)
    return _row("cores", "ok", detail)


def _load(facts: machine.Machine) -> Row:
    if facts.load is None:
        return _row("load", "note", "not told by this platform")
    busy = facts.load >= facts.cores_usable
    hint = "other work is running: timings will be noisy" if busy else ""
    return _row("load", "note" if busy else "ok", f"{facts.load:.2f}", hint)


def _threads() -> Row:
    found = [
        f"{name}={os.environ[name]}" for name in machine.THREAD_VARIABLES if name in os.environ
    ]
    return _row("thread variables", "ok", ", ".join(found) or "none set")


def _clock() -> Row:
    resolution_ns = time.get_clock_info("perf_counter").resolution * 1e9
    return _row("clock", "ok", f"perf_counter, resolution {resolution_ns:g} ns")


def _libraries() -> Iterator[Row]:
    for name in REQUIRED:
        found = machine.version(name)
        if found is None:
            yield _row(name, "missing", "not installed", f"pip install {name}")
        else:
            yield _row(name, "ok", found)
    for name in EXTRAS:
        found = machine.version(name)
        hint = "" if found else f"pip install 'torch-export-toolkit[{name}]'"
        yield _row(name, "ok" if found else "note", found or "not installed", hint)


def _devices() -> Iterator[Row]:
    if importlib.util.find_spec("torch") is None:
        return
    for device in machine.devices():
        yield _row("device", "ok", device)
    yield from _why_no_cuda()


def _why_no_cuda() -> Iterator[Row]:
    import torch

    if torch.cuda.is_available():
        return
    if torch.version.cuda is None:
        detail, hint = "this torch was built without CUDA", "install a CUDA build of torch"
    elif shutil.which("nvidia-smi") is None:
        detail, hint = "no NVIDIA driver was found", "--device cuda needs a GPU and its driver"
    else:
        detail, hint = "torch cannot use the GPU", "compare nvidia-smi with torch.version.cuda"
    yield _row("cuda", "note", detail, hint)


def _providers() -> Iterator[Row]:
    present = machine.execution_providers()
    for name in present:
        yield _row("execution provider", "ok", name)
    for name, distribution in PROVIDER_SOURCES.items():
        if name not in present:
            hint = f"pip install {distribution} in place of onnxruntime"
            yield _row("execution provider", "note", f"{name} is not in this onnxruntime", hint)


def _tools() -> Iterator[Row]:
    name, is_here = machine.cpp_compiler()
    hint = "" if is_here else "torch.compile needs it: install it, or name another in CXX"
    detail = name if is_here else f"there is no {name}"
    yield _row("c++ compiler", "ok" if is_here else "note", detail, hint)

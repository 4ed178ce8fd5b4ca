"""What variants need of a machine, found without importing a runtime; None where it is here."""

from __future__ import annotations

import ctypes
import importlib.util
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

from toolkit.runtimes.devices import cuda_index
from toolkit.timing import machine

CUDA_ONLY = "it runs on CUDA alone: --device cuda"
_DRIVERS = {"win32": "nvcuda.dll"}


def torch_on(device: str) -> str | None:
    """Whether torch could use the device, as far as the driver and the build of torch tell."""
    if cuda_index(device) is None:
        return None
    if "+cpu" in _version("torch"):
        return "this torch was built without CUDA: install a CUDA build of torch"
    return _driver()


def onnxruntime_on(device: str) -> str | None:
    """Whether onnxruntime could use the device."""
    if cuda_index(device) is None:
        return None
    if not _version("onnxruntime-gpu"):
        return "onnxruntime has no CUDA here: install onnxruntime-gpu in place of onnxruntime"
    return _driver()


def cpp_compiler() -> str | None:
    """Whether the C++ compiler that torch's inductor calls is here."""
    name, is_here = machine.cpp_compiler()
    return None if is_here else f"there is no C++ compiler {name}: install one, or name it in CXX"


def python_headers() -> str | None:
    """Whether what inductor compiles can be made a module of this Python."""
    if (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file():
        return None
    return "Python.h is not here: install Python's development files (python3-dev)"


def our_extra(name: str) -> str | None:
    """Whether a package is installed that our extra of the same name brings."""
    if importlib.util.find_spec(name):
        return None
    return f"{name} is not installed: pip install 'torch-export-toolkit[{name}]'"


def triton() -> str | None:
    """Whether the compiler for kernels of CUDA is here."""
    if importlib.util.find_spec("triton"):
        return None
    return "triton is not installed: it comes with torch's builds for CUDA"


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _driver() -> str | None:
    """The driver's library is only found: a process that starts CUDA must not be forked."""
    try:
        ctypes.CDLL(_DRIVERS.get(sys.platform, "libcuda.so.1"))
    except OSError:
        return "no NVIDIA driver was found: a GPU and its driver are needed"
    return None

"""Devices by name: `cpu`, `cuda`, `cuda:1`. What is not there is an error, never a fallback."""

from __future__ import annotations

import re
import sys

from toolkit.errors import MissingError, UsageError

CPU_PROVIDER = "CPUExecutionProvider"
_DEVICE = re.compile(r"cpu|cuda(?::(\d+))?")
_CUDA_HINT = "`toolkit doctor` lists the devices that this machine offers"


def cuda_index(device: str) -> int | None:
    """None for the CPU, else the number of the GPU; raises `UsageError` for any other word."""
    match = _DEVICE.fullmatch(device)
    if match is None:
        raise UsageError(f"no device is called {device}", hint="cpu, cuda or cuda:N")
    return None if device == "cpu" else int(match[1] or 0)


def torch_device(device: str) -> str:
    """The device for torch; raises `MissingError` where torch cannot use that GPU."""
    index = cuda_index(device)
    if index is None:
        return "cpu"
    import torch

    if not torch.cuda.is_available():
        raise MissingError("torch finds no CUDA device here", hint=_CUDA_HINT)
    if index >= torch.cuda.device_count():
        raise MissingError(f"there is no cuda:{index} here", hint=_CUDA_HINT)
    return f"cuda:{index}"


def execution_providers(device: str) -> list[tuple[str, dict[str, str]]]:
    """What onnxruntime is asked for; raises `MissingError` where it was built without CUDA.

    The CPU provider stands behind CUDA for the shape operators that onnxruntime places there. TF32
    is off, as `toolkit.parity.tf32` has it for torch; cuDNN tries out what torch lets it.
    """
    index = cuda_index(device)
    cpu: tuple[str, dict[str, str]] = (CPU_PROVIDER, {})
    if index is None:
        return [cpu]
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise MissingError(
            "this onnxruntime has no CUDA execution provider",
            hint="install onnxruntime-gpu in place of onnxruntime",
        )
    own = {
        "device_id": str(index),
        "use_tf32": "0",
        "cudnn_conv_algo_search": convolution_search(),
    }
    return [("CUDAExecutionProvider", own), cpu]


def convolution_search() -> str:
    """How onnxruntime has cuDNN choose convolutions: as torch does, by trial or by rule of thumb.

    Left alone onnxruntime tries out every algorithm, and torch none. A process without torch has
    torch's own default.
    """
    torch = sys.modules.get("torch")
    tries = torch is not None and torch.backends.cudnn.benchmark
    return "EXHAUSTIVE" if tries else "HEURISTIC"

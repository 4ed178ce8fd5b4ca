"""The functions of a reproduction; their source is copied into each script that needs them.

They import nothing of the toolkit and use only what the script's head imports.
"""

from __future__ import annotations

import contextlib
import copy
import io
import platform
import re
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:  # importing it starts threads: only scripts run these functions
    import onnxruntime


def export_onnx(model: Any, example: Any, dynamic: Any, opset: int) -> Callable[..., Any]:
    """torch.onnx.export(dynamo=True), run by onnxruntime."""
    names = [f"input_{place}" for place in range(len(example))]
    program: Any = torch.onnx.export(
        model,
        example,
        input_names=names,
        dynamic_shapes=dynamic,
        opset_version=opset,
        dynamo=True,
        verbose=False,
    )
    return in_onnxruntime(program.model_proto.SerializeToString(), names)


def export_onnx_legacy(model: Any, example: Any, dynamic: Any, opset: int) -> Callable[..., Any]:
    """torch.onnx.export(dynamo=False), run by onnxruntime."""
    names = [f"input_{place}" for place in range(len(example))]
    axes = {
        name: {axis: f"{name}_{axis}" for axis in sizes}
        for name, sizes in zip(names, dynamic or (), strict=False)
        if sizes
    }
    file = io.BytesIO()
    torch.onnx.export(
        model,
        example,
        file,  # type: ignore[arg-type]
        input_names=names,
        dynamic_axes=axes,
        opset_version=opset,
        dynamo=False,
        verbose=False,
    )
    return in_onnxruntime(file.getvalue(), names)


def in_onnxruntime(file: bytes, names: list[str]) -> Callable[..., Any]:
    """The ONNX file as a function of tensors."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    declared = {entry.name for entry in session.get_inputs()}

    def run(*inputs: torch.Tensor) -> list[Any]:
        named = zip(names, inputs, strict=True)
        feed = {name: value.numpy() for name, value in named if name in declared}
        return list(session.run(None, feed))

    return run


def export_pt2(model: Any, example: Any, dynamic: Any, opset: int) -> Callable[..., Any]:  # noqa: ARG001
    """torch.export, saved and loaded."""
    # As torch.onnx.export does: what is traced at a size of 2 may be run at 1.
    patch = getattr(torch.fx.experimental._config, "patch", None)
    with patch(backed_size_oblivious=True) if patch else contextlib.nullcontext():
        program = torch.export.export(model, example, dynamic_shapes=dynamic)
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    loaded = torch.export.load(file).module()
    return lambda *inputs: [value.numpy() for value in loaded(*inputs)]


def export_trace(model: Any, example: Any, dynamic: Any, opset: int) -> Callable[..., Any]:  # noqa: ARG001
    """torch.jit.trace, saved and loaded."""
    return in_torchscript(torch.jit.trace(model, example, check_trace=False))  # type: ignore[no-untyped-call]


def export_script(model: Any, example: Any, dynamic: Any, opset: int) -> Callable[..., Any]:  # noqa: ARG001
    """torch.jit.script, saved and loaded."""
    return in_torchscript(torch.jit.script(model))


def in_torchscript(module: Any) -> Callable[..., Any]:
    """The archive as a function of tensors; its optimiser sets in with the third run."""
    file = io.BytesIO()
    torch.jit.save(module, file)
    file.seek(0)
    loaded = torch.jit.load(file)  # type: ignore[no-untyped-call]

    def run(*inputs: torch.Tensor) -> list[Any]:
        for _ in range(3):
            values = loaded(*inputs)
        return [value.numpy() for value in values]

    return run


def in_float64(model: Any, inputs: Any, eager: list[Any]) -> list[Any]:
    """What the model gives in float64; eager's own where it cannot run there."""
    wide = [value.double() if value.is_floating_point() else value for value in inputs]
    torch.set_default_dtype(torch.float64)
    try:
        exact = [value.numpy() for value in copy.deepcopy(model).double()(*wide)]
    except Exception:
        return eager
    finally:
        torch.set_default_dtype(torch.float32)
    same = [one.shape for one in exact] == [one.shape for one in eager]
    return exact if same else eager


def compare(eager: Any, exact: Any, exported: Any) -> tuple[str, float, str]:
    """What is wrong with one output ("" for nothing), its score, and the evidence.

    A score is the largest error over eager's own error, which is taken to be at least 4 eps of
    the largest value (64 eps where there is no float64 run to compare eager with).
    """
    if (exported.dtype, exported.shape) != (eager.dtype, eager.shape):
        found = f"{exported.dtype} {exported.shape}, eager gives {eager.dtype} {eager.shape}"
        return "structure", float("inf"), found
    if eager.dtype.kind != "f":
        unequal = int((exported != eager).sum())
        return "value" * bool(unequal), float("inf"), f"{unequal} of {eager.size} values differ"
    finite = np.isfinite(eager) & np.isfinite(exact)
    bad = finite & ~np.isfinite(exported)
    if bad.any():
        place = tuple(int(axis) for axis in np.argwhere(bad)[0])
        found = f"{int(bad.sum())} of {eager.size} values are not finite where eager's are: "
        return "non-finite", float("inf"), f"{found}{exported[place]} for {eager[place]}"
    wide = exact[finite].astype(np.float64)
    floor = 64 if exact is eager else 4
    noise = floor * np.finfo(eager.dtype).eps * np.abs(wide).max(initial=0.0)
    noise = max(noise, np.abs(eager[finite] - wide).max(initial=0.0))
    off = np.abs(exported[finite] - wide).max(initial=0.0)
    score = float(off / noise) if off else 0.0
    return "value", score, f"off by {off:.3g}, eager by at most {noise:.3g}: score {score:.3g}"


def essence(error: BaseException) -> str:
    """The first cause of an error in one line, without the numbers and names of this run."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
    text = re.sub(r"\S*[\d%/]\S*", "#", " ".join(text.split()))
    return f"{type(error).__name__}: {text[:300]}"


def outcome(
    model: Any, export: Any, example: Any, failing: Any, limit: float
) -> tuple[str, float, str, int]:
    """What the export shows: its kind, its score, the evidence, and the first output with it."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        eager = [value.numpy() for value in model(*failing)]
        exact = in_float64(model, failing, eager)
        try:
            exported = export(model, example)(*failing)
        except Exception as error:
            return "raises", float("inf"), essence(error), 0
    if len(exported) != len(eager):
        return "structure", float("inf"), f"{len(exported)} outputs, not {len(eager)}", 0
    found = [compare(*trio) for trio in zip(eager, exact, exported, strict=True)]
    for place, (kind, score, said) in enumerate(found):
        if kind and score > limit:
            return kind, score, said, place
    return "", max(score for kind, score, _ in found if kind) if any(found) else 0.0, "", 0


def told(found: tuple[str, float, str, int], expected: str, message: str) -> int:
    """Print what was found; 1 where it is what this script is about, 2 for another error."""
    kind, _, said, _ = found
    libraries = ("torch", "onnx", "onnxscript", "onnxruntime", "numpy")
    loaded = [(name, sys.modules[name]) for name in libraries if name in sys.modules]
    versions = [f"{name} {getattr(module, '__version__', '?')}" for name, module in loaded]
    sys.stdout.write(", ".join([f"Python {platform.python_version()}", *versions]) + "\n")
    sys.stdout.write(f"{kind}: {said}\n" if kind else "no difference shows\n")
    if kind == expected == "raises":
        return 1 if said == message else 2
    if not kind:
        return 0
    return 2 if "raises" in (kind, expected) else 1

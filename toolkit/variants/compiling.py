"""torch.compile of a module, done and seen to work before anything is timed."""

from __future__ import annotations

import copy
import inspect
import re
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn
from torch._dynamo.utils import counters

from toolkit.errors import RunError, ToolkitError
from toolkit.formats.quiet import quietly
from toolkit.reasons import innermost, one_line, reason
from toolkit.runtimes.base import Arrays, RunOptions
from toolkit.runtimes.torch_modules import ModuleRunner, laid_out, prepared_device
from toolkit.variants.base import Source

CAN_BE_APART = "isolate_recompiles" in inspect.signature(torch.compile).parameters
"""Whether this torch keeps what was compiled for one module from being used for its copies."""

_COMPILER_ERROR = re.compile(r"^.*\berror: .+$", re.MULTILINE)
HINT = "a C++ compiler that works is needed; the model's own code must be one that torch can follow"


class CompiledRunner(ModuleRunner):
    """A compiled module; tensors of inference mode are others to it, and would be compiled for.

    `note` says what torch left to eager, if anything.
    """

    note: str | None = None

    def _tensors(self, inputs: Arrays) -> tuple[torch.Tensor, ...]:
        with torch.inference_mode(False):
            return super()._tensors(inputs)


def compiled(source: Source, options: RunOptions, mode: str) -> ModuleRunner:
    """A runner whose module is compiled for the sizes of the source's inputs.

    Raises `RunError` with torch's reason, or where torch would run the whole of it as eager.
    """
    device = prepared_device(options)
    with torch.inference_mode(False):
        module = laid_out(copy.deepcopy(source.built.module).to(device), options)
    runner = CompiledRunner(
        _compiled(module, mode), source.spec, device, channels_last=options.channels_last
    )
    graphs, breaks = _graphs(), _breaks()
    _call_once(runner, source)
    if CAN_BE_APART and _graphs() == graphs:
        raise RunError(
            "torch.compile found nothing to compile: all of it would run as eager",
            model=source.spec.name,
            hint="it leaves recurrent layers, and code that it cannot follow, to eager",
        )
    if _breaks() > breaks:
        runner.note = f"torch.compile left parts to eager; graph breaks: {_breaks() - breaks}"
    return runner


def refusal(error: BaseException) -> str:
    """Why something could not be compiled: the compiler's own first error, else torch's reason."""
    found = _COMPILER_ERROR.search(str(innermost(error)))
    return f"the C++ compiler said: {one_line(found[0])}" if found else reason(error)


def in_one_process() -> AbstractContextManager[None]:
    """Compilers run one after the other: helper processes of torch would outlast the compiling."""
    from torch._inductor import config

    patch: AbstractContextManager[None] = config.patch(compile_threads=1)
    return patch


def _graphs() -> int:
    """What torch has compiled in this process."""
    return int(counters["stats"]["unique_graphs"])


def _breaks() -> int:
    """How often torch went back to eager while it compiled."""
    return sum(counters["graph_break"].values())


def _call_once(runner: ModuleRunner, source: Source) -> None:
    try:
        with quietly(), in_one_process(), _refusals_are_errors(), torch.inference_mode():
            runner.launching(source.inputs)()
    except ToolkitError:
        raise
    except Exception as error:
        raise RunError(
            f"torch.compile cannot compile it: {refusal(error)}",
            model=source.spec.name,
            hint=HINT,
        ) from error


def _compiled(module: nn.Module, mode: str) -> Any:
    """Compiled apart from other copies: else a second batch size would be made a dynamic one."""
    apart: dict[str, Any] = {"isolate_recompiles": True} if CAN_BE_APART else {}
    return torch.compile(module, dynamic=False, mode=mode, **apart)


def _refusals_are_errors() -> AbstractContextManager[None]:
    """What cannot be compiled, or too often, is not run as eager under another name."""
    from torch._dynamo import config

    patch: AbstractContextManager[None] = config.patch(
        suppress_errors=False, fail_on_recompile_limit_hit=True
    )
    return patch

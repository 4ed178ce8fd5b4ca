"""torch.export of a built model with every dimension of its spec dynamic; pt2 and onnx share it.

A refusal is told apart by experiment: where the static export works and one dimension alone
cannot be dynamic, that dimension is the reason.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from typing import Any

import torch
from torch.export import Dim, ExportedProgram
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

from toolkit.errors import BuildError, ExportError
from toolkit.flattening import flatten
from toolkit.formats.base import CaptureRefusedError
from toolkit.formats.recurrent import recurrent_shapes
from toolkit.inputs import arguments, draw, example, to_tensors
from toolkit.reasons import causes, reason
from toolkit.spec import ModelSpec
from toolkit.weights import Built


def capture(built: Built) -> ExportedProgram:
    """The model as a graph; raises `CaptureRefusedError` or `ExportError` with torch's reason.

    Its `forward` takes tensors in order: `toolkit.formats.flat` makes one of any other.
    """
    spec = built.spec
    symbols = [dimension.name for dimension in spec.dimensions]
    try:
        return attempt(built, symbols)
    except Exception as error:
        raise _explained(built, symbols, error) from error


def capture_to_run(built: Built, plain: ExportedProgram | None = None) -> ExportedProgram:
    """As `capture`, for a graph that is run as it stands: it takes the least sizes where it can.

    `plain` is what `capture` gave already.

    Where the strides of a batch of 1 are ambiguous, torch guards a graph of ordinary sizes against
    it; a graph in which 0 and 1 are told apart from the start asks no such thing.
    """
    program = plain or capture(built)
    if _runs_at_least_sizes(built.spec, program):
        return program
    symbols = [dimension.name for dimension in built.spec.dimensions]
    with contextlib.suppress(Exception):
        other = attempt(built, symbols, ordinary=False)
        if _runs_at_least_sizes(built.spec, other):
            return other
    return program


def _runs_at_least_sizes(spec: ModelSpec, program: ExportedProgram) -> bool:
    module = program.module()
    for dimension in spec.dimensions:
        if dimension.low == dimension.traced:
            continue
        arrays = draw(spec, {**spec.traced_sizes, dimension.name: dimension.low}, seed=0)
        try:
            with torch.no_grad():
                module(*to_tensors(spec, arrays))
        except Exception:
            return False
    return True


def output_names(built: Built) -> list[str]:
    """The names of what comes out, by the spec or else by the flattening rule."""
    names = [port.name for port in built.spec.outputs]
    return list(flatten(eager_output(built), names))


def eager_output(built: Built) -> Any:
    """What the module returns for the example inputs; raises `BuildError` where it cannot run."""
    tensors = to_tensors(built.spec, example(built.spec))
    positional, keywords = arguments(built.spec, tensors)
    try:
        with torch.no_grad():
            return built.module(*positional, **keywords)
    except Exception as error:
        raise BuildError(
            f"the model cannot run on its example inputs: {reason(error)}", model=built.spec.name
        ) from error


def narrowed(spec: ModelSpec, program: ExportedProgram) -> list[str]:
    """A line for each dimension whose upper end the capture lowered, from the code's own ifs."""
    ends = upper_ends(spec, program).items()
    return [
        f"the captured graph takes {size} only up to {end}"
        for size, end in ends
        if (high := spec.dimension(size).high) is None or end < high
    ]


def upper_ends(spec: ModelSpec, program: ExportedProgram) -> dict[str, int]:
    """The largest size that the graph takes, for each dimension for which it states one."""
    ranges = {str(symbol): limits for symbol, limits in program.range_constraints.items()}
    ends: dict[str, int] = {}
    for port, node in zip(spec.inputs, _user_inputs(program), strict=False):
        shape = node.meta["val"].shape
        for size, extent in zip(port.shape, shape, strict=False):
            upper: Any = getattr(ranges.get(str(extent)), "upper", None)
            if isinstance(size, str) and getattr(upper, "is_Integer", False):
                ends[size] = min(int(upper), ends.get(size, int(upper)))
    return ends


def _user_inputs(program: ExportedProgram) -> list[torch.fx.Node]:
    names = program.graph_signature.user_inputs
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    return [nodes[str(name)] for name in names if str(name) in nodes]


def attempt(built: Built, dynamic: Collection[str], *, ordinary: bool = True) -> ExportedProgram:
    """One capture with these dimensions dynamic; what torch raises goes through.

    `ordinary` sizes 0 and 1 are not told apart from others. Plain tracing first; torch's bytecode
    front end takes some code that tracing does not.
    """
    try:
        return _export_once(built, dynamic, strict=False, ordinary=ordinary)
    except Exception:
        with contextlib.suppress(Exception):
            return _export_once(built, dynamic, strict=True, ordinary=ordinary)
        raise


def _export_once(
    built: Built, dynamic: Collection[str], *, strict: bool, ordinary: bool
) -> ExportedProgram:
    spec = built.spec
    tensors = to_tensors(spec, example(spec))
    # DYNAMIC is the one hint that is refused where it cannot hold; others specialise in silence.
    shapes = tuple(
        {axis: Dim.DYNAMIC for axis, size in enumerate(port.shape) if size in dynamic}
        for port in spec.inputs
    )
    sizes = _sizes_0_and_1_are_ordinary() if ordinary else contextlib.nullcontext()
    with torch.no_grad(), recurrent_shapes(), sizes:
        return torch.export.export(built.module, tensors, dynamic_shapes=shapes, strict=strict)


@contextlib.contextmanager
def _sizes_0_and_1_are_ordinary() -> Iterator[None]:
    """As torch.onnx does: a graph traced at 2 also holds at 1, where the code does not ask."""
    patch = getattr(torch.fx.experimental._config, "patch", None)
    if patch is None or not hasattr(torch.fx.experimental._config, "backed_size_oblivious"):
        yield
        return
    with patch(backed_size_oblivious=True):
        yield


def _explained(built: Built, symbols: list[str], error: Exception) -> ExportError:
    name = built.spec.name
    if any(isinstance(cause, GuardOnDataDependentSymNode) for cause in causes(error)):
        return CaptureRefusedError(
            f"a branch or size depends on computed values: {reason(error)}",
            model=name,
            hint="compute both sides and select with torch.where",
        )
    if not symbols or not _works(built, ()):
        return ExportError(reason(error), model=name)
    return _refused_dimension(built, symbols, error)


def _refused_dimension(built: Built, symbols: list[str], error: Exception) -> CaptureRefusedError:
    alone = [symbol for symbol in symbols if not _works(built, (symbol,))]
    fixed = alone[0] if alone else None
    sizes = built.spec.traced_sizes
    what = f"{fixed} = {sizes[fixed]}" if fixed else "its dimensions together"
    return CaptureRefusedError(
        f"the model's code fixes {what}: {reason(error)}",
        model=built.spec.name,
        hint="take sizes from the input's shape, or declare the dimension as a number",
        dimension=fixed,
    )


def _works(built: Built, dynamic: Collection[str]) -> bool:
    try:
        attempt(built, dynamic)
    except Exception:
        return False
    return True

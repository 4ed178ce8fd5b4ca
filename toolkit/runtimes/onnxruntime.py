"""The `onnxruntime` runtime: ONNX files on its CPU and CUDA execution providers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from toolkit.errors import FallbackError, InputsError, MissingError, RefusedError, RunError
from toolkit.reasons import plain
from toolkit.runtimes.base import Array, Arrays, DeclaredPort, RunOptions, named
from toolkit.runtimes.devices import CPU_PROVIDER, cuda_index, execution_providers
from toolkit.runtimes.external_data import require_sound_external_data
from toolkit.spec import ModelSpec

Level = Literal["none", "basic", "extended", "all"]
"""How far a graph is optimised; `all` chooses layouts too."""

LEVELS: dict[Level, str] = {
    "none": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
_RECORD_PLACES = "session.record_ep_graph_assignment_info"
_ONLY_FATAL = 4
_NOISE = re.compile(
    r"^\[ONNXRuntimeError\] : \d+ : \w+ : |"
    r"Non-zero status code returned while running |"
    r"Status Message: |"
    r"\S+\.(?:cc|h|cpp|cu):\d+ [^\n]*?(?:was false\.|\) ) ?"
)
_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(bfloat16)": "bfloat16",
}
_LONGEST_REASON = 300
_NO_BFLOAT16 = (
    "onnxruntime's CPU provider does not compute in bfloat16: export the model in float16 or "
    "float32, or check the pt2, trace and script forms"
)


class OnnxRunner:
    """One session; names, axes and types are those that the file declares.

    With `bound` outputs have buffers of their own, which every call writes to again. On CUDA that
    is always so for what is timed, unless it is `from_host`.
    """

    def __init__(
        self,
        session: Any,
        spec: ModelSpec,
        device: str,
        *,
        bound: bool = False,
        from_host: bool = False,
    ) -> None:
        self.session = session
        self.bound = bound
        self.from_host = from_host
        self.spec = spec
        self.device = device
        self.inputs = tuple(map(declared_port, session.get_inputs()))
        self.outputs = tuple(map(declared_port, session.get_outputs()))
        self._names = [port.name for port in self.outputs]

    def run(self, inputs: Arrays) -> dict[str, Array]:
        """Named arrays in, named arrays out; raises `RunError` with onnxruntime's reason."""
        feed = self._feed(inputs)
        try:
            arrays = self._through_buffers(feed) if self.bound else self._plainly(feed)
        except Exception as error:
            raise RunError(_reason(error), model=self.spec.name) from error
        return named(self._names, arrays)

    def _plainly(self, feed: dict[str, Array]) -> list[Array]:
        arrays: list[Array] = self.session.run(self._names, feed)
        return arrays

    def _through_buffers(self, feed: dict[str, Array]) -> list[Array]:
        bound = self._bound(feed)
        bound()
        return [np.array(array) for array in bound.binding.copy_outputs_to_cpu()]

    def prepare(self, inputs: Arrays) -> Callable[[], object]:
        """A call without arguments; on CUDA inputs and outputs stay on the device."""
        feed = self._feed(inputs)
        on_device = cuda_index(self.device) is not None and not self.from_host
        if self.bound or on_device:
            return self._bound(feed)
        return partial(self.session.run, self._names, feed)

    def _bound(self, feed: dict[str, Array]) -> _BoundCall:
        import onnxruntime

        index = cuda_index(self.device)
        where = ("cpu", 0) if index is None else ("cuda", index)
        binding = self.session.io_binding()
        make = onnxruntime.OrtValue.ortvalue_from_numpy
        values = {name: make(array, *where) for name, array in feed.items()}
        for name, value in values.items():
            binding.bind_ortvalue_input(name, value)
        for name in self._names:
            binding.bind_output(name, *where)
        return _BoundCall(self.session, binding, values)

    @property
    def placed(self) -> float | None:
        """The share of the graph's nodes on the provider asked for; None where it is not told."""
        wanted = self.session.get_providers()[0]
        try:
            parts = self.session.get_provider_graph_assignment_info()
        except Exception:  # a release without it, or one that was not told to record
            return None
        counts = [(part.ep_name, len(part.get_nodes())) for part in parts]
        total = sum(count for _, count in counts)
        return sum(count for name, count in counts if name == wanted) / total if total else None

    def _feed(self, inputs: Arrays) -> dict[str, Array]:
        """The inputs that the file declares; an export may have dropped one that is not used."""
        missing = [port.name for port in self.inputs if port.name not in inputs]
        if missing:
            raise InputsError(f"inputs are missing: {', '.join(missing)}", model=self.spec.name)
        return {port.name: np.ascontiguousarray(inputs[port.name]) for port in self.inputs}


class OnnxRuntime:
    """onnxruntime with explicit threads that do not spin between calls, unless told to.

    `level` None optimises as the options say: all or nothing.
    """

    name = "onnxruntime"

    def __init__(
        self,
        *,
        level: Level | None = None,
        spinning: bool = False,
        bound: bool = False,
        from_host: bool = False,
    ) -> None:
        self.level = level
        self.spinning = spinning
        self.bound = bound
        self.from_host = from_host

    def load(self, path: Path, spec: ModelSpec, options: RunOptions) -> OnnxRunner:
        """Open a session; raises `RunError`, `RefusedError`, `MissingError` or `FallbackError`."""
        import onnxruntime

        providers = execution_providers(options.device)
        require_sound_external_data(path)
        settings = session_options(options, level=self.level, spinning=self.spinning)
        settings.add_session_config_entry(_RECORD_PLACES, "1")
        try:
            with warnings.catch_warnings():
                # A provider that does not start is a warning here, and an error just below.
                warnings.simplefilter("ignore")
                session = onnxruntime.InferenceSession(
                    str(path), sess_options=settings, providers=providers
                )
        except Exception as error:
            reason = _reason(error)
            raise RunError(
                f"{path.name} cannot be loaded: {reason}",
                model=spec.name,
                hint=_NO_BFLOAT16 if "bfloat16" in reason else None,
            ) from error
        runner = OnnxRunner(
            session, spec, options.device, bound=self.bound, from_host=self.from_host
        )
        _require_placed(runner, providers[0][0])
        return runner


def _require_placed(runner: OnnxRunner, wanted: str) -> None:
    """Raise `FallbackError` where all of a graph would run on the CPU in place of `wanted`."""
    name = runner.spec.name
    if wanted not in runner.session.get_providers():
        raise FallbackError(
            f"onnxruntime could not start {wanted} and would have used the CPU",
            model=name,
            hint="its CUDA and cuDNN libraries must be those of this onnxruntime's release",
        )
    if wanted != CPU_PROVIDER and runner.placed == 0:
        raise FallbackError(
            f"onnxruntime placed no node of the graph on {wanted} and would have used the CPU",
            model=name,
            hint="it has no kernels there for these operators and dtypes; --device cpu runs them",
        )


def session_options(
    options: RunOptions, *, level: Level | None = None, spinning: bool = False
) -> Any:
    """Session options: threads, spin-waiting, optimisation, no log, libraries.

    Raises `MissingError` or `RefusedError` for a library that is not there or that is none.
    """
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = _ONLY_FATAL
    if options.threads is not None:
        settings.intra_op_num_threads = options.threads
        settings.inter_op_num_threads = 1
    settings.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    settings.add_session_config_entry("session.inter_op.allow_spinning", "0")
    wanted = LEVELS[level or ("all" if options.optimise else "none")]
    settings.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, wanted)
    for library in options.libraries:
        _register(settings, Path(library))
    return settings


def _register(settings: Any, library: Path) -> None:
    if not library.is_file():
        raise MissingError(f"there is no library {library.name}")
    try:
        # Whole: the loader looks for a bare name among the system's libraries alone.
        settings.register_custom_ops_library(str(library.resolve()))
    except Exception as error:
        raise RefusedError(
            f"{library.name} cannot be used: {_reason(error)}",
            hint="--ort-library takes a shared library with a function RegisterCustomOps",
        ) from error


class _BoundCall:
    """Runs a session on what is bound; on a device it waits until the outputs are there."""

    def __init__(self, session: Any, binding: Any, values: dict[str, Any]) -> None:
        self.binding = binding
        self._run = partial(session.run_with_iobinding, binding)
        self._wait = binding.synchronize_outputs
        self._values = values  # the binding points into them, and does not hold them

    def __call__(self) -> None:
        self._run()
        self._wait()


def declared_port(argument: Any) -> DeclaredPort:
    """An input or output of a session, as the file declares it."""
    shape = tuple(size if isinstance(size, int) else (size or None) for size in argument.shape)
    return DeclaredPort(argument.name, shape, _dtype(argument.type))


def _dtype(word: str) -> str | None:
    inner = re.fullmatch(r"tensor\((\w+)\)", word)
    return _TYPES.get(word, inner[1] if inner else None)


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in plain(_NOISE.sub("", str(error))).splitlines()]
    text = " ".join(line for line in lines if line) or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"


RUNTIME = OnnxRuntime()

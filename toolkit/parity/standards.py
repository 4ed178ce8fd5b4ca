"""What a form is judged by, once it is known in which precision it computes (rule 7).

A form in its reference's precision is judged by the reference. One in float16 or bfloat16 is judged
by the same module in that precision, its weights rounded: eager there is the noise, and a float64
run of the rounded weights the oracle. One in integers has no score but bounds that its user states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from toolkit.events import Observe, ignore
from toolkit.inputs import TORCH_DTYPES, Array, run_module, to_array
from toolkit.parity import precision
from toolkit.parity.budget import Budget
from toolkit.parity.compare import EPS
from toolkit.parity.fidelity import Gauge
from toolkit.parity.findings import Finding, note
from toolkit.parity.held import Held
from toolkit.parity.limits import USUAL, Limits
from toolkit.parity.oracle import converted
from toolkit.parity.reference import Judged, Reference
from toolkit.parity.referring import refer
from toolkit.parity.verdict import Candidate, Verdict, judge
from toolkit.runtimes.base import DeclaredPort
from toolkit.spec import ModelSpec

_WIDE = ("float32", "float64")


class Form(Protocol):
    """A loaded form with the ports that it declares."""

    @property
    def inputs(self) -> tuple[DeclaredPort, ...] | None:
        """The inputs that the file declares; None where it says nothing."""

    @property
    def outputs(self) -> tuple[DeclaredPort, ...] | None:
        """The outputs that the file declares; None where it says nothing."""

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Named arrays in, named arrays out."""
        ...

    def prepare(self, inputs: Mapping[str, Array]) -> Callable[[], object]:
        """A call without arguments."""
        ...


@dataclass(frozen=True)
class Standard:
    """What judges a form: a reference in its precision, bounds, or both.

    `computes` is the precision that is lower than the model's, None where it is none; `exact` are
    the outputs of the model itself, by the numbers of the cases.
    """

    reference: Reference
    computes: str | None = None
    scored: bool = True
    exact: Mapping[int, Mapping[str, Array]] | None = None
    findings: tuple[Finding, ...] = ()

    def judge(
        self,
        candidate: Candidate,
        *,
        limits: Limits = USUAL,
        extra: Sequence[Finding] = (),
        held: Held | None = None,
        label: str = "",
        budget: Budget | None = None,
        observe: Observe = ignore,
    ) -> Verdict:
        """As `toolkit.parity.verdict.judge`; bounds hold for forms of lower precision alone."""
        return judge(
            self.reference,
            candidate,
            limits=limits,
            gauge=self._gauge(limits),
            extra=[*self.findings, *extra],
            held=held if self.computes is None else None,
            label=label,
            budget=budget,
            observe=observe,
        )

    def _gauge(self, limits: Limits) -> Gauge | None:
        if self.computes is None or self.exact is None or (self.scored and not limits.bounded):
            return None
        ports = self.reference.spec.outputs
        return Gauge(self.computes, ports, self.exact, limits, alone=not self.scored)


def standard(
    reference: Reference,
    path: Path | None,
    form: Form,
    own: Path | None,
    *,
    budget_s: float | None = None,
    observe: Observe = ignore,
) -> Standard:
    """What judges a loaded form that lies in `path` (None: in no file).

    `own` is the file of the reference itself, where it is one. `budget_s` is the time for a
    reference in the form's precision.
    """
    if not reference.cases or reference.random:
        return Standard(reference)
    found = precision.seen(path, lambda: form.run(reference.cases[0].inputs))
    computes = precision.lower(found, _own(reference, own), _eps(reference.spec)) if found else None
    if computes is None:
        return Standard(reference)
    exact = {judged.case.number: judged.oracle for judged in reference.cases}
    lowered = None
    if computes != precision.INTEGERS:
        lowered = in_precision(reference, computes, budget_s, observe)
    if lowered is None:
        return Standard(reference, computes, scored=False, exact=exact)
    text = (
        f"the form computes in {computes}, and the model does not: it is judged against the model "
        f"in {computes}, its weights and inputs rounded"
    )
    return Standard(lowered, computes, True, exact, (note("low-precision", text),))


def _own(reference: Reference, path: Path | None) -> frozenset[str]:
    first = reference.cases[0]
    return precision.seen(
        path,
        lambda: run_module(reference.module, reference.spec, first.inputs, device=reference.device),
    )


def _eps(spec: ModelSpec) -> float:
    """The coarsest of the floating outputs; the finest there is where none is floating."""
    found = [EPS[port.dtype] for port in spec.outputs if port.is_float]
    return max(found, default=0.0)


def in_precision(
    reference: Reference, dtype: str, budget_s: float | None = None, observe: Observe = ignore
) -> Reference | None:
    """The same cases with the module, its weights and inputs in a lower precision.

    None where eager does not run in it.
    """
    if dtype not in reference.cache:
        reference.cache[dtype] = _lowered(reference, dtype, Budget(budget_s), observe)
    return reference.cache[dtype]


def _lowered(
    reference: Reference, dtype: str, budget: Budget, observe: Observe
) -> Reference | None:
    if isinstance(reference.module, torch.jit.ScriptModule):
        return None
    spec = _spec_in(reference.spec, dtype)
    try:
        module: nn.Module = converted(reference.module, TORCH_DTYPES[dtype])
        first = reference.cases[0]
        run_module(module, spec, first.inputs, device=reference.device)
    except Exception:  # an operator that torch has not in this precision, or a cast inside
        return None
    plan = tuple(
        replace(judged.case, given=_rounded(spec, judged.inputs)) for judged in reference.cases
    )
    lowered = refer(
        module,
        spec,
        plan,
        device=reference.device,
        budget=budget,
        observe=observe,
        add_units=False,
    )
    lowered.left_out += reference.left_out
    lowered.cases = [_in_float32(judged) for judged in lowered.cases]
    return lowered if lowered.cases else None


def _spec_in(spec: ModelSpec, dtype: str) -> ModelSpec:
    def lowered(ports: Any) -> Any:
        return tuple(replace(port, dtype=dtype) if port.is_float else port for port in ports)

    return replace(spec, inputs=lowered(spec.inputs), outputs=lowered(spec.outputs))


def _rounded(spec: ModelSpec, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The inputs with the values that the lower precision has, as arrays of float32."""
    rounded = dict(arrays)
    for port in spec.inputs:
        if port.is_float:
            tensor = torch.tensor(arrays[port.name]).to(TORCH_DTYPES[port.dtype])
            rounded[port.name] = to_array(tensor.float())
    return rounded


def _in_float32(judged: Judged) -> Judged:
    eager = {name: _widened(array) for name, array in judged.eager.items()}
    return replace(judged, eager=eager, oracle=eager if judged.alone else judged.oracle)


def _widened(array: Array) -> Array:
    floating = np.issubdtype(array.dtype, np.floating)
    return array.astype(np.float32) if floating else array


class Widened:
    """A form of half precision that takes and gives float32: its values are what is judged."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._half = {port.name for port in form.inputs or () if port.dtype == "float16"}
        self.inputs = _undeclared(form.inputs)
        self.outputs = _undeclared(form.outputs)
        self.module = getattr(form, "module", None)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Named arrays in, named arrays out; raises what the form raises."""
        return {
            name: _widened(array) for name, array in self._form.run(self._taken(inputs)).items()
        }

    def prepare(self, inputs: Mapping[str, Array]) -> Callable[[], object]:
        """A call without arguments."""
        return self._form.prepare(self._taken(inputs))

    def _taken(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        with np.errstate(over="ignore"):
            return {
                name: array.astype(np.float16) if name in self._half else array
                for name, array in inputs.items()
            }


def widened(form: Form, spec: ModelSpec) -> Form:
    """The form itself, or one that takes and gives float32 where its reference does.

    That a file has ports of half precision is then no fault of its structure.
    """
    own = [port.dtype for port in (*spec.inputs, *spec.outputs) if port.is_float]
    declared = [port.dtype for port in (*(form.inputs or ()), *(form.outputs or ()))]
    lowered = any(dtype in precision.HALVES for dtype in declared)
    return Widened(form) if lowered and all(dtype in _WIDE for dtype in own) else form


def _undeclared(ports: tuple[DeclaredPort, ...] | None) -> tuple[DeclaredPort, ...] | None:
    if ports is None:
        return None
    return tuple(
        replace(port, dtype=None) if port.dtype in precision.HALVES else port for port in ports
    )

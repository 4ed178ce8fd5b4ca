"""What the runtimes of torch share: a module that takes tensors, run with named arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from toolkit.errors import RunError, ToolkitError
from toolkit.flattening import flatten
from toolkit.inputs import arguments, to_array, to_tensors
from toolkit.reasons import reason
from toolkit.runtimes.base import Array, Arrays, DeclaredPort, RunOptions
from toolkit.runtimes.devices import torch_device
from toolkit.spec import ModelSpec

if TYPE_CHECKING:
    import torch

IMAGE_AXES = 4
"""Axes of the tensors that have a channel axis to be laid out last."""


class ModuleRunner:
    """A callable on one device, whose outputs get the names of the spec.

    With `flat` it takes tensors in the order of the spec's inputs, else what the module takes.
    With `channels_last` its 4-d inputs of floats are in that memory format.
    """

    def __init__(
        self,
        module: Callable[..., object],
        spec: ModelSpec,
        device: str,
        inputs: tuple[DeclaredPort, ...] | None = None,
        outputs: tuple[DeclaredPort, ...] | None = None,
        *,
        flat: bool = False,
        channels_last: bool = False,
    ) -> None:
        self.module = module
        self.flat = flat
        self.channels_last = channels_last
        self.spec = spec
        self.device = device
        self.inputs = inputs
        self.outputs = outputs

    def run(self, inputs: Arrays) -> dict[str, Array]:
        """Named arrays in, named arrays out; raises `RunError` with torch's reason."""
        import torch

        call = self.launching(inputs)
        names = [port.name for port in self.spec.outputs]
        try:
            with torch.inference_mode():
                value = call()
            return {name: to_array(tensor) for name, tensor in flatten(value, names).items()}
        except ToolkitError:
            raise
        except Exception as error:
            raise RunError(reason(error), model=self.spec.name) from error

    def prepare(self, inputs: Arrays) -> Callable[[], object]:
        """A call without arguments; on CUDA it waits until the result is there.

        The caller enters `torch.inference_mode()` once around all its calls.
        """
        call = self.launching(inputs)
        return call if self.device == "cpu" else partial(_awaited, call, self.device)

    def launching(self, inputs: Arrays) -> Callable[[], object]:
        """A call without arguments, which does not wait for a device."""
        tensors = self._tensors(inputs)
        positional, keywords = (tensors, {}) if self.flat else arguments(self.spec, tensors)
        return partial(self.module, *positional, **keywords)

    def _tensors(self, inputs: Arrays) -> tuple[torch.Tensor, ...]:
        import torch

        tensors = to_tensors(self.spec, inputs, device=self.device)
        if not self.channels_last:
            return tensors
        images = [one.is_floating_point() and one.dim() == IMAGE_AXES for one in tensors]
        return tuple(
            one.contiguous(memory_format=torch.channels_last) if is_image else one
            for one, is_image in zip(tensors, images, strict=True)
        )


def laid_out(module: Any, options: RunOptions) -> Any:
    """The module itself, its 4-d weights in the memory format of the options."""
    import torch

    return module.to(memory_format=torch.channels_last) if options.channels_last else module


def _awaited(call: Callable[[], object], device: str) -> object:
    import torch

    value = call()
    torch.cuda.synchronize(device)
    return value


def prepared_device(options: RunOptions) -> str:
    """The device of the options, after the number of threads has been set."""
    import torch

    device = torch_device(options.device)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    return device


def loaded(load: Callable[[], Any], name: str, spec: ModelSpec) -> Any:
    """What `load` gives; raises `RunError` with a one-line reason."""
    try:
        return load()
    except Exception as error:
        raise RunError(f"{name} cannot be loaded: {reason(error)}", model=spec.name) from error

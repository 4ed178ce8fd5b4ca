"""What a variant is started with: one generator each, which hands over where a clock is read.

    imports · yield · loading · yield · inputs · yield CALL → its value · yield NAMED ARRAYS

`starter.py` loads this file by its path. At its top only the standard library is imported, so that
each variant pays for its own libraries; what is done under `with clock` is not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any

Steps = Generator[Any, Any, None]


def onnxruntime(job: dict[str, Any], clock: Any) -> Steps:
    """An ONNX file in onnxruntime; numpy and onnxruntime are all that is imported."""
    del clock
    import numpy as np
    import onnxruntime as ort

    yield
    session = ort.InferenceSession(
        job["path"],
        sess_options=session_options(ort, job),
        providers=[(name, options) for name, options in job["providers"]],
    )
    wanted = job["providers"][0][0]
    if wanted not in session.get_providers():
        raise RuntimeError(f"onnxruntime could not start {wanted}")
    yield
    arrays = saved(job["inputs"])
    feed = {one.name: np.ascontiguousarray(arrays[one.name]) for one in session.get_inputs()}
    names = [one.name for one in session.get_outputs()]
    if not job["bound"]:
        value = yield lambda: session.run(names, feed)
        yield dict(zip(names, value, strict=True))
        return
    binding = _binding(ort, session, feed, job["device"])
    yield lambda: _run_bound(session, binding)
    yield dict(zip(names, binding.copy_outputs_to_cpu(), strict=True))


def _binding(ort: Any, session: Any, feed: Mapping[str, Any], device: str) -> Any:
    """Inputs on the device, outputs made there."""
    kind, _, index = device.partition(":")
    binding = session.io_binding()
    for name, array in feed.items():
        value = ort.OrtValue.ortvalue_from_numpy(array, kind, int(index or 0))
        binding.bind_ortvalue_input(name, value)
    for one in session.get_outputs():
        binding.bind_output(one.name, kind, int(index or 0))
    return binding


def _run_bound(session: Any, binding: Any) -> None:
    session.run_with_iobinding(binding)
    binding.synchronize_outputs()


def session_options(ort: Any, job: dict[str, Any]) -> Any:
    """As `toolkit.runtimes.onnxruntime` has them: what is started has the settings of a timing."""
    settings = ort.SessionOptions()
    settings.log_severity_level = 4
    settings.intra_op_num_threads = job["threads"]
    settings.inter_op_num_threads = 1
    settings.add_session_config_entry("session.intra_op.allow_spinning", str(int(job["spin"])))
    settings.add_session_config_entry("session.inter_op.allow_spinning", "0")
    settings.graph_optimization_level = getattr(ort.GraphOptimizationLevel, job["level"])
    for library in job["libraries"]:
        settings.register_custom_ops_library(library)
    return settings


def openvino(job: dict[str, Any], clock: Any) -> Steps:
    """An ONNX file in OpenVINO; openvino and numpy are all that is imported."""
    del clock
    import numpy as np
    import openvino as ov

    yield
    core = ov.Core()
    compiled = core.compile_model(core.read_model(job["path"]), "CPU", job["settings"])
    yield
    arrays = saved(job["inputs"])
    request = compiled.create_infer_request()
    for place, port in enumerate(compiled.inputs):
        request.set_input_tensor(place, ov.Tensor(np.ascontiguousarray(arrays[port.any_name])))
    value = yield request.infer
    yield {port.any_name: value[place] for place, port in enumerate(compiled.outputs)}


def torchscript(job: dict[str, Any], clock: Any) -> Steps:
    """A trace or a script, frozen where the variant is: that is part of loading it."""
    torch = _torch(job, clock)
    yield
    module = torch.jit.load(job["path"], map_location=job["device"])
    module = _laid_out(module.eval(), job, torch)
    if job["freeze"]:
        module = torch.jit.optimize_for_inference(torch.jit.freeze(module))
    yield
    _, *declared = module.forward.schema.arguments  # the first is the module itself
    plain = all(str(one.type) == "Tensor" and not one.kwarg_only for one in declared)
    flat = plain and len(declared) == len(job["ports"])
    yield from _called(module, job, torch, *_bound(job, torch, flat=flat))


def program(job: dict[str, Any], clock: Any) -> Steps:
    """A torch.export program."""
    torch = _torch(job, clock)
    import torch.export as exporting

    yield
    loaded = exporting.load(job["path"])
    if job["device"] != "cpu":
        from torch.export.passes import move_to_device_pass

        loaded = move_to_device_pass(loaded, job["device"])
    module = _laid_out(loaded.module(), job, torch)
    yield
    yield from _called(module, job, torch, *_bound(job, torch, flat=True))


def package(job: dict[str, Any], clock: Any) -> Steps:
    """A package of AOTInductor: compiled ahead of time, so that a start does not compile."""
    torch = _torch(job, clock)
    import torch._inductor as inductor

    yield
    run = inductor.aoti_load_package(job["path"])
    yield
    yield from _called(run, job, torch, *_bound(job, torch, flat=True))


def eager(job: dict[str, Any], clock: Any) -> Steps:
    """The user's own module: built by its own code, given its weights, compiled where asked."""
    torch = _torch(job, clock)
    from safetensors.torch import load_file

    if job["compile"]:
        import torch._dynamo

        torch._dynamo.config.suppress_errors = False  # nothing is run as eager in its place
    with clock:
        from toolkit import registry
        from toolkit.checkpoints import take_over
        from toolkit.seeds import seeded

        registry.catalogue()
        words, ports, spec_of = _model(job)
    build = registry.builder(words, ports)  # the user's code is imported here
    yield
    with seeded(words.seed):
        module = build().eval()
    take_over(module, load_file(job["weights"]), "the weights of this run")
    module = _laid_out(module.to(job["device"]), job, torch)
    runs = module
    if job["compile"]:  # at the first call, which has it in its time
        runs = torch.compile(module, dynamic=False, mode=job["compile"])
    yield
    spec = spec_of(module)
    positional, keywords = spec.call.bind(_tensors(job, torch))
    yield from _called(runs, job, torch, positional, keywords)


def _laid_out(module: Any, job: dict[str, Any], torch: Any) -> Any:
    return module.to(memory_format=torch.channels_last) if job["channels_last"] else module


def _model(job: dict[str, Any]) -> tuple[Any, tuple[Any, ...], Callable[[Any], Any]]:
    """The model word, the ports, and what completes a spec by how the module is called."""
    from dataclasses import replace

    from toolkit.signatures import call_of
    from toolkit.spec import ModelSpec, Port
    from toolkit.words import ModelWords

    told: dict[str, Any] = {
        key: tuple(one) if isinstance(one, list) else one for key, one in job["words"].items()
    }
    ports = tuple(Port(**{**one, "shape": tuple(one["shape"])}) for one in job["ports"])
    bare = tuple(Port(one.name, one.shape, one.dtype, path=one.path) for one in ports)

    def spec_of(module: Any) -> ModelSpec:
        spec = ModelSpec("model", lambda: module, bare, constants=job["constants"])
        return replace(spec, call=call_of(module, spec))

    return ModelWords(**told), ports, spec_of


def _torch(job: dict[str, Any], clock: Any) -> Any:
    """Torch with its threads set; modules that register operators of the user's own."""
    import torch

    torch.set_num_threads(job["threads"])
    torch.set_num_interop_threads(1)
    if job["imports"]:
        with clock:
            from toolkit import operators
        operators.use(job["imports"])
    return torch


def _called(
    module: Any,
    job: dict[str, Any],
    torch: Any,
    positional: tuple[Any, ...],
    keywords: Mapping[str, Any],
) -> Steps:
    """The call, with the result awaited; its outputs by the toolkit's names."""
    device = job["device"]
    # As `toolkit.parity.tf32` has it, after a user's code has said what it wants.
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False

    def call() -> Any:
        value = module(*positional, **keywords)
        if device != "cpu":
            torch.cuda.synchronize(device)
        return value

    with torch.inference_mode():
        value = yield call
    from toolkit.flattening import flatten  # every figure has been taken
    from toolkit.inputs import to_array

    named = flatten(value, job["output_names"])
    yield {name: to_array(tensor) for name, tensor in named.items()}


def _bound(
    job: dict[str, Any], torch: Any, *, flat: bool
) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """The arguments of a form: tensors in order, or as its `forward` nests them."""
    tensors = _tensors(job, torch)
    if flat or job["call"] is None:
        return tuple(tensors), {}
    from toolkit.calling import call_from  # imports no library

    return call_from(job["call"], [one["name"] for one in job["ports"]]).bind(tensors)


def _tensors(job: dict[str, Any], torch: Any) -> list[Any]:
    arrays = saved(job["inputs"])
    tensors = []
    for port in job["ports"]:
        dtype = getattr(torch, port["dtype"])
        tensor = torch.tensor(arrays[port["name"]], dtype=dtype, device=job["device"])
        if job["channels_last"] and tensor.dim() == 4 and tensor.is_floating_point():  # noqa: PLR2004
            tensor = tensor.contiguous(memory_format=torch.channels_last)
        tensors.append(tensor)
    return tensors


def save(arrays: Mapping[str, Any], path: str) -> None:
    """Write named arrays; numbered, because a name may be a parameter of `savez`."""
    import numpy as np

    numbered = {f"value_{place}": array for place, array in enumerate(arrays.values())}
    np.savez(path, names=np.array(list(arrays), dtype=np.str_), **numbered)


def saved(path: str) -> dict[str, Any]:
    """What `save` wrote, never unpickled."""
    import numpy as np

    with np.load(path, allow_pickle=False) as held:
        names = [str(name) for name in held["names"]]
        return {name: held[f"value_{place}"] for place, name in enumerate(names)}


LOADERS: Mapping[str, Callable[[dict[str, Any], Any], Steps]] = {
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "torchscript": torchscript,
    "package": package,
    "program": program,
    "eager": eager,
}

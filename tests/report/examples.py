"""Documents as runs leave them: a good run, a failing check, a noisy bench, a limit, a crash."""

from __future__ import annotations

from typing import Any

import numpy as np

from toolkit.results import (
    Benched,
    Checked,
    CheckResult,
    Comparison,
    Document,
    Environment,
    ErrorDocument,
    ExportedModel,
    ExportedPart,
    Finding,
    Form,
    ListedModel,
    Metric,
    PortShape,
    Speedup,
    Trained,
    TrainedModel,
    Variant,
    WeightsOrigin,
)

SHA = "3f7a9c0e5b1d2846" * 4
ENVIRONMENT = Environment(
    python="3.11.9",
    torch="2.13.0",
    torchvision="0.28.0",
    onnx="1.21.0",
    onnxruntime="1.31.0",
    platform="Linux-6.8.0-x86_64",
    cpu="Intel(R) Xeon(R) Processor @ 2.80GHz",
    cores=2,
    threads=1,
    devices=["cpu"],
)
WEIGHTS = WeightsOrigin(origin="trained", sha256=SHA, seed=0)
RUNTIMES = {
    "onnx": "onnxruntime",
    "pt2": "torch.export",
    "trace": "torchscript",
    "script": "torchscript",
}
FILES = {
    "onnx": "model.onnx",
    "pt2": "model.pt2",
    "trace": "model.trace.pt",
    "script": "model.script.pt",
}


def document(command: str, exit_code: int = 0, **keys: Any) -> Document:
    """A document of this toolkit's on a fixed machine."""
    words = keys.pop("command_line", f"toolkit {command} lenet5")
    return Document(
        command=command,
        toolkit="0.1.0",
        environment=ENVIRONMENT,
        exit_code=exit_code,
        command_line=words,
        **keys,
    )


def form(name: str, seconds: float = 1.234, **keys: Any) -> Form:
    """An exported form that is there, unless `keys` say otherwise."""
    held: dict[str, Any] = {
        "format": name,
        "path": FILES[name],
        "sha256": SHA,
        "size_bytes": 254_371,
        "opset": 20 if name == "onnx" else None,
        "seconds": seconds,
        "status": "ok",
        "message": "",
    }
    return Form(**{**held, **keys})


def check(name: str | None, score: float | None = 1.17, **keys: Any) -> CheckResult:
    """A verdict that is a pass, unless `keys` say otherwise."""
    held: dict[str, Any] = {
        "model": "lenet5",
        "format": name,
        "runtime": RUNTIMES.get(name or ""),
        "device": "cpu",
        "status": "pass",
        "score": score,
        "noise_source": "float64" if score is not None else None,
        "cases": 36 if score is not None else 0,
        "max_score": 30.0,
        "weights": "trained",
    }
    return CheckResult(**{**held, **keys})


def variant(name: str, p50_us: float | None, speedup: float | None, **keys: Any) -> Variant:
    """A timed row whose intervals are within 2 %."""
    ratio = None
    if speedup is not None:
        ratio = Speedup(estimate=speedup, low=speedup * 0.98, high=speedup * 1.02)
    held: dict[str, Any] = {
        "model": "lenet5",
        "variant": name,
        "format": None if name == "eager" else name,
        "runtime": RUNTIMES.get(name, "eager"),
        "device": "cpu",
        "dtype": "float32",
        "threads": 1,
        "batch": 1,
        "p50_us": p50_us,
        "p50_low_us": None if p50_us is None else p50_us * 0.985,
        "p50_high_us": None if p50_us is None else p50_us * 1.015,
        "p90_us": None if p50_us is None else p50_us * 1.2,
        "p99_us": None if p50_us is None else p50_us * 1.9,
        "calls": 25_000,
        "items_per_s": None if p50_us is None else 1e6 / p50_us * 0.98,
        "speedup": ratio,
        "verdict": "faster",
        "parity_score": 1.17,
        "weights": "trained",
        "samples_ns": [np.array([21_900, 22_100, 22_400]), np.array([22_000, 22_050])],
    }
    return Variant(**{**held, **keys})


def comparison(*variants: Variant, **keys: Any) -> Comparison:
    """A quick comparison on a quiet machine."""
    held: dict[str, Any] = {
        "baseline": "eager",
        "aa_band": 0.0124,
        "rounds": 12,
        "sets": 1,
        "variants": list(variants),
        "load_start": 0.31,
        "load_end": 1.02,
        "harness_ns": 180.0,
    }
    return Comparison(**{**held, **keys})


def bare_model(model: str, status: str, *findings: Finding) -> CheckResult:
    """A verdict on an ONNX form without a score."""
    return check("onnx", None, model=model, status=status, findings=list(findings))


EAGER = variant("eager", 232.4, 1.0, verdict="same", parity_score=None)


def trained_model(value: float | None = 0.9861, **keys: Any) -> TrainedModel:
    """LeNet-5 as it is trained on the digits."""
    metric = Metric(name="accuracy", value=value, floor=0.98, met=(value or 0) >= 0.98)
    held: dict[str, Any] = {
        "name": "lenet5",
        "data": "digits",
        "epochs": 12,
        "seconds": 14.2,
        "metric": metric,
        "weights": WEIGHTS,
    }
    return TrainedModel(**{**held, **keys})


def good_run() -> Document:
    """Everything went well; one form is not told apart from eager."""
    formats = ("onnx", "pt2", "trace", "script")
    timed = comparison(
        EAGER,
        variant("onnx", 22.13, 10.49),
        variant("pt2", 229.9, 1.01, verdict="same"),
        variant("trace", 172.0, 1.35),
        variant("script", 169.3, 1.37),
    )
    forms = [form(name, 0.41 + index) for index, name in enumerate(formats)]
    bundle = ExportedModel(name="lenet5", bundle="exported/lenet5", forms=forms, weights=WEIGHTS)
    return document(
        "run",
        train=Trained(models=[trained_model()]),
        export=ExportedPart(models=[bundle]),
        check=Checked(results=[check(name) for name in formats]),
        bench=Benched(comparisons=[timed]),
    )


BRANCH = Finding(
    name="baked-dimension",
    severity="error",
    message="dimension batch: computes wrongly at 5 (traced at 2)\nlargest difference 0.731",
    stage="capture",
    module="features.block[0]",
    reproduce="toolkit check faulty.py:Branch --input x=batch,8 --case cases/branch-batch-5.npz",
)
TRACER_WARNING = Finding(
    name="warning",
    severity="note",
    message="Converting a tensor to a Python boolean might cause the trace to be incorrect",
)
BFLOAT16 = Finding(
    name="value",
    severity="error",
    message="output logits, slice 3: score 1,882 over the limit 30",
    stage="conversion",
    module="head",
    reproduce="toolkit check exported/lenet5 --case cases/lenet5-onnx-value.npz",
)


def failing_check() -> Document:
    """A form with a baked dimension, one with wrong values, and a note that two of them share."""
    return document(
        "check",
        1,
        command_line="toolkit check faulty.py:Branch --input x=batch,8",
        results=[
            check("onnx", 1882.4, status="fail", findings=[BFLOAT16], model="faulty.py:Branch"),
            check("pt2", 2.04, model="faulty.py:Branch"),
            check(
                "trace",
                None,
                status="fail",
                findings=[TRACER_WARNING, BRANCH],
                model="faulty.py:Branch",
            ),
            check("script", 0.98, findings=[TRACER_WARNING], model="faulty.py:Branch"),
        ],
    )


def noisy_bench() -> Document:
    """A machine that cannot tell identical code apart within 5 %."""
    return document(
        "bench",
        comparisons=[
            comparison(
                EAGER.model_copy(update={"verdict": "noisy"}),
                variant("onnx", 41.2, 8.13, verdict="noisy"),
                variant("script", 181.0, 1.31, verdict="unstable", note="minima differ by 9 %"),
                variant("pt2", None, None, verdict="not timed", calls=0, note="fails parity"),
                aa_band=0.183,
                load_start=3.9,
                load_end=4.4,
            )
        ],
    )


LIMIT = "torch.jit cannot compile a comprehension over nn.ModuleList with a condition"
CRASH = Finding(name="crash", severity="error", message="onnxruntime died of signal 11 (SIGSEGV)")


def limited_run() -> Document:
    """A form that cannot be had, with the reason, beside one that can."""
    forms = [form("onnx"), refused_form("script", "limit", LIMIT)]
    bundle = ExportedModel(name="lenet5", bundle="exported/lenet5", forms=forms, weights=WEIGHTS)
    limit = check("script", None, status="limit")
    return document(
        "run",
        export=ExportedPart(models=[bundle]),
        check=Checked(results=[check("onnx"), limit]),
        bench=Benched(comparisons=[comparison(EAGER, variant("onnx", 22.13, 10.49))]),
    )


def refused_form(name: str, status: str, message: str) -> Form:
    """A form that could not be written."""
    return form(name, 0.2, status=status, message=message, path=None, sha256=None, size_bytes=None)


def crashed_run() -> Document:
    """One model crashes, times out and fails to export; another cannot even be built."""
    forms = [
        form("onnx"),
        form("trace"),
        refused_form("pt2", "error", "Unsupported: data-dependent branch\nin forward, line 12"),
    ]
    results = [
        check("onnx", None, status="crash", findings=[CRASH]),
        check("trace", None, status="timeout"),
        check(None, None, status="error", model="broken.py:Net", runtime=None),
    ]
    return document(
        "run",
        4,
        export=ExportedPart(models=[ExportedModel(name="lenet5", bundle=None, forms=forms)]),
        check=Checked(results=results),
        bench=Benched(),
    )


def trained() -> Document:
    """One model over its floor with reused weights, and one under it."""
    models = [
        trained_model(reused=True),
        trained_model(None, name="mlp_784_200_200_10", epochs=5, seconds=3.9),
    ]
    return document("train", 1, models=models)


def exported() -> Document:
    """Two forms and a limit."""
    forms = [form("onnx"), form("trace", 0.05), refused_form("script", "limit", LIMIT)]
    held = ExportedModel(name="lenet5", bundle="exported/lenet5", forms=forms, weights=WEIGHTS)
    return document("export", models=[held])


def catalogue() -> Document:
    """Entries with many inputs and long names."""
    image = PortShape(name="image", shape=["batch", 1, 32, 32], dtype="float32")
    logits = PortShape(name="logits", shape=["batch", 10], dtype="float32")
    lstm_inputs = [
        PortShape(name="x", shape=["batch", "time", 28], dtype="float32"),
        PortShape(name="h0", shape=[2, "batch", 128], dtype="float32"),
        PortShape(name="c0", shape=[2, "batch", 128], dtype="float32"),
    ]
    keys: dict[str, Any] = {"formats": ["onnx", "pt2", "trace", "script"], "limits": {}}
    return document(
        "list",
        models=[
            ListedModel(
                name="lenet5",
                family="lenet",
                document="C: a cheat sheet",
                parameters=61_706,
                inputs=[image],
                outputs=[logits],
                trains_on="digits",
                **keys,
            ),
            ListedModel(
                name="lstm",
                family="recurrent",
                document=None,
                parameters=None,
                inputs=lstm_inputs,
                outputs=[logits, *lstm_inputs[1:]],
                trains_on=None,
                formats=["onnx", "trace"],
                limits={"script": LIMIT, "pt2": "the time dimension is specialised"},
            ),
        ],
    )


def doctor() -> Document:
    """What is here and what is missing."""
    rows = [
        {"item": "torch", "status": "ok", "detail": "2.13.0", "hint": ""},
        {
            "item": "CUDA",
            "status": "missing",
            "detail": "torch finds no CUDA device",
            "hint": "a driver and a CUDA build of torch; everything else works without",
        },
    ]
    return document("doctor", rows=rows)


def refused() -> Document:
    """A command that could not do its work."""
    error = ErrorDocument(
        name="missing", message="no CUDA device", hint="`toolkit doctor` says what is here"
    )
    return document("bench", 3, command_line="toolkit bench lenet5 --device cuda", error=error)


DOCUMENTS = {
    made.__name__: made
    for made in (
        good_run,
        failing_check,
        noisy_bench,
        limited_run,
        crashed_run,
        trained,
        exported,
        catalogue,
        doctor,
        refused,
    )
}

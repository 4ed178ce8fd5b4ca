"""Documents as benches leave them: a sweep, models in one comparison, many models, doubts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.report.examples import comparison, document, variant
from toolkit.results import Ceiling, Clean, Comparison, Document, Speedup, Variant, Work

EAGER_US = {1: 232.0, 8: 420.0, 32: 1_390.0}
ONNX_US = {1: 22.1, 8: 121.0, 32: 480.0}
CALLS = 400
ROUNDS = 12


def samples(p50_us: float, seed: int) -> list[np.ndarray[Any, Any]]:
    """Twelve rounds of calls around a median, with the long tail that calls have."""
    rng = np.random.default_rng(seed)
    tail = np.exp(np.abs(rng.normal(0, 0.08, (ROUNDS, CALLS)))) * rng.normal(1, 0.004, (ROUNDS, 1))
    return [np.asarray(block * p50_us * 960, dtype=np.int64) for block in tail]


def timed(name: str, p50_us: float, speedup: float | None, **keys: Any) -> Variant:
    """A row with its raw samples, work and cold figures."""
    batch = keys.get("batch", 1)
    held: dict[str, Any] = {
        "p95_us": p50_us * 1.3,
        "work": Work(flops=834_000 * batch, bytes=250_000 + 5_000 * batch, source="graph"),
        "items_per_s": batch * 1e6 / p50_us * 0.98,
        "first_result_s": 0.41,
        "peak_rss_bytes": 91_000_000,
        "roof_percent": 4.1,
        "bound": "overhead",
        "samples_ns": samples(p50_us, len(name) + batch),
        "calls": CALLS * ROUNDS,
    }
    return variant(name, p50_us, speedup, **{**held, **keys})


def cell(batch: int, **keys: Any) -> Comparison:
    """One comparison of a sweep over the batch."""
    onnx, eager = ONNX_US[batch], EAGER_US[batch]
    held: dict[str, Any] = {
        "preset": "usual",
        "within_one_process": False,
        "sets": 5,
        "rounds": 40 + batch,
        "family": 6,
        "stopped": "precise",
        "ceilings": [Ceiling(device="cpu", flops_per_s=9.1e10, bytes_per_s=1.1e10)],
        "settings": {"TF32": "off"},
        "aa": Speedup(estimate=0.998, low=0.99, high=1.006),
        "aa_band": 0.01 + batch / 10_000,
        "aa_samples_ns": samples(eager * 1.002, 99),
    }
    rows = (
        timed("eager", eager, 1.0, batch=batch, verdict="same", parity_score=None),
        timed("onnx", onnx, eager / onnx, batch=batch),
        timed("script", eager * 0.99, 1.01, batch=batch, verdict="same"),
    )
    return comparison(*rows, **{**held, **keys})


def sweep(batches: Sequence[int] = (1, 8, 32)) -> Document:
    """LeNet-5 at several batches."""
    words = f"toolkit bench lenet5 --batch {','.join(map(str, batches))}"
    return document("bench", command_line=words, comparisons=[cell(size) for size in batches])


def rivals() -> Document:
    """Three modules of the user's own in one comparison, two of which cannot be told apart."""
    rows = [
        timed("eager", 232.0, 1.0, model="a.py:Base", verdict="same", rank=3),
        timed("eager", 201.0, 1.15, model="b.py:Candidate", rank=1),
        timed("eager", 203.0, 1.14, model="c.py:Other", rank=1),
        timed("eager", 260.0, 0.89, model="d.py:Late", verdict="slower", rank=4),
    ]
    held = comparison(*rows, baseline="a.py:Base eager", preset="quick")
    return document(
        "bench", command_line="toolkit bench a.py:Base b.py:Candidate", comparisons=[held]
    )


NETWORKS = {"lenet5": (232.0, 10.5), "alexnet": (14_300.0, 1.31), "lstm": (910.0, 0.8)}


def networks() -> Document:
    """Three networks, each in a comparison of its own; the machine was too noisy for the last."""
    held = [
        comparison(
            timed("eager", eager, 1.0, model=name, verdict="same"),
            timed("onnx", eager / ratio, ratio, model=name, verdict=verdict),
            timed("trace", eager / 1.1, 1.1, model=name, verdict=verdict),
            aa_band=0.083 if verdict == "noisy" else 0.012,
        )
        for (name, (eager, ratio)), verdict in zip(
            NETWORKS.items(), ("faster", "faster", "noisy"), strict=True
        )
    ]
    return document("bench", command_line="toolkit bench --all", comparisons=held)


def doubtful() -> Document:
    """Every reason to be careful with a row."""
    clean = Clean(
        rounds=7, p50_us=20.0, speedup=Speedup(estimate=11.5, low=11, high=12), flagged=True
    )
    held = comparison(
        timed("eager", 232.0, 1.0, verdict="same"),
        timed("onnx", 22.1, 10.5, clean=clean),
        timed("onnx-spin", 20.0, 11.6, alone=True, roof_percent=140.0),
        timed("trace", 170.0, 1.36, verdict="unstable", minima_ratio=1.12),
        timed("onnx-cuda", 30.0, 7.7, device="cuda", placed=0.875, device_p50_us=21.0),
        timed(
            "eager+channels_last",
            240.0,
            0.97,
            verdict="slower",
            settings={"channels_last": "on", "cudnn": "v9"},
            work=Work(flops=900_000, bytes=1, torch_flops=800_000),
        ),
        variant(
            "pt2", None, None, verdict="not timed", calls=0, note="fails parity", samples_ns=[]
        ),
    )
    return document("bench", comparisons=[held])


TIMED = {made.__name__: made for made in (sweep, rivals, networks, doubtful)}

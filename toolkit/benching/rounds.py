"""One set of rounds: everything that is compared takes turns in this process.

float32 products are float32's while it is loaded and timed, as they were when it was judged: what
a user's code chose for itself would hold for torch alone, and not for onnxruntime beside it.
"""

from __future__ import annotations

import torch

from toolkit import results
from toolkit.benching import turns
from toolkit.benching.contestants import Lineup, dtype_of
from toolkit.benching.device_clock import clock_of, on_device
from toolkit.benching.loading import loaded
from toolkit.benching.values import SetOfRounds
from toolkit.errors import UsageError
from toolkit.events import Progress
from toolkit.parity.tf32 import without_tf32
from toolkit.runtimes.devices import convolution_search
from toolkit.timing import ceilings, waiting
from toolkit.timing.calls import Contestant
from toolkit.timing.measuring import TWIN, measure
from toolkit.timing.protocol import Protocol


@without_tf32()
def timed(lineup: Lineup, protocol: Protocol) -> SetOfRounds:
    """Load, warm up and time what is lined up, and what the machine can do at best.

    Raises where the baseline cannot be timed.
    """
    cell = lineup.cell
    with torch.inference_mode(), turns.noted(lineup.candidates[0].scratch) as note:
        clock = clock_of(cell.device)
        entered = loaded(lineup, protocol.seed, clock)
        if not any(one.name == lineup.baseline for one in entered.contestants):
            raise UsageError(f"the baseline {lineup.baseline} is not among what is timed")
        lineup.observe(_progress(lineup))  # what ends the process now is none of those loaded
        best = _ceilings(lineup)
        measured = measure(
            entered.contestants,
            protocol,
            baseline=lineup.baseline,
            twin=entered.twin,
            extras=[*best, *entered.again],
            observe=lambda done, total: lineup.observe(_progress(lineup, done=done, total=total)),
            warming=lambda name: lineup.observe(_progress(lineup, form=_own(name, lineup))),
            turn=lambda name: note(_own(name, lineup)),
        )
        right = [one for one in entered.contestants if one.name in measured.samples_ns]
        device_says = on_device(right, entered.held_bytes, clock, note) if clock else {}
    reached = ceilings.reached(
        cell.device, best, measured.extras_ns, threads=cell.threads, dtype=_dtype(lineup)
    )
    ceiling = results.Ceiling.model_validate(reached, from_attributes=True) if best else None
    return SetOfRounds(measured, entered.rows, ceiling, settings_of(cell.device), device_says)


def _ceilings(lineup: Lineup) -> list[Contestant]:
    """What the machine can do at best, in the dtype of the first model."""
    if lineup.only is not None:
        return []
    return ceilings.ceilings(lineup.cell.device, lineup.cell.threads, _dtype(lineup))


def _dtype(lineup: Lineup) -> str:
    return dtype_of(lineup.candidates[0].subject.spec)


def settings_of(device: str) -> dict[str, str]:
    """What holds for all variants alike: precision, threads between calls, and what cuDNN tries."""
    common = {
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "interop_threads": str(torch.get_num_interop_threads()),
        **waiting.settings(),
    }
    if device == "cpu":
        return common
    return {
        **common,
        "cudnn_tf32": str(torch.backends.cudnn.allow_tf32).lower(),
        "cudnn_benchmark": str(torch.backends.cudnn.benchmark).lower(),
        "cudnn_conv_algo_search": convolution_search().lower(),
    }


def _own(name: str, lineup: Lineup) -> str:
    """The contestant that a name means: the twin is the baseline."""
    return lineup.baseline if name == TWIN else name


def _progress(
    lineup: Lineup, *, form: str | None = None, done: int | None = None, total: int | None = None
) -> Progress:
    name = lineup.candidates[0].subject.spec.name
    detail = f"{lineup.cell}: warm-up of {form}" if form else str(lineup.cell)
    return Progress(name, "bench", detail, done, total, form)

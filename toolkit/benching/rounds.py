"""One set of rounds: everything that is compared takes turns in this process."""

from __future__ import annotations

from collections.abc import Callable

import torch

from toolkit import results
from toolkit.benching.contestants import Lineup, dtype_of
from toolkit.benching.loading import loaded
from toolkit.benching.values import SetOfRounds
from toolkit.errors import UsageError
from toolkit.events import Progress
from toolkit.timing import ceilings
from toolkit.timing.calls import Contestant
from toolkit.timing.measuring import measure
from toolkit.timing.protocol import Protocol


def timed(lineup: Lineup, protocol: Protocol) -> SetOfRounds:
    """Load, warm up and time what is lined up, and what the machine can do at best.

    Raises where the baseline cannot be timed.
    """
    cell = lineup.cell
    with torch.inference_mode():
        entered = loaded(lineup, protocol.seed)
        if not any(one.name == lineup.baseline for one in entered.contestants):
            raise UsageError(f"the baseline {lineup.baseline} is not among what is timed")
        best = _ceilings(lineup)
        measured = measure(
            entered.contestants,
            protocol,
            baseline=lineup.baseline,
            twin=entered.twin,
            extras=[*best, *entered.again],
            observe=_told(lineup),
        )
    reached = ceilings.reached(cell.device, best, measured.extras_ns)
    ceiling = results.Ceiling.model_validate(reached, from_attributes=True) if best else None
    return SetOfRounds(measured, entered.rows, ceiling, settings_of(cell.device))


def _ceilings(lineup: Lineup) -> list[Contestant]:
    """What the machine can do at best, in the dtype of the first model."""
    if lineup.only is not None:
        return []
    dtype = dtype_of(lineup.candidates[0].subject.spec)
    return ceilings.ceilings(lineup.cell.device, lineup.cell.threads, dtype)


def settings_of(device: str) -> dict[str, str]:
    """What holds for all variants alike: how float32 products are rounded, and what cuDNN tries."""
    precision = torch.get_float32_matmul_precision()
    if device == "cpu":
        return {"float32_matmul_precision": precision}
    return {
        "float32_matmul_precision": precision,
        "cudnn_tf32": str(torch.backends.cudnn.allow_tf32).lower(),
        "cudnn_benchmark": str(torch.backends.cudnn.benchmark).lower(),
    }


def _told(lineup: Lineup) -> Callable[[int, int], None]:
    name = lineup.candidates[0].subject.spec.name

    def told(done: int, total: int) -> None:
        lineup.observe(Progress(name, "bench", str(lineup.cell), done, total))

    return told

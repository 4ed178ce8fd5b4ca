"""Three short rounds are enough where no time is looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from toolkit.timing.protocol import Protocol


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    def quick(seed: int = 0) -> Protocol:
        return Protocol(3, 3, None, precision=None, seed=seed, block_s=0.001, warm_up_s=0.0)

    monkeypatch.setattr(Protocol, "quick", quick)


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """The number of threads of the process is as it was."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)

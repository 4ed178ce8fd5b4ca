"""Train the cover network for a moment, as on several devices, and keep a checkpoint."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from models.covers import Covers

GENRES = 12


def main() -> None:
    torch.manual_seed(0)
    # DataParallel, as DistributedDataParallel, writes every name behind `module.`.
    network = nn.DataParallel(Covers(GENRES))
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    images = torch.rand(64, 3, 32, 32)
    genres = torch.randint(GENRES, (64,))
    for _ in range(5):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(images), genres).backward()
        optimiser.step()
    place = Path(__file__).parent / "checkpoints" / "covers.pth"
    place.parent.mkdir(exist_ok=True)
    torch.save({"state_dict": network.state_dict(), "epoch": 5}, place)


if __name__ == "__main__":
    main()

"""Weights files as training loops write them, and the network that they are of."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

State = dict[str, torch.Tensor]


class Net(nn.Module):
    def __init__(self, width: int = 5) -> None:
        super().__init__()
        self.fc = nn.Linear(6, width)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.norm(self.fc(x))
        return scores


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, 4)
        self.lm_head = nn.Linear(4, 7, bias=False)
        self.lm_head.weight = self.embed.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.lm_head(self.embed(tokens))
        return scores


def trained(seed: int = 7, width: int = 5) -> Net:
    torch.manual_seed(seed)
    return Net(width)


def state(seed: int = 7, width: int = 5) -> State:
    return trained(seed, width).state_dict()


def under(prefix: str, held: State) -> State:
    return {prefix + name: tensor for name, tensor in held.items()}


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def lightning(held: State) -> dict[str, object]:
    """What Lightning's `save_checkpoint` writes."""
    return {
        "epoch": 3,
        "global_step": 120,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": held,
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 3}}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'val'}": {"best_model_score": torch.tensor(0.5)}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(5, 6)}}, "param_groups": []}],
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": {"hidden": 5, "lr": 1e-3, "name": "net"},
    }

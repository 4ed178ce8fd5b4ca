"""Whether a review of a book is a kind one."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Reviews(nn.Module):
    """Tokens (batch, time) and their lengths (batch) → one logit a review."""

    def __init__(self, words: int = 1000, width: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.reader = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, 1)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        steps, _ = self.reader(self.embedding(tokens))
        places = torch.arange(tokens.shape[1], device=tokens.device)
        real = (places < lengths.unsqueeze(1)).unsqueeze(2)
        mean = (steps * real).sum(1) / lengths.unsqueeze(1)
        logits: Tensor = self.head(mean)
        return logits

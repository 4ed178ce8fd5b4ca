"""What genre a book's cover looks like."""

from __future__ import annotations

from torch import Tensor, nn


class Covers(nn.Module):
    """Images (batch, 3, height, width) of any size → a logit for each genre."""

    def __init__(self, genres: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.head = nn.Linear(32, genres)

    def forward(self, image: Tensor) -> Tensor:
        features = self.body(image).mean((2, 3))
        logits: Tensor = self.head(features)
        return logits

"""Networks whose inputs can vary in some of their sizes; each fixes the others in another way."""

from __future__ import annotations

import torch
from torch import nn


class Convolutional(nn.Module):
    """Height and width are multiples of 8."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 4, 8, stride=8)
        self.up = nn.ConvTranspose2d(4, 3, 8, stride=8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.up(self.down(x))


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Linear(4 * 8 * 8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)
        x = torch.flatten(x, 1)
        return self.head(x)


class Folding(Classifier):
    """At twice the height `view` makes samples of pixels, and eager does not notice."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)
        x = x.view(-1, 4 * 8 * 8)
        return self.head(x)


class HoldsBatch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(12, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x.reshape(2, 12))


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] > 4:
            return self.layer(x) * 2
        return self.layer(x)


class Attention(nn.Module):
    """Both inputs share the batch and the time."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        scores = self.query(x) @ x.transpose(1, 2) - mask.abs().unsqueeze(1)
        return scores.softmax(-1) @ x


class Pairwise(nn.Module):
    """The mask has the time twice."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return (self.query(x) @ x.transpose(1, 2) + mask).softmax(-1) @ x


class Recurrent(nn.Module):
    """Time first: the first axis is no batch."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.GRU(4, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states, _ = self.layer(x)
        return states


class Positions(nn.Module):
    """As many positions as the table has."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(32, 6)
        self.layer = nn.Linear(6, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        places = torch.arange(x.shape[1], device=x.device)
        return self.layer(x + self.table(places))


class Loop(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = cell = x.new_zeros(x.shape[0], 5)
        for step in range(x.shape[1]):
            hidden, cell = self.cell(x[:, step], (hidden, cell))
        return hidden


class Integer(nn.Module):
    """Asks for the size as an integer and counts up to it: torch.export keeps both."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count = int(x.shape[1])
        return self.layer((x * torch.arange(count)).sum(1, keepdim=True))


class Lookup(nn.Module):
    """A size as the key of a dictionary is no symbol."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scales = {6: 2.0, 7: 3.0}
        return x.cumsum(1) * scales.get(x.shape[1], 0.5)


class DataDependent(nn.Module):
    """No graph: which way it goes depends on the values."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) if x.sum() > 0 else self.layer(-x)


class Stateful(nn.Module):
    def forward(
        self, x: torch.Tensor, states: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return x * states[0] + states[1], states[1].cumsum(-1)


def sequential() -> nn.Module:
    """Nothing but layers of torch's own."""
    return nn.Sequential(nn.Conv1d(2, 3, 3), nn.Flatten(), nn.Linear(3 * 6, 4))


class Windowed(nn.Module):
    """A kernel of 5 sets the least length, a table of 12 the largest."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(12))
        self.layer = nn.Conv1d(3, 4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer(x)
        return y.mean(-1) * self.places[torch.arange(x.shape[2])].mean()

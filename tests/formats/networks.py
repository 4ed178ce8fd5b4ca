"""Small networks, each for one thing that exporters trip over, and specs for them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.hashing import state_dict_sha256
from toolkit.spec import ModelSpec, Port
from toolkit.weights import Built, WeightsRecord


class Perceptron(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.layers(x)
        return answer


class Convolutional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 6, 3)
        self.head = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(torch.tanh(self.first(x)), 2)
        x = torch.tanh(self.second(x))
        answer: Tensor = self.head(torch.flatten(F.max_pool2d(x, 2), 1))
        return answer


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 6, num_layers=2)
        self.head = nn.Linear(6, 5)

    def forward(self, x: Tensor, h0: Tensor, c0: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, (h, c) = self.lstm(x, (h0, c0))
        return self.head(y), h, c


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(4, 6, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.gru(x)[0]
        return answer


class Variational(nn.Module):
    """Random in training, three outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Linear(16, 8)
        self.mean = nn.Linear(8, 4)
        self.log_variance = nn.Linear(8, 4)
        self.decode = nn.Linear(4, 16)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden = torch.relu(self.encode(x))
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        code = mean
        if self.training:
            code = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        return torch.sigmoid(self.decode(code)), mean, log_variance


class Generator(nn.Module):
    """Two inputs of different types that share the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, 6)
        self.layer = nn.Linear(14, 16)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        return torch.tanh(self.layer(torch.cat([noise, self.embed(labels)], 1)))


class Named(nn.Module):
    """Answers with a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        logits = self.layer(x)
        return {"logits": logits, "probabilities": torch.softmax(logits, -1)}


class AsksForBatch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        if x.shape[0] > 2:
            y = y * 2
        answer: Tensor = y
        return answer


class AsksForValues(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        if y.sum() > 0:
            y = y * 2
        answer: Tensor = y
        return answer


class FixesBatch(nn.Module):
    """`reshape(2, -1)` and back to two rows: holds for a batch of two alone."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.layer(x.reshape(2, -1)[:, :8]).reshape(2, 2) + x[:, :2]
        return answer


class LoopsOverTime(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.shape[1], 4)
        for step in range(x.shape[0]):
            h = self.cell(x[step], h)
        return h


class UsesLambda(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = max([self.layer(x)], key=lambda value: value.shape[0])
        return answer


@dataclass
class Given:
    values: Tensor


class GivesDataclass(nn.Module):
    """TorchScript looks for the source of `Given.__init__`, which stands in no file."""

    def forward(self, x: Tensor) -> Given:
        return Given(x * 2)


FOUR = (Port("x", ("batch", 4)),)
PAIR = (Port("y", ("batch", 2)),)
STATES = (Port("h0", (2, "batch", 6)), Port("c0", (2, "batch", 6)))

SPECS = {
    spec.name: spec
    for spec in (
        ModelSpec(
            "perceptron",
            Perceptron,
            (Port("image", ("batch", 1, 4, 4)),),
            (Port("logits", ("batch", 3)),),
        ),
        ModelSpec(
            "convolutional",
            Convolutional,
            (Port("image", ("batch", 1, 12, 12)),),
            (Port("logits", ("batch", 10)),),
        ),
        ModelSpec(
            "recurrent",
            Recurrent,
            (Port("x", ("time", "batch", 4)), *STATES),
            (
                Port("y", ("time", "batch", 5)),
                Port("h", (2, "batch", 6)),
                Port("c", (2, "batch", 6)),
            ),
        ),
        ModelSpec(
            "gated",
            Gated,
            (Port("x", ("batch", "time", 4)),),
            (Port("y", ("batch", "time", 12)),),
        ),
        ModelSpec(
            "variational",
            Variational,
            (Port("x", ("batch", 16)),),
            (
                Port("reconstruction", ("batch", 16)),
                Port("mean", ("batch", 4)),
                Port("log_variance", ("batch", 4)),
            ),
        ),
        ModelSpec(
            "generator",
            Generator,
            (Port("noise", ("batch", 8)), Port("labels", ("batch",), "int64", 0, 9)),
            (Port("image", ("batch", 16)),),
        ),
        ModelSpec("named", Named, FOUR),
        ModelSpec("asks-for-batch", AsksForBatch, FOUR, PAIR),
        ModelSpec("asks-for-values", AsksForValues, FOUR, PAIR),
        ModelSpec("fixes-batch", FixesBatch, (Port("x", ("batch", 8)),), PAIR),
        ModelSpec("loops-over-time", LoopsOverTime, (Port("x", ("time", "batch", 4)),)),
        ModelSpec("uses-lambda", UsesLambda, FOUR, PAIR),
    )
}

RIGHT = (
    "perceptron",
    "convolutional",
    "recurrent",
    "gated",
    "variational",
    "generator",
    "named",
)


def build(name: str, seed: int = 0) -> Built:
    """The network with seeded weights, in eval mode."""
    spec = SPECS[name]
    torch.manual_seed(seed)
    module = spec.build().eval()
    return Built(spec, module, WeightsRecord("random", state_dict_sha256(module.state_dict()), 0))

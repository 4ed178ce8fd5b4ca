"""Small networks and specs that the tests of training share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from toolkit import training
from toolkit.spec import ModelSpec, Port, TrainingPlan


class Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(1024, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.fc(image.flatten(1))
        return scores


class Autoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(784, 4)
        self.decoder = nn.Linear(2, 784)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        mu, logvar = self.encoder(image).chunk(2, dim=1)
        code = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu) if self.training else mu
        return torch.sigmoid(self.decoder(code)), mu, logvar


class Generator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 784)
        self.fc = nn.Linear(4, 784)

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.fc(z) + self.embedding(labels)).view(-1, 28, 28)


class Discriminator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(784, 10)

    def forward(self, image: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        scores = self.fc(image.flatten(1))
        return torch.sigmoid(scores.gather(1, labels.unsqueeze(1)).squeeze(1))


class BagOfTokens(nn.Module):
    """A vote a token; (T, B) tokens and (B,) lengths → (B, 1) logits of the mean vote."""

    def __init__(self) -> None:
        super().__init__()
        self.votes = nn.Embedding(1000, 1, padding_idx=0)

    def forward(self, text: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        votes: torch.Tensor = self.votes(text).sum(dim=0)
        return votes / lengths.unsqueeze(1)


def classifier(**plan: Any) -> ModelSpec:
    """A linear classifier of digits, one epoch."""
    return ModelSpec(
        "classifier",
        lambda: nn.Linear(784, 10),
        (Port("image", ("batch", 784)),),
        (Port("logits", ("batch", 10)),),
        training=replace(
            TrainingPlan("digits", "cross_entropy", "accuracy", 0.8, epochs=1), **plan
        ),
    )


def digit_features(module: nn.Module, objective: str, **plan: Any) -> ModelSpec:
    """A network of four features that tells 0 from 1."""
    return ModelSpec(
        "features",
        lambda: module,
        (Port("features", ("batch", 4)),),
        training=replace(
            TrainingPlan("digit-features", objective, "accuracy", 0.9, classes=(0, 1), epochs=15),
            learning_rate=0.05,
            batch_size=16,
            **plan,
        ),
    )


def token_counter() -> ModelSpec:
    """Two inputs, the batch on the second axis of one and the first of the other."""
    return ModelSpec(
        "counter",
        BagOfTokens,
        (
            Port("text", ("time", "batch"), "int64", 0, 999),
            Port("lengths", ("batch",), "int64", low=1, up_to="time"),
        ),
        (Port("logit", ("batch", 1)),),
        training=TrainingPlan(
            *("token-sequences", "bce_with_logits", "accuracy", 0.9), learning_rate=0.1, epochs=5
        ),
    )


def autoencoder(**plan: Any) -> ModelSpec:
    """A linear autoencoder, two epochs."""
    return ModelSpec(
        "autoencoder",
        Autoencoder,
        (Port("image", ("batch", 784)),),
        training=replace(
            TrainingPlan("digits", "vae", "reconstruction_loss_ratio", 1.0, epochs=2),
            less_is_better=True,
            **plan,
        ),
    )


def generator(**plan: Any) -> ModelSpec:
    """A generator with its discriminator and its reader, one epoch."""
    return ModelSpec(
        "generator",
        Generator,
        (Port("z", ("batch", 4)), Port("labels", ("batch",), "int64")),
        (Port("image", ("batch", 28, 28)),),
        training=replace(
            TrainingPlan("digits", "cgan", "read_accuracy", 0.85, epochs=1),
            pixel_range=(-1.0, 1.0),
            partner=Discriminator,
            reader=Reader,
            **plan,
        ),
    )


def trained(spec: ModelSpec, seed: int = 0, **options: Any) -> training.TrainingOutcome:
    """The spec's network after its training, from the same initial weights every time."""
    torch.manual_seed(0)
    return training.train(spec.build(), spec, seed=seed, **options)

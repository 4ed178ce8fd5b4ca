"""A convolutional variational autoencoder (Kingma and Welling, 2013) of 28x28 images."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import nn

from toolkit.spec import ModelSpec, PartOf, Port, TrainingPlan

from . import documents

CAPACITY = 64
LATENT = 2
SIDE = 7  # 28 → 14 → 7 pixels a side


class VaeEncoder(nn.Module):
    """(B, 1, 28, 28) → mean and logarithm of the variance of the latent code, (B, z) each."""

    def __init__(self, capacity: int = CAPACITY, latent: int = LATENT) -> None:
        super().__init__()
        features = 2 * capacity * SIDE * SIDE
        self.conv1 = nn.Conv2d(1, capacity, 4, stride=2, padding=1)
        self.conv2 = nn.Conv2d(capacity, 2 * capacity, 4, stride=2, padding=1)
        self.fc_mu = nn.Linear(features, latent)
        self.fc_logvar = nn.Linear(features, latent)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The latent code's `mu` and `logvar`."""
        features = F.relu(self.conv1(image))
        features = torch.flatten(F.relu(self.conv2(features)), 1)
        return self.fc_mu(features), self.fc_logvar(features)


class VaeDecoder(nn.Module):
    """Latent codes (B, z) → images (B, 1, 28, 28) with pixels between 0 and 1."""

    def __init__(self, capacity: int = CAPACITY, latent: int = LATENT) -> None:
        super().__init__()
        self.fc = nn.Linear(latent, 2 * capacity * SIDE * SIDE)
        self.to_planes = nn.Unflatten(1, (2 * capacity, SIDE, SIDE))
        self.conv2 = nn.ConvTranspose2d(2 * capacity, capacity, 4, stride=2, padding=1)
        self.conv1 = nn.ConvTranspose2d(capacity, 1, 4, stride=2, padding=1)

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        """The image that a latent code stands for."""
        features = F.relu(self.conv2(self.to_planes(self.fc(code))))
        return torch.sigmoid(self.conv1(features))


class Vae(nn.Module):
    """Encoder and decoder: samples the code in train mode, takes its mean in eval mode."""

    def __init__(self, capacity: int = CAPACITY, latent: int = LATENT) -> None:
        super().__init__()
        self.encoder = VaeEncoder(capacity, latent)
        self.decoder = VaeDecoder(capacity, latent)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The reconstruction, `mu` and `logvar`."""
        mu, logvar = self.encoder(image)
        code = mu
        if self.training:
            code = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return self.decoder(code), mu, logvar


class VaeWithNoise(nn.Module):
    """The autoencoder as it samples, with the random numbers as an input; the same weights."""

    def __init__(self, capacity: int = CAPACITY, latent: int = LATENT) -> None:
        super().__init__()
        self.encoder = VaeEncoder(capacity, latent)
        self.decoder = VaeDecoder(capacity, latent)

    def forward(
        self, image: torch.Tensor, noise: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The reconstruction from the code mu + exp(logvar / 2) · noise, `mu` and `logvar`."""
        mu, logvar = self.encoder(image)
        return self.decoder(mu + torch.exp(0.5 * logvar) * noise), mu, logvar


IMAGE = Port("image", ("batch", 1, 28, 28), low=0.0, high=1.0)
DISTRIBUTION = (Port("mu", ("batch", LATENT)), Port("logvar", ("batch", LATENT)))
RECONSTRUCTION = (Port("reconstruction", ("batch", 1, 28, 28)), *DISTRIBUTION)
PARAMETERS = 308_357

PLAN = TrainingPlan(
    data="digits",
    objective="vae",
    metric="reconstruction_loss_ratio",
    floor=0.5,
    less_is_better=True,
    weight_decay=1e-5,
    batch_size=64,
    epochs=10,
)

SPECS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="vae",
        build=Vae,
        family="vae",
        document=documents.A,
        summary="Convolutional autoencoder, capacity 64, latent code of 2; the mean in eval mode",
        inputs=(IMAGE,),
        outputs=RECONSTRUCTION,
        parameters=PARAMETERS,
        training=PLAN,
        # The document's: MNIST in [0, 1], the summed loss, Adam, the weight decay. The learning
        # rate, the batch and the epochs are the toolkit's own.
        recipe=replace(PLAN, data="mnist", floor=None),
    ),
    ModelSpec(
        name="vae_encoder",
        build=VaeEncoder,
        family="vae",
        document=documents.A,
        summary="The vae's encoder: two convolutions of stride 2, linear mu and logvar",
        inputs=(IMAGE,),
        outputs=DISTRIBUTION,
        parameters=157_380,
        part_of=PartOf("vae", "encoder"),
    ),
    ModelSpec(
        name="vae_decoder",
        build=VaeDecoder,
        family="vae",
        document=documents.A,
        summary="The vae's decoder: linear, two transposed convolutions of stride 2, sigmoid",
        inputs=(Port("code", ("batch", LATENT)),),
        outputs=(Port("reconstruction", ("batch", 1, 28, 28)),),
        parameters=150_977,
        part_of=PartOf("vae", "decoder"),
    ),
    ModelSpec(
        name="vae_with_noise",
        build=VaeWithNoise,
        family="vae",
        document=documents.A,
        summary="The vae with the noise of its latent code as a second input",
        inputs=(IMAGE, Port("noise", ("batch", LATENT))),
        outputs=RECONSTRUCTION,
        parameters=PARAMETERS,
        part_of=PartOf("vae"),
    ),
)

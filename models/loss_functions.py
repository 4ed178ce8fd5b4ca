"""Losses that torch has no module for, and the formulas that stand in for torch's at an export."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAST_LOG = -100.0
"""torch's binary cross-entropy goes on with this where a probability of 0 gives -inf."""
SOFTPLUS_IS_LINEAR = 40.0
"""From here on log(1 + exp(x)) is x in float64 too; torch's own 20 is for float32."""


class VaeLoss(nn.Module):
    """Summed binary cross-entropy of the pixels + β · KL(N(mu, exp(logvar)) ‖ N(0, 1)).

    Kingma and Welling, 2013, appendix B; β after Higgins et al., 2017. Pixels lie in [0, 1].
    """

    def __init__(self, kl_weight: float = 1.0) -> None:
        super().__init__()
        self.kl_weight = kl_weight

    def forward(self, reconstruction: Tensor, image: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        """One number, a sum over the batch."""
        pixels = F.binary_cross_entropy(reconstruction, image, reduction="sum")
        return pixels + self.kl_weight * kl_of_normals(mu, logvar)


class GanLoss(nn.Module):
    """What the discriminator and the generator lose, from the probabilities of "this is real".

    Goodfellow et al., 2014, the generator's loss in its non-saturating form.
    """

    def forward(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """The discriminator's loss on real and fake images, and the generator's on the fake."""
        yes, no = torch.ones_like(fake), torch.zeros_like(fake)
        of_real = F.binary_cross_entropy(real, torch.ones_like(real))
        of_fake = F.binary_cross_entropy(fake, no)
        return of_real + of_fake, F.binary_cross_entropy(fake, yes)


class RegularisedCrossEntropy(nn.Module):
    """Cross-entropy + λ1 · ‖W1‖₁ + λ2 · ‖W2‖₂ over all entries of two matrices of weights."""

    def __init__(self, l1: float = 0.5, l2: float = 0.01) -> None:
        super().__init__()
        self.l1 = l1
        self.l2 = l2

    def forward(self, prediction: Tensor, target: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
        """`prediction` holds logits, `target` class indices."""
        penalty: Tensor = self.l1 * w1.abs().sum() + self.l2 * torch.linalg.vector_norm(w2)
        return penalty + F.cross_entropy(prediction, target)


class ManualBinaryCrossEntropy(nn.Module):
    """Binary cross-entropy by its formula, the probabilities kept `margin` away from 0 and 1."""

    def __init__(self, margin: float = 1e-6) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The mean over all probabilities."""
        inside = prediction.clamp(self.margin, 1.0 - self.margin)
        terms = target * inside.log() + (1.0 - target) * (1.0 - inside).log()
        return -terms.mean()


def kl_of_normals(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) ‖ N(0, 1)), summed over all latent variables and samples."""
    return -0.5 * torch.sum(1.0 + logvar - mu.pow(2) - logvar.exp())


def _bounded_log(probabilities: Tensor) -> Tensor:
    """log(p), at least -100; its gradient at 0 is 0 and not NaN."""
    positive = probabilities > 0.0
    logarithm = torch.where(positive, probabilities, torch.ones_like(probabilities)).log()
    least = torch.full_like(probabilities, LEAST_LOG)
    return torch.where(positive, logarithm.clamp(min=LEAST_LOG), least)


def bce_terms(prediction: Tensor, target: Tensor) -> Tensor:
    """The binary cross-entropy of each probability, as torch's own bounds it."""
    of_ones = target * _bounded_log(prediction)
    return -(of_ones + (1.0 - target) * _bounded_log(1.0 - prediction))


class L1ByFormula(nn.Module):
    """`nn.L1Loss` as the mean of |prediction - target|."""

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The mean over all values."""
        return (prediction - target).abs().mean()


class BceByFormula(nn.Module):
    """`nn.BCELoss` by its formula.

    At probabilities of exactly 0 and 1 the gradient, which does not exist there, is 0; torch's
    own is the difference over 1e-12.
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The mean over all probabilities."""
        return bce_terms(prediction, target).mean()


class BceWithLogitsByFormula(nn.Module):
    """`nn.BCEWithLogitsLoss` by softplus, finite for every finite logit."""

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The mean over all logits."""
        minus_log_sigmoid = F.softplus(-prediction, threshold=SOFTPLUS_IS_LINEAR)
        return ((1.0 - target) * prediction + minus_log_sigmoid).mean()


class SoftCrossEntropyByFormula(nn.Module):
    """`nn.CrossEntropyLoss` of soft targets (B, classes) by log_softmax."""

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The mean over the samples."""
        return -(target * F.log_softmax(prediction, dim=1)).sum(dim=1).mean()


class VaeLossByFormula(nn.Module):
    """`VaeLoss` with the cross-entropy by its formula."""

    def __init__(self, kl_weight: float) -> None:
        super().__init__()
        self.kl_weight = kl_weight

    def forward(self, reconstruction: Tensor, image: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        """One number, a sum over the batch."""
        return bce_terms(reconstruction, image).sum() + self.kl_weight * kl_of_normals(mu, logvar)


class GanLossByFormula(nn.Module):
    """`GanLoss` with the cross-entropies by their formula."""

    def forward(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """The discriminator's loss on real and fake images, and the generator's on the fake."""
        of_real = bce_terms(real, torch.ones_like(real)).mean()
        of_fake = bce_terms(fake, torch.zeros_like(fake)).mean()
        return of_real + of_fake, bce_terms(fake, torch.ones_like(fake)).mean()

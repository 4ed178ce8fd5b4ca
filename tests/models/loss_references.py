"""The losses once more in numpy, float64: value and gradient by formulas, without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from toolkit.inputs import Array

Arrays = Mapping[str, Array]

LEAST_LOG = -100.0
LEAST_DENOMINATOR = float(np.float32(1e-12))
"""torch's, for the gradient at probabilities of 0 and 1: a float32 in float64 too."""
MARGIN = 1e-6
L1, L2 = 0.5, 0.01


@dataclass(frozen=True)
class Reference:
    """Every output, and the gradient of their sum with respect to some of the inputs."""

    values: Callable[[Arrays], tuple[float, ...]]
    gradients: Callable[[Arrays], dict[str, Array]]


def log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def one_hot(given: Arrays, classes: int) -> Array:
    return np.asarray(np.eye(classes)[given["target"]])


def sigmoid(logits: Array) -> Array:
    return np.asarray(np.exp(-np.logaddexp(0.0, -logits)))


def bounded_log(probabilities: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.maximum(np.log(probabilities), LEAST_LOG))


def bounded_log1p(values: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.maximum(np.log1p(values), LEAST_LOG))


def bce_terms(p: Array, t: Array | float) -> Array:
    return np.asarray(-(t * bounded_log(p) + (1 - t) * bounded_log1p(-p)))


def bce_gradient(p: Array, t: Array | float) -> Array:
    return np.asarray((p - t) / np.maximum(p * (1 - p), LEAST_DENOMINATOR))


def cross_entropy(given: Arrays, name: str) -> float:
    picked = np.take_along_axis(log_softmax(given[name]), given["target"][:, None], axis=1)
    return float(-picked.mean())


def cross_entropy_gradient(given: Arrays, name: str) -> Array:
    logits = given[name]
    apart = np.exp(log_softmax(logits)) - one_hot(given, logits.shape[1])
    return np.asarray(apart / len(logits))


def soft_gradient(given: Arrays) -> Array:
    softmax, target = np.exp(log_softmax(given["input"])), given["target"]
    return np.asarray((softmax * target.sum(axis=1, keepdims=True) - target) / len(target))


def kl_terms(given: Arrays) -> Array:
    target = given["target"]
    entropy = np.where(target > 0, target * np.log(np.where(target > 0, target, 1.0)), 0.0)
    return np.asarray(entropy - target * given["input"])


def manual_terms(given: Arrays) -> Array:
    p, t = np.clip(given["prediction"], MARGIN, 1 - MARGIN), given["target"]
    return np.asarray(-(t * np.log(p) + (1 - t) * np.log(1 - p)))


def manual_gradient(given: Arrays) -> Array:
    p, t = given["prediction"], given["target"]
    inside = (p >= MARGIN) & (p <= 1 - MARGIN)
    safe = np.where(inside, p, 0.5)
    return np.asarray(np.where(inside, (safe - t) / (safe * (1 - safe)), 0.0) / p.size)


def regularised(given: Arrays) -> float:
    penalty = L1 * np.abs(given["w1"]).sum() + L2 * np.sqrt((given["w2"] ** 2).sum())
    return float(cross_entropy(given, "prediction") + penalty)


def regularised_gradients(given: Arrays) -> dict[str, Array]:
    norm = np.sqrt((given["w2"] ** 2).sum())
    return {
        "prediction": cross_entropy_gradient(given, "prediction"),
        "w1": L1 * np.sign(given["w1"]),
        "w2": L2 * given["w2"] / (norm or 1.0),
    }


def vae(given: Arrays) -> float:
    mu, logvar = given["mu"], given["logvar"]
    kl = 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)
    return float(bce_terms(given["reconstruction"], given["image"]).sum() + kl.sum())


def vae_gradients(given: Arrays) -> dict[str, Array]:
    return {
        "reconstruction": bce_gradient(given["reconstruction"], given["image"]),
        "mu": given["mu"],
        "logvar": 0.5 * (np.exp(given["logvar"]) - 1),
    }


def gan(given: Arrays) -> tuple[float, float]:
    real, fake = given["real"], given["fake"]
    of_discriminator = bce_terms(real, 1.0).mean() + bce_terms(fake, 0.0).mean()
    return float(of_discriminator), float(bce_terms(fake, 1.0).mean())


def gan_gradients(given: Arrays) -> dict[str, Array]:
    real, fake = given["real"], given["fake"]
    of_fake = bce_gradient(fake, 0.0) + bce_gradient(fake, 1.0)
    return {"real": bce_gradient(real, 1.0) / real.size, "fake": of_fake / fake.size}


def with_logits_terms(given: Arrays) -> Array:
    """t · log(1 + exp(-x)) + (1 - t) · log(1 + exp(x))."""
    x, t = given["input"], given["target"]
    return np.asarray(t * np.logaddexp(0.0, -x) + (1 - t) * np.logaddexp(0.0, x))


def apart(given: Arrays) -> Array:
    return np.asarray(given["input"] - given["target"])


REFERENCES: Mapping[str, Reference] = {
    "l1": Reference(
        lambda given: (float(np.abs(apart(given)).mean()),),
        lambda given: {
            "input": np.sign(apart(given)) / apart(given).size,
            "target": -np.sign(apart(given)) / apart(given).size,
        },
    ),
    "mse": Reference(
        lambda given: (float((apart(given) ** 2).mean()),),
        lambda given: {
            "input": 2 * apart(given) / apart(given).size,
            "target": -2 * apart(given) / apart(given).size,
        },
    ),
    "cross_entropy": Reference(
        lambda given: (cross_entropy(given, "input"),),
        lambda given: {"input": cross_entropy_gradient(given, "input")},
    ),
    "cross_entropy_soft_targets": Reference(
        lambda given: (float(-(given["target"] * log_softmax(given["input"])).sum(axis=1).mean()),),
        lambda given: {
            "input": soft_gradient(given),
            "target": -log_softmax(given["input"]) / len(given["input"]),
        },
    ),
    "nll": Reference(
        lambda given: (
            float(-given["input"][np.arange(len(given["input"])), given["target"]].mean()),
        ),
        lambda given: {"input": -one_hot(given, 10) / len(given["input"])},
    ),
    "kl_div": Reference(
        lambda given: (float(kl_terms(given).sum()),),
        lambda given: {"input": -given["target"]},
    ),
    "kl_div_batchmean": Reference(
        lambda given: (float(kl_terms(given).sum() / len(given["input"])),),
        lambda given: {"input": -given["target"] / len(given["input"])},
    ),
    "bce": Reference(
        lambda given: (float(bce_terms(given["input"], given["target"]).mean()),),
        lambda given: {
            "input": bce_gradient(given["input"], given["target"]) / given["input"].size
        },
    ),
    "bce_with_logits": Reference(
        lambda given: (float(with_logits_terms(given).mean()),),
        lambda given: {"input": (sigmoid(given["input"]) - given["target"]) / given["input"].size},
    ),
    "binary_cross_entropy_manual": Reference(
        lambda given: (float(manual_terms(given).mean()),),
        lambda given: {"prediction": manual_gradient(given)},
    ),
    "l1_l2_regularised_cross_entropy": Reference(
        lambda given: (regularised(given),), regularised_gradients
    ),
    "vae_loss": Reference(lambda given: (vae(given),), vae_gradients),
    "gan_loss": Reference(gan, gan_gradients),
}

"""The documents' losses as graphs: prediction and target are inputs, the output is one number.

Where an exporter cannot take torch's own function, or takes it wrongly, the formula is exported in
its place; eager, which the form is judged against, remains torch's function.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from toolkit.spec import ModelSpec, Port, Twin

from . import documents
from .loss_functions import (
    BceByFormula,
    BceWithLogitsByFormula,
    GanLoss,
    GanLossByFormula,
    L1ByFormula,
    ManualBinaryCrossEntropy,
    RegularisedCrossEntropy,
    SoftCrossEntropyByFormula,
    VaeLoss,
    VaeLossByFormula,
)

CLASSES = 10
LATENT = 2
LEAST_LOG_PROBABILITY = -12.0

_LOSS = Port("loss", ())
_INDICES = Port("target", ("batch",), "int64", low=0, high=CLASSES - 1)
_LOGITS = Port("input", ("batch", CLASSES))
_LOG_PROBABILITIES = Port("input", ("batch", CLASSES), low=LEAST_LOG_PROBABILITY, high=0.0)
_SOFT_TARGETS = Port("target", ("batch", CLASSES), low=0.0, high=1.0)
_VALUES = (Port("input", ("batch", "features")), Port("target", ("batch", "features")))
_TARGET_PROBABILITIES = Port("target", ("batch",), low=0.0, high=1.0)
_PROBABILITIES = (Port("input", ("batch",), low=0.0, high=1.0), _TARGET_PROBABILITIES)

_entry = partial(ModelSpec, family="loss", document=documents.C, parameters=0, outputs=(_LOSS,))

_NO_LEGACY_BCE = "the older exporter has no binary cross-entropy"


def _l1_by_formula(module: nn.Module) -> nn.Module:
    del module  # it holds nothing
    return L1ByFormula()


def _bce_by_formula(module: nn.Module) -> nn.Module:
    del module
    return BceByFormula()


def _bce_with_logits_by_formula(module: nn.Module) -> nn.Module:
    del module
    return BceWithLogitsByFormula()


def _soft_cross_entropy_by_formula(module: nn.Module) -> nn.Module:
    del module
    return SoftCrossEntropyByFormula()


def _vae_loss_by_formula(module: nn.Module) -> nn.Module:
    assert isinstance(module, VaeLoss)
    return VaeLossByFormula(module.kl_weight)


def _gan_loss_by_formula(module: nn.Module) -> nn.Module:
    del module
    return GanLossByFormula()


_REGRESSION = (
    _entry(
        name="l1",
        build=nn.L1Loss,
        summary="nn.L1Loss: the mean of |input - target|",
        inputs=_VALUES,
        twins=(Twin(("onnx-legacy",), _l1_by_formula, "the older exporter has no l1_loss"),),
    ),
    _entry(
        name="mse",
        build=nn.MSELoss,
        summary="nn.MSELoss: the mean of (input - target)²",
        inputs=_VALUES,
    ),
)

_OF_CLASSES = (
    _entry(
        name="cross_entropy",
        build=nn.CrossEntropyLoss,
        summary="nn.CrossEntropyLoss of logits and class indices, the mean over the samples",
        inputs=(_LOGITS, _INDICES),
    ),
    _entry(
        name="cross_entropy_soft_targets",
        build=nn.CrossEntropyLoss,
        summary="nn.CrossEntropyLoss of logits and a weight for each class (any in [0, 1])",
        inputs=(_LOGITS, _SOFT_TARGETS),
        twins=(
            Twin(
                ("onnx", "onnx-legacy"),
                _soft_cross_entropy_by_formula,
                "ONNX's SoftmaxCrossEntropyLoss takes class indices alone: log_softmax and a sum",
            ),
        ),
    ),
    _entry(
        name="nll",
        build=nn.NLLLoss,
        summary="nn.NLLLoss of log-probabilities and class indices, the mean over the samples",
        inputs=(_LOG_PROBABILITIES, _INDICES),
    ),
    _entry(
        name="kl_div",
        build=partial(nn.KLDivLoss, reduction="sum"),
        summary="nn.KLDivLoss(reduction='sum') of log-probabilities and probabilities",
        inputs=(_LOG_PROBABILITIES, _SOFT_TARGETS),
    ),
    _entry(
        name="kl_div_batchmean",
        build=partial(nn.KLDivLoss, reduction="batchmean"),
        summary="nn.KLDivLoss(reduction='batchmean'): the sum divided by the batch size",
        inputs=(_LOG_PROBABILITIES, _SOFT_TARGETS),
    ),
    _entry(
        name="l1_l2_regularised_cross_entropy",
        build=RegularisedCrossEntropy,
        summary="Cross-entropy + 0.5 · |W1|₁ + 0.01 · |W2|₂, the weights being inputs",
        inputs=(
            Port("prediction", ("batch", CLASSES)),
            _INDICES,
            Port("w1", ("hidden", "features")),
            Port("w2", (CLASSES, "hidden")),
        ),
    ),
)

_BINARY = (
    _entry(
        name="bce",
        build=nn.BCELoss,
        summary="nn.BCELoss of probabilities, the mean; a logarithm is at least -100",
        inputs=_PROBABILITIES,
        twins=(Twin(("onnx-legacy",), _bce_by_formula, _NO_LEGACY_BCE),),
    ),
    _entry(
        name="bce_with_logits",
        build=nn.BCEWithLogitsLoss,
        summary="nn.BCEWithLogitsLoss: sigmoid and binary cross-entropy in one, the mean",
        inputs=(Port("input", ("batch",)), _TARGET_PROBABILITIES),
        twins=(
            Twin(
                ("onnx", "onnx-legacy"),
                _bce_with_logits_by_formula,
                "exported as log(sigmoid(x)), which is no longer finite for logits under -90: "
                "softplus",
            ),
        ),
    ),
    _entry(
        name="binary_cross_entropy_manual",
        build=ManualBinaryCrossEntropy,
        summary="Binary cross-entropy by hand, probabilities clamped to [1e-6, 1 - 1e-6]",
        inputs=(Port("prediction", ("batch",), low=0.0, high=1.0), _TARGET_PROBABILITIES),
    ),
)

_OF_NETWORKS = (
    _entry(
        name="vae_loss",
        build=VaeLoss,
        document=documents.A,
        summary="The vae's loss: summed binary cross-entropy + β · KL, β = 1",
        inputs=(
            Port("reconstruction", ("batch", 1, 28, 28), low=0.0, high=1.0),
            Port("image", ("batch", 1, 28, 28), low=0.0, high=1.0),
            Port("mu", ("batch", LATENT)),
            # exp(logvar) of a draw a thousand times as large is beyond float32.
            Port("logvar", ("batch", LATENT), low=-8.0, high=8.0),
        ),
        twins=(Twin(("onnx-legacy",), _vae_loss_by_formula, _NO_LEGACY_BCE),),
    ),
    _entry(
        name="gan_loss",
        build=GanLoss,
        document=documents.A,
        summary="The cgan's losses, of discriminator and generator, from two probabilities",
        inputs=(
            Port("real", ("batch",), low=0.0, high=1.0),
            Port("fake", ("batch",), low=0.0, high=1.0),
        ),
        outputs=(Port("discriminator_loss", ()), Port("generator_loss", ())),
        twins=(Twin(("onnx-legacy",), _gan_loss_by_formula, _NO_LEGACY_BCE),),
    ),
)

SPECS: tuple[ModelSpec, ...] = (*_REGRESSION, *_OF_CLASSES, *_BINARY, *_OF_NETWORKS)

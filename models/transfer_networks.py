"""Networks that stand on published weights: features taken out of them, heads put on them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from torch import Tensor, nn

from toolkit.spec import ModelSpec, Port, Pretrained, TrainingPlan
from toolkit.transfer import Features, features, replace_head

from . import documents
from .torchvision_networks import MEAN, STD, image, network, preprocess

CLASSES = 10
HIDDEN = 256
ALEXNET_FEATURES = 256 * 6 * 6
RESNET_FEATURES = 2048
DROPOUT = 0.5


def resnet50_new_head() -> nn.Module:
    """ResNet-50 with a new last layer for ten classes."""
    return replace_head(network("resnet50"), CLASSES)


def resnet50_features() -> Features:
    """ResNet-50 without its last layer: images → the 2,048 averaged features."""
    return features(network("resnet50"), "avgpool")


def alexnet_transfer() -> nn.Module:
    """AlexNet with a small classifier of its own on its features."""
    built = network("alexnet")
    classifier = nn.Sequential(
        nn.Dropout(DROPOUT),
        nn.Linear(ALEXNET_FEATURES, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, CLASSES),
    )
    built.set_submodule("classifier", classifier)
    return built


def without(head: str, state: Mapping[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
    """The published weights but those of the head, under the names that they go by here."""
    return {f"{prefix}{name}": held for name, held in state.items() if not name.startswith(head)}


def _plan(*frozen: str) -> TrainingPlan:
    """Only the head learns, from a folder of the user's images."""
    return TrainingPlan(
        data="image-folder",
        objective="cross_entropy",
        metric="accuracy",
        floor=None,
        batch_size=32,
        mean=MEAN,
        std=STD,
        freeze=frozen,
    )


_RESNET50 = "ResNet50_Weights.IMAGENET1K_V1"

_entry = partial(
    ModelSpec,
    family="torchvision",
    document=documents.A,
    inputs=(image(),),
    preprocess=preprocess(),
)
_LOGITS = Port("logits", ("batch", CLASSES))

SPECS: tuple[ModelSpec, ...] = (
    _entry(
        name="resnet50_new_head",
        build=resnet50_new_head,
        summary="ResNet-50 with a new last layer for ten classes; only that layer is trained",
        outputs=(_LOGITS,),
        parameters=23_528_522,
        training=_plan("conv1", "bn1", "layer1", "layer2", "layer3", "layer4"),
        pretrained=Pretrained(_RESNET50, adapt=partial(without, "fc.")),
    ),
    _entry(
        name="resnet50_features",
        build=resnet50_features,
        summary="ResNet-50 without its last layer: 2,048 features an image",
        outputs=(Port("features", ("batch", RESNET_FEATURES)),),
        parameters=23_508_032,
        pretrained=Pretrained(_RESNET50, adapt=partial(without, "fc.", prefix="extractor.")),
    ),
    _entry(
        name="alexnet_transfer",
        build=alexnet_transfer,
        document=documents.C,
        summary="AlexNet's features, frozen, and a classifier for ten classes: linear 9216-256-10",
        outputs=(_LOGITS,),
        parameters=4_831_818,
        training=_plan("features"),
        pretrained=Pretrained(
            "AlexNet_Weights.IMAGENET1K_V1", adapt=partial(without, "classifier.")
        ),
    ),
)

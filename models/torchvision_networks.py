"""Networks of torchvision for ImageNet, with their published weights.

The weights are the first that torchvision published of each network: their images are resized to
256 pixels and cut to 224 (342 and 299 for Inception), as the documents have it.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from toolkit.spec import Dimension, ModelSpec, Port, Preprocess, Pretrained, Twin

from . import documents

CLASSES = 1000
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
SIDE = 224
INCEPTION_SIDE = 299
LOWEST, HIGHEST = -2.2, 2.7
"""Black and white, normalised: (0 - .485) / .229 = -2.12 and (1 - .406) / .225 = 2.64."""
_JITTER = 0.1


def network(name: str, **options: bool) -> nn.Module:
    """A network of torchvision without its published weights, its seeded ones well scaled."""
    from torchvision.models import get_model

    built: nn.Module = get_model(name, weights=None, **options)
    scale_well(built)
    return built


def scale_well(built: nn.Module) -> None:
    """Draw weights under which signals keep their size through every depth, none of them trivial.

    Kaiming's normal for convolutions and linear layers (He et al., "Delving deep into rectifiers",
    2015); normalisations of their own in place of 0 and 1, which would hide a form that leaves one
    out; each of n residual branches adds 1/n of the variance. As torchvision draws them, the scores
    of a ResNet-152 are about 4e7 and those of Inception v3 either 1e11 or all the same.
    """
    for part in built.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
        elif isinstance(part, nn.BatchNorm2d):
            _draw_normalisation(part)
    last = [norm for norm in map(_last_of_branch, built.modules()) if norm is not None]
    with torch.no_grad():
        for norm in last:
            norm.weight.div_(math.sqrt(len(last)))
            norm.bias.div_(math.sqrt(len(last)))


def _draw_normalisation(norm: nn.BatchNorm2d) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    nn.init.uniform_(norm.weight, 1 - _JITTER, 1 + _JITTER)
    nn.init.normal_(norm.bias, std=_JITTER)
    nn.init.normal_(norm.running_mean, std=_JITTER)
    nn.init.uniform_(norm.running_var, 1 - _JITTER, 1 + _JITTER)


def _last_of_branch(part: nn.Module) -> nn.BatchNorm2d | None:
    """The last normalisation of a residual branch; None for what is no residual block."""
    from torchvision.models.resnet import BasicBlock, Bottleneck

    norm: object = None
    if isinstance(part, Bottleneck):
        norm = part.bn3
    elif isinstance(part, BasicBlock):
        norm = part.bn2
    return norm if isinstance(norm, nn.BatchNorm2d) else None


class InceptionLogits(nn.Module):
    """Inception v3 for scripting: images → logits alone, in every mode."""

    def __init__(self, inception: Any) -> None:
        super().__init__()
        self.inception = inception

    def forward(self, x: Tensor) -> Tensor:
        """The logits; the auxiliary head's, which eval mode does not compute, are dropped."""
        transformed = self.inception._transform_input(x)
        logits: Tensor = self.inception._forward(transformed)[0]
        return logits


def preprocess(resize: int = 256, crop: int = SIDE) -> Preprocess:
    """ImageNet's: shorter side resized, a centre square cut out, normalised."""
    return Preprocess(channels=3, resize=resize, crop=crop, mean=MEAN, std=STD)


def image(height: int | str = SIDE, width: int | str = SIDE) -> Port:
    """A normalised image in colour."""
    return Port("x", ("batch", 3, height, width), low=LOWEST, high=HIGHEST)


LOGITS = Port("logits", ("batch", CLASSES))

_entry = partial(
    ModelSpec,
    family="torchvision",
    document=documents.C,
    inputs=(image(),),
    outputs=(LOGITS,),
    preprocess=preprocess(),
    labels="imagenet",
)


def _size(name: str) -> Dimension:
    return Dimension(name, low=32, traced_at=64, usual=SIDE)


SPECS: tuple[ModelSpec, ...] = (
    _entry(
        name="resnet18",
        build=partial(network, "resnet18"),
        summary="18 layers of residual blocks of two 3x3 convolutions; any size of image",
        inputs=(image("height", "width"),),
        dimensions=(_size("height"), _size("width")),
        parameters=11_689_512,
        pretrained=Pretrained("ResNet18_Weights.IMAGENET1K_V1"),
    ),
    _entry(
        name="resnet50",
        build=partial(network, "resnet50"),
        document=documents.A,
        summary="50 layers of residual bottlenecks",
        parameters=25_557_032,
        pretrained=Pretrained("ResNet50_Weights.IMAGENET1K_V1"),
    ),
    _entry(
        name="resnet152",
        build=partial(network, "resnet152"),
        summary="152 layers of residual bottlenecks",
        parameters=60_192_808,
        pretrained=Pretrained("ResNet152_Weights.IMAGENET1K_V1"),
    ),
    _entry(
        name="inception_v3",
        # Like the published weights: images normalised for the others are normalised anew.
        build=partial(network, "inception_v3", transform_input=True, init_weights=False),
        document=documents.A,
        summary="Inception modules with factorised convolutions; its auxiliary head rests",
        inputs=(image(INCEPTION_SIDE, INCEPTION_SIDE),),
        parameters=27_161_264,
        pretrained=Pretrained("Inception_V3_Weights.IMAGENET1K_V1"),
        preprocess=preprocess(342, INCEPTION_SIDE),
        twins=(
            Twin(
                formats=("script",),
                build=InceptionLogits,
                reason="scripted, torchvision's own returns the auxiliary logits beside the logits",
            ),
        ),
    ),
    _entry(
        name="alexnet",
        build=partial(network, "alexnet"),
        summary="Five convolutions, three linear layers",
        parameters=61_100_840,
        pretrained=Pretrained("AlexNet_Weights.IMAGENET1K_V1"),
    ),
    _entry(
        name="vgg16",
        build=partial(network, "vgg16", init_weights=False),
        summary="13 convolutions of 3x3, three linear layers",
        parameters=138_357_544,
        pretrained=Pretrained("VGG16_Weights.IMAGENET1K_V1"),
    ),
    _entry(
        name="vgg19",
        build=partial(network, "vgg19", init_weights=False),
        summary="16 convolutions of 3x3, three linear layers",
        parameters=143_667_240,
        pretrained=Pretrained("VGG19_Weights.IMAGENET1K_V1"),
    ),
)

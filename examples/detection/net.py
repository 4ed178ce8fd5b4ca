"""An object detector of torchvision whose number of boxes depends on the image.

The weights are seeded, not trained: what is proved here is the export, not the detector.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models.detection import ssdlite320_mobilenet_v3_large
from torchvision.models.detection.ssd import SSD
from torchvision.ops import clip_boxes_to_image

from toolkit.spec import ModelSpec, Port, Twin

CLASSES = 5
SIDE = 320
Found = tuple[Tensor, Tensor, Tensor]


class Detector(nn.Module):
    """torchvision's SSDlite for one image (3, 320, 320): boxes (N, 4), scores (N), labels (N)."""

    def __init__(self) -> None:
        super().__init__()
        self.detector = ssdlite320_mobilenet_v3_large(
            weights=None,
            weights_backbone=None,
            num_classes=CLASSES,
            score_thresh=0.95,
            topk_candidates=50,
            detections_per_img=30,
        )
        spread_out(self.detector)

    def forward(self, image: Tensor) -> Found:
        """Pixels in [0, 1]; the boxes come in the order of their scores."""
        if torch.jit.is_scripting():  # a scripted detector returns its losses beside what it found
            found = self.detector([image])[1][0]
        else:
            found = self.detector([image])[0]
        return found["boxes"], found["scores"], found["labels"]


def spread_out(detector: SSD) -> None:
    """Give seeded weights that tell images apart: as torchvision draws them, all scores are 1/5.

    The statistics of the normalisation layers are those of noise of many contrasts; the last
    layers are drawn wide enough for some scores to clear the threshold and most not to.
    """
    norms = [part for part in detector.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # a plain mean over what follows
        norm.reset_running_stats()
        norm.train()
    brightness, contrast = torch.rand(16, 1, 1, 1), torch.rand(16, 1, 1, 1)
    noise = brightness + contrast * (torch.rand(16, 3, SIDE, SIDE) - 0.5)
    with torch.no_grad():
        features = detector.backbone(2 * noise.clamp(0, 1) - 1)
        detector.head(list(features.values()))
    detector.eval()
    for part in detector.head.modules():
        if isinstance(part, nn.Conv2d) and part.bias is not None:
            nn.init.normal_(part.weight, std=part.in_channels**-0.5)


class ExportableDetector(nn.Module):
    """The same detector without a branch on what it finds, which torch.export cannot capture.

    torchvision drops low scores first and returns early when no box is left. Here the best of
    every class go through non-maximum suppression whatever their score, and low ones are dropped
    afterwards. A box suppresses only boxes of lower scores, so the result is the same.
    """

    def __init__(self, documented: Detector) -> None:
        super().__init__()
        self.detector = documented.detector

    def forward(self, image: Tensor) -> Found:
        """As `Detector.forward`."""
        ssd = self.detector
        images, _ = ssd.transform([image])
        features = list(ssd.backbone(images.tensors).values())
        heads = ssd.head(features)
        anchors = ssd.anchor_generator(images, features)[0]
        boxes = ssd.box_coder.decode_single(heads["bbox_regression"][0], anchors)
        boxes = clip_boxes_to_image(boxes, images.image_sizes[0])
        scores = heads["cls_logits"][0].softmax(-1)[:, 1:]
        return select(ssd, boxes, scores)


def select(ssd: SSD, boxes: Tensor, scores: Tensor) -> Found:
    """The boxes of (anchors, 4) to keep, by their scores (anchors, classes)."""
    best, places = scores.topk(ssd.topk_candidates, dim=0)
    best, places = best.T.flatten(), places.T.flatten()
    labels = torch.arange(1, CLASSES).repeat_interleave(ssd.topk_candidates)
    candidates = boxes[places]
    # Moved apart by class, so that none suppresses one of another class.
    apart = candidates + (labels * (SIDE + 1.0)).to(boxes)[:, None]
    kept = torch.ops.torchvision.nms(apart, best, ssd.nms_thresh)
    kept = kept[best[kept] > ssd.score_thresh]
    kept = kept[: ssd.detections_per_img]
    return candidates[kept], best[kept], labels[kept]


SPEC = ModelSpec(
    name="detector",
    build=Detector,
    inputs=(Port("image", (3, SIDE, SIDE), low=0.0, high=1.0),),
    outputs=(
        Port("boxes", ("found", 4)),
        Port("scores", ("found",)),
        Port("labels", ("found",), dtype="int64"),
    ),
    twins=(Twin(("onnx", "pt2"), ExportableDetector, "no branch on the number of boxes"),),
)

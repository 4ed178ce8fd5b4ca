"""What the classifiers of digit images share: sizes, how images are prepared, training plans."""

from __future__ import annotations

from typing import Final

from toolkit.spec import Preprocess, TrainingPlan

CLASSES: Final = 10
SIDE: Final = 28
PIXELS: Final = SIDE * SIDE
PADDED_SIDE: Final = 32

LABELS: Final = "digits"

GREY: Final = Preprocess(channels=1, resize=SIDE, crop=SIDE, mean=(0.0,), std=(1.0,))
"""28x28 grey pixels in [0, 1]."""

GREY_SIGNED: Final = Preprocess(channels=1, resize=SIDE, crop=SIDE, mean=(0.5,), std=(0.5,))
"""28x28 grey pixels in [-1, 1]."""

GREY_PADDED: Final = Preprocess(
    channels=1,
    resize=SIDE,
    crop=SIDE,
    mean=(0.5,),
    std=(0.5,),
    padding=(PADDED_SIDE - SIDE) // 2,
    pad_value=-1.0,
)
"""28x28 grey pixels in [-1, 1], with background around to 32x32."""

COLOURED: Final = Preprocess(
    channels=3, resize=PADDED_SIDE, crop=PADDED_SIDE, mean=(0.5,) * 3, std=(0.5,) * 3
)
"""32x32 coloured pixels in [-1, 1]."""

PLAN: Final = TrainingPlan(
    data="digits",
    objective="cross_entropy",
    metric="accuracy",
    floor=0.95,
    learning_rate=3e-3,
    schedule="linear",
    batch_size=32,
    epochs=30,
)
"""Pixels in [0, 1], Adam: what fully connected classifiers need; they differ in the objective."""

"""Graphs that torch would guard against a batch of 1, or whose views do not fit their attention."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import toolkit


class ChannelsLast(nn.Module):
    """As in ConvNeXt and Swin: normalised behind a permutation, the batch's stride then unknown."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.LayerNorm(8)
        self.pointwise = nn.Conv2d(8, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        normalised = self.norm(self.conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        features: torch.Tensor = self.pointwise(normalised.contiguous())
        return features.flatten(1)


class Attention(nn.Module):
    """The heads are put together by a view that fits the fused kernel's strides alone."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(16, 48)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, time, _ = x.shape
        heads = self.project(x).view(batch, time, 3, 2, 8).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(heads[0], heads[1], heads[2])
        return mixed.transpose(1, 2).reshape(batch, time, 16)


@pytest.mark.parametrize(
    ("module", "inputs"),
    [
        (ChannelsLast, {"x": "batch,3,8,8"}),
        (Attention, {"x": "batch,time,16"}),
    ],
)
def test_forms_take_a_batch_of_one_and_any_other(
    module: type[nn.Module], inputs: dict[str, str], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    rows = toolkit.check(
        module(), inputs=inputs, formats=["onnx", "pt2"], budget_s=0.0, failures=tmp_path
    )
    assert {row.format: row.status for row in rows} == {"onnx": "pass", "pt2": "pass"}

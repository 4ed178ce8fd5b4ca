"""Networks whose inputs and outputs are nested."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass
class Sample:
    image: Tensor
    offset: Tensor


@dataclass
class Answer:
    logits: Tensor
    hidden: Tensor | None
    parts: list[Tensor]
    classes: int


class FromObjects(nn.Module):
    """A dataclass, a dict, a list and constants in; a dataclass out."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(
        self,
        sample: Sample,
        masks: dict[str, Tensor],
        levels: list[Tensor],
        *,
        scale: float = 1.0,
        hidden: bool = True,
    ) -> Answer:
        features = self.linear(sample.image * masks["keep"]) * scale + sample.offset
        levels = [level + features for level in levels]
        return Answer(features, features if hidden else None, levels, features.shape[1])


class ByKeyword(nn.Module):
    """Scriptable: an optional parameter is left out, and the next is handed over by its name."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x: Tensor, mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        y: Tensor = self.linear(x)
        if mask is not None:
            y = y * mask
        if bias is not None:
            y = y + bias
        return y


class FromPairs(nn.Module):
    """Scriptable: a tuple and a dict in, a tuple and a number's tensor out."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(4, 3)

    def forward(
        self, x: Tensor, states: tuple[Tensor, Tensor], more: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        hidden, cell = self.cell(x, states)
        return hidden * more["gain"], cell

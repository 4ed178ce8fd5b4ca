"""The documents that the catalogue's entries come from: a letter and a title each."""

from typing import Final

A: Final = "A: PyTorch Neural Networks (reference notes)"
B: Final = "B: PyTorch Guide (guide notes)"
C: Final = "C: PyTorch (cheat sheet)"
D: Final = "D: PyTorch - Neural networks (2018 post)"
E: Final = "E: Deep Learning with PyTorch (60-minute notes)"

"""Defects planted in ONNX files, to see whether a judge finds them. onnx and numpy alone."""

from toolkit.planting.graph import Graph
from toolkit.planting.kinds import KINDS, Defect, plant

__all__ = ["KINDS", "Defect", "Graph", "plant"]

"""Cold starts: what a variant takes from nothing to its first result, in fresh processes.

Each process imports only what its variant needs. An ONNX file is started with numpy and
onnxruntime; traces, scripts and torch.export programs with torch; the user's own module with
torch, safetensors and its own code, which the toolkit finds by the model word (its imports are not
counted, and take 2 MB). Weights are read from a safetensors file.

The page cache is warm: files and libraries have been read before, in the same run. The first start
of all on a machine is slower, and a table that shows these figures says so.
"""

from toolkit.cold.measuring import TIMES, ColdStarts, measure, order, summary
from toolkit.cold.running import Failure, Limits
from toolkit.cold.starts import KINDS, ColdStart, why_not

__all__ = [
    "KINDS",
    "TIMES",
    "ColdStart",
    "ColdStarts",
    "Failure",
    "Limits",
    "measure",
    "order",
    "summary",
    "why_not",
]

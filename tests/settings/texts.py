"""A table with every key, and what a text holds."""

from __future__ import annotations

from toolkit import settings
from toolkit.settings import Settings

PLACE = "pyproject.toml"
WHOLE = """
[project]
name = "theirs"

[tool.toolkit]
formats = ["onnx", "pt2"]
weights = "random"
device = "cuda:1"
seed = 3
opset = 21
budget = 5
batch = [1, 8]
max-score = 50
atol = 1e-4
rtol = { logits = 1e-3 }
min-agreement = 0.99
min-sqnr = 30
data-dir = "data"
threads = 2
timeout = 30
memory-limit = 4.5
out = "build"
failures = "build/failures"

[tool.toolkit.models.lenet5]

[tool.toolkit.models.reader]
model = "nets/reader.py:Reader"
inputs = { tokens = "batch,time:int64", mask = ":=None" }
inputs-file = "real.npz"
dims = { time = "2..64:2@8" }
ranges = { tokens = "0..999" }
arguments = { width = 32, kind = "gru", deep = true, rates = [0.5], note = "", size = ":=(1, 2)" }
dynamic = "auto"
weights = "checkpoints/reader.ckpt:model"
import = ["operators"]
ort-library = ["libops.so"]
with-preprocess = true
data = "digits"
recipe = "document"
epochs = 2
formats = ["trace"]
"""


def parsed(text: str) -> Settings:
    found = settings.parse(text, PLACE)
    assert found is not None
    return found

"""`onnx-spin`: onnxruntime as it comes, with threads that spin between calls."""

from toolkit.variants.onnx_forms import OnnxForm

VARIANT = OnnxForm(
    "onnx-spin",
    "onnxruntime, threads spin while idle: in its own process",
    alone=True,
    spinning=True,
)

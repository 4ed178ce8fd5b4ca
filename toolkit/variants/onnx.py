"""`onnx`: onnxruntime with all of its optimisations."""

from toolkit.variants.onnx_forms import OnnxForm

VARIANT = OnnxForm("onnx", "onnxruntime, all optimisations")

"""`onnx-none`: the graph as it is in the file."""

from toolkit.variants.onnx_forms import OnnxForm

VARIANT = OnnxForm("onnx-none", "onnxruntime, no optimisations", level="none")

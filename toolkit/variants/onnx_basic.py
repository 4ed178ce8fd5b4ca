"""`onnx-basic`: what onnxruntime does to a graph without kernels of its own."""

from toolkit.variants.onnx_forms import OnnxForm

VARIANT = OnnxForm("onnx-basic", "onnxruntime, basic optimisations", level="basic")

"""`onnx-legacy`: the older exporter's file."""

from toolkit.variants.onnx_forms import OnnxForm

VARIANT = OnnxForm("onnx-legacy", "onnxruntime, the older exporter's file", format="onnx-legacy")

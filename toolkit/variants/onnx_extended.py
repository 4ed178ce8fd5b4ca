"""`onnx-extended`: fused kernels, layouts as they are in the file."""

from toolkit.variants.onnx_forms import OnnxForm

VARIANT = OnnxForm("onnx-extended", "onnxruntime, extended optimisations", level="extended")

"""`trace`: the module traced by TorchScript."""

from toolkit.variants.torch_forms import TorchForm

VARIANT = TorchForm("trace", "TorchScript, traced", "torchscript", "trace")

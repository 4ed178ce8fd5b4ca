"""`script`: the module compiled by TorchScript."""

from toolkit.variants.torch_forms import TorchForm

VARIANT = TorchForm("script", "TorchScript, scripted", "torchscript", "script")

"""`pt2`: the graph that torch.export captured."""

from toolkit.variants.torch_forms import TorchForm

VARIANT = TorchForm("pt2", "the torch.export program, run as captured", "torch_export", "pt2")

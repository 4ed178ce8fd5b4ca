"""`compile`: the module compiled by torch.compile."""

from toolkit.variants.compiled_modules import CompiledModule

VARIANT = CompiledModule("compile", "torch.compile, default mode, for the sizes that are timed")

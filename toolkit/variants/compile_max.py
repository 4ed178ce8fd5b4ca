"""`compile-max`: the module compiled by torch.compile, which tries several kernels."""

from toolkit.variants.compiled_modules import CompiledModule

VARIANT = CompiledModule(
    "compile-max", "torch.compile, mode max-autotune: slow to compile", mode="max-autotune"
)

"""`script-frozen`: the script, its weights constants."""

from toolkit.variants.frozen_forms import FrozenForm

VARIANT = FrozenForm("script-frozen", "script, frozen and optimised for inference", format="script")

"""`trace-frozen`: the trace, its weights constants."""

from toolkit.variants.frozen_forms import FrozenForm

VARIANT = FrozenForm("trace-frozen", "trace, frozen and optimised for inference", format="trace")

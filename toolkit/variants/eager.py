"""`eager`: the user's own module."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.runtimes.base import Runner, RunOptions
from toolkit.variants.base import Source, Variant


@dataclass(frozen=True)
class Eager(Variant):
    """A copy of the module: two of them lie in different places of memory."""

    def load(self, source: Source, options: RunOptions) -> Runner:
        """Copy the module, and move the copy to the device."""
        from toolkit.runtimes import eager

        return eager.load(source.built, options, own=True)


VARIANT = Eager("eager", "the module itself, as PyTorch runs it", "eager")

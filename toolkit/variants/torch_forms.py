"""Variants that are an exported form of torch's, as it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace

from toolkit import runtimes
from toolkit.runtimes.base import Runner, RunOptions
from toolkit.variants.base import Source, Variant


@dataclass(frozen=True)
class TorchForm(Variant):
    """A form loaded by the runtime of its format."""

    def load(self, source: Source, options: RunOptions) -> Runner:
        """Load the file; raises `RunError` with torch's reason."""
        assert self.format is not None
        path = source.form(self.format)
        options = replace(options, libraries=source.libraries.get(self.format, ()))
        return runtimes.runtime_for(self.format).load(path, source.spec, options)

"""The `eager` runtime: the user's own module as it stands, without a file."""

from __future__ import annotations

import copy

from toolkit.runtimes.base import RunOptions
from toolkit.runtimes.torch_modules import ModuleRunner, prepared_device
from toolkit.weights import Built

NAME = "eager"


def load(built: Built, options: RunOptions) -> ModuleRunner:
    """A runner for the built module; on CUDA a copy of it moves there."""
    device = prepared_device(options)
    module = built.module if device == "cpu" else copy.deepcopy(built.module).to(device)
    return ModuleRunner(module, built.spec, device)

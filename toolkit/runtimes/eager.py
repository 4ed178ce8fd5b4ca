"""The `eager` runtime: the user's own module as it stands, without a file."""

from __future__ import annotations

import copy

from toolkit.runtimes.base import RunOptions
from toolkit.runtimes.torch_modules import ModuleRunner, laid_out, prepared_device
from toolkit.weights import Built

NAME = "eager"


def load(built: Built, options: RunOptions, *, own: bool = False) -> ModuleRunner:
    """A runner for the built module; on CUDA, or in another layout, for a copy of it.

    `own` is a copy in any case.
    """
    device = prepared_device(options)
    changed = own or device != "cpu" or options.channels_last
    module = copy.deepcopy(built.module) if changed else built.module
    if device != "cpu":
        module = module.to(device)
    module = laid_out(module, options)
    return ModuleRunner(module, built.spec, device, channels_last=options.channels_last)

"""A module with its weights and where they came from; how a spec's own code is run to build it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from toolkit.checkpoints import own_state
from toolkit.errors import BuildError, ToolkitError
from toolkit.hashing import state_dict_sha256
from toolkit.seeds import seeded
from toolkit.spec import ModelSpec

if TYPE_CHECKING:
    from torch import nn

Origin = Literal["trained", "pretrained", "random", "file", "constructed", "bundle"]


@dataclass(frozen=True)
class WeightsRecord:
    """Where the weights came from, the hash of their values and what they were trained on.

    `note` is what must be said of them wherever they are shown. `substituted` marks random ones,
    which nobody asked for, in place of published ones.
    """

    origin: Origin
    sha256: str
    seed: int | None = None
    data: str | None = None
    note: str | None = None
    substituted: bool = False


@dataclass(frozen=True)
class Built:
    """A module in eval mode with its weights, and the spec that describes it."""

    spec: ModelSpec
    module: nn.Module
    weights: WeightsRecord


def construct(spec: ModelSpec, seed: int) -> nn.Module:
    """The module as its own code builds it under `seed`, in eval mode and not shared.

    Raises `BuildError` with the type and message of what the code raised.
    """
    from torch import nn

    with seeded(seed):
        try:
            module = spec.build()
            if not isinstance(module, nn.Module):
                raise TypeError(f"gave {type(module).__name__}, not a torch.nn.Module")
            # A user's word may name an instance; a catalogue entry always builds a fresh one.
            return (module if spec.document is not None else copy.deepcopy(module)).eval()
        except ToolkitError:
            raise
        except (Exception, SystemExit) as error:
            raise BuildError(
                f"the model could not be built: {type(error).__name__}: {error}",
                model=spec.name,
                hint="its class or function is called without arguments unless --arg gives some",
            ) from error


def weights_sha256(module: nn.Module) -> str:
    """The hash of a module's weights, by the rule of `toolkit.hashing`."""
    return state_dict_sha256(own_state(module))

"""A weights file's tensors copied into a module: all of them, or none and the reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.checkpoints.differences import Differences, differences
from toolkit.checkpoints.matching import Match, matches
from toolkit.checkpoints.reading import read_tree
from toolkit.checkpoints.sections import sections
from toolkit.checkpoints.telling import listed
from toolkit.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn


def load_state(module: nn.Module, path: Path, key: str | None = None) -> str | None:
    """Load a weights file into `module`, in place; what must be said of where they were found.

    `key` picks a nested state dict (`state_dict`, `ema.model`) or the names under a prefix. Without
    it the one that fits is taken. Names and shapes must be the module's own, but for one prefix of
    all names; raises `WeightsError` with those that are not.
    """
    expected = own_state(module)
    held = sections(path.name, read_tree(path), key)
    found = _chosen(
        path.name, [match for section in held for match in matches(expected, section)], key
    )
    _copy(expected, found.state)
    return "; ".join(found.said()) or None


def take_over(
    module: nn.Module, state: Mapping[str, Tensor], source: str, *, may_lack: Collection[str] = ()
) -> None:
    """Copy named tensors into `module`, in place; those of `may_lack` may be missing and stay.

    Raises `WeightsError`, and copies nothing, where `source` lacks or holds other names, or
    tensors of another shape or kind.
    """
    expected = own_state(module)
    needed = {
        name: tensor for name, tensor in expected.items() if name in state or name not in may_lack
    }
    found = differences(needed, state)
    if found.count:
        raise WeightsError(_refusal(source, found))
    _copy(expected, state)


def own_state(module: nn.Module) -> dict[str, Tensor]:
    """The tensors of a module's state dict; extra state that is no tensor is left out."""
    import torch

    state = module.state_dict()
    return {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}


def read_state(path: Path) -> dict[str, Tensor]:
    """The named tensors of a file that holds nothing else; nothing in it is executed."""
    (outermost, *nested) = sections(path.name, read_tree(path))
    if outermost.place or outermost.others or nested:
        others = outermost.others or (outermost.place,)
        raise WeightsError(f"{path.name} holds more than named tensors: {listed(others)}")
    return dict(outermost.tensors)


def _copy(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    import torch

    with torch.no_grad():
        for name in expected:
            if name in state:
                expected[name].copy_(state[name])


def _chosen(source: str, found: Sequence[Match], key: str | None) -> Match:
    """The one match that fits; raises `WeightsError` where none or more than one does."""
    fitting = [match for match in found if match.fits]
    # A checkpoint that is the state dict itself is taken by its name alone, whatever it nests.
    exact = [match for match in fitting if match.key == (key or "")]
    fitting = exact or fitting
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise _ambiguous(source, fitting)
    covering = [match for match in found if match.covers and not match.section.wrappers]
    raise _beside(source, covering) if covering else _nearest(source, found)


def _ambiguous(source: str, fitting: Sequence[Match]) -> WeightsError:
    keys = [match.key for match in fitting]
    return WeightsError(
        f"{source} holds several sets of weights that fit this model: {listed(keys)}",
        hint=f"pick one: {listed([f'FILE:{key}' for key in keys])}",
    )


def _beside(source: str, covering: Sequence[Match]) -> WeightsError:
    """All that the module needs stands under one prefix, and other weights beside it."""
    first = covering[0]
    if len(covering) > 1:
        return _ambiguous(source, covering)
    return WeightsError(
        f"{source} holds this model under {first.dropped!r}, and more beside it: "
        f"{listed(first.beside)}",
        hint=f"FILE:{first.key} takes the names under {first.dropped!r} and leaves out the others",
    )


def _nearest(source: str, found: Sequence[Match]) -> WeightsError:
    """What keeps the nearest of all that was found from being the module's."""
    near = max(found, key=lambda match: (*_agreement(match), -match.differences.count))
    differ = near.differences
    parts = [_refusal(source, differ)]
    parts += [f"beside {near.dropped!r}: {listed(near.beside)}"] if near.beside else []
    return WeightsError("; ".join(parts), hint=_hint(near))


def _agreement(match: Match) -> tuple[int, int]:
    return match.differences.agreeing, match.differences.shared


def _refusal(source: str, found: Differences) -> str:
    if _is_another(found):
        stand = f"{found.shared} of the {found.needed} tensors that this model needs are in it"
        return f"{source} is a checkpoint of another network: {stand}; {found.told()}"
    return f"{source} does not belong to this model: {found.told()}"


def _is_another(found: Differences) -> bool:
    return found.shared * 2 < found.needed


def _hint(near: Match) -> str | None:
    differ = near.differences
    if _is_another(differ):
        return "name the model that it was saved from, with its file or another one of its weights"
    if not differ.missing and not differ.unexpected and differ.shapes:
        return (
            "its names are this model's, its sizes are not: --arg NAME=VALUE gives the constructor "
            "what it was saved with"
        )
    told = near.found()
    agree = f"{differ.agreeing} of {differ.needed} tensors agree"
    return f"the nearest that it holds ({'; '.join(told)}): {agree}" if told else agree

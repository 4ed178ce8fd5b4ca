"""Weights files given to commands: what was found is said, wrong ones are refused by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.cli.conftest import Command


class _Code:
    """Unpickled, it would touch a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def _other_architecture(path: Path) -> None:
    torch.save(nn.Sequential(nn.Conv2d(3, 64, 7), nn.Linear(512, 1000)).state_dict(), path)


def _truncated(path: Path) -> None:
    _other_architecture(path)
    path.write_bytes(path.read_bytes()[:5000])


def _code(path: Path) -> None:
    torch.save({"fc.weight": _Code(path.parent / "witness")}, path)


def _program(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        torch.jit.save(torch.jit.script(nn.Linear(512, 1000)), str(path))


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (_other_architecture, "another network: 0 of the 122 tensors that this model needs are in"),
        (_truncated, "weights.pth cannot be read"),
        (_code, "weights.pth cannot be read as plain weights"),
        (_program, "TorchScript archive, a program"),
    ],
)
def test_a_wrong_weights_file_is_refused_and_nothing_is_written(
    write: Callable[[Path], None], said: str, own_folder: Path, toolkit_command: Command
) -> None:
    write(own_folder / "weights.pth")
    before = sorted(own_folder.iterdir())
    ended = toolkit_command("export", "resnet18", "--weights", "weights.pth", "--json")
    assert ended.code == 3
    assert ended.document["error"]["name"] == "weights"
    assert said in ended.document["error"]["message"]
    written = {path for path in own_folder.rglob("*") if path.is_file() and path not in before}
    assert written <= {own_folder / "exported" / "export.json"}


LAYER = ("networks.py:Plain", "--input", "x=batch,8", "-f", "trace")


def _layer(seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return {f"net.layer.{name}": value for name, value in nn.Linear(8, 4).state_dict().items()}


def test_a_checkpoint_of_two_that_fit_is_refused_until_a_key_picks_one(
    own_folder: Path, toolkit_command: Command
) -> None:
    torch.save({"model": _layer(0), "ema": _layer(1)}, own_folder / "last.ckpt")
    ended = toolkit_command("export", *LAYER, "--weights", "last.ckpt", "--json")
    assert ended.code == 3
    assert ended.document["error"]["hint"] == "pick one: FILE:model, FILE:ema"
    picked = toolkit_command("export", *LAYER, "--weights", "last.ckpt:ema", "--json")
    assert picked.code == 0
    (made,) = picked.document["models"]
    assert "weights: from 'ema'; prefix 'net.' dropped from every name" in made["notes"]

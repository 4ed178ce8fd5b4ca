"""Weights files of every kind: where in them the tensors are found, and what is said of it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

import toolkit
from tests.checkpoint_files import Net, Tied, lightning, saved, state, trained, under
from toolkit import checkpoints, weights
from toolkit.errors import WeightsError
from toolkit.hashing import state_dict_sha256
from toolkit.spec import ModelSpec, Port


class Holder(nn.Module):
    """As a Lightning module is: the network is an attribute of it, and so is the loss."""

    def __init__(self, attribute: str, network: nn.Module, loss: nn.Module | None = None) -> None:
        super().__init__()
        self.add_module(attribute, network)
        if loss is not None:
            self.add_module("loss_fn", loss)


def spec(build: Callable[[], nn.Module] = Net) -> ModelSpec:
    return ModelSpec("net", build, (Port("x", ("batch", 6)),))


def loaded(choice: Path | str, build: Callable[[], nn.Module] = Net) -> weights.Built:
    return weights.materialize(spec(build), choice=str(choice))


# Kinds of files


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.pt", "w.bin", "w.ckpt"])
def test_a_weights_file_is_loaded_and_nothing_need_be_said(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    save = safetensors.torch.save_file if path.suffix == ".safetensors" else torch.save
    save(state(), path)
    found = loaded(path).weights
    assert (found.origin, found.sha256, found.note) == ("file", state_dict_sha256(state()), None)


def test_a_file_of_an_older_torch_is_loaded(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "w.pth", _use_new_zipfile_serialization=False)
    assert loaded(tmp_path / "w.pth").weights.sha256 == state_dict_sha256(state())


@pytest.mark.parametrize("zipped", [True, False])
def test_options_of_a_training_script_beside_the_weights_are_passed_over(
    zipped: bool, tmp_path: Path
) -> None:
    held = {"model": state(), "args": argparse.Namespace(lr=0.1, steps=[30, 60], name="net")}
    torch.save(held, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    assert loaded(tmp_path / "w.pth").weights.sha256 == state_dict_sha256(state())


def write_shards(folder: Path, suffix: str) -> Path:
    """A checkpoint in two files and its index, as large models are published."""
    names = list(state())
    shards = {f"model-{n}-of-2{suffix}": names[n::2] for n in range(2)}
    for file, held in shards.items():
        save = safetensors.torch.save_file if suffix == ".safetensors" else torch.save
        save({name: state()[name] for name in held}, folder / file)
    places = {name: file for file, held in shards.items() for name in held}
    index = folder / f"model{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return index


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
def test_the_shards_of_an_index_are_one_checkpoint(suffix: str, tmp_path: Path) -> None:
    found = loaded(write_shards(tmp_path, suffix)).weights
    assert found.sha256 == state_dict_sha256(state())


def test_a_shard_that_is_not_there_is_named(tmp_path: Path) -> None:
    index = write_shards(tmp_path, ".safetensors")
    (tmp_path / "model-1-of-2.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"names model-1-of-2\.safetensors, which is not beside"):
        loaded(index)


# Prefixes


def wrapped_by_ddp(net: Net) -> nn.Module:
    return nn.DataParallel(net)  # DistributedDataParallel names its module alike


def compiled(net: Net) -> nn.Module:
    found = torch.compile(net)
    assert isinstance(found, nn.Module)
    return found


@pytest.mark.parametrize(
    ("wrap", "prefix"),
    [
        (wrapped_by_ddp, "module."),
        (compiled, "_orig_mod."),
        (lambda net: wrapped_by_ddp(compiled(net)), "module._orig_mod."),  # type: ignore[arg-type]
        (lambda net: Holder("model", net), "model."),
        (lambda net: Holder("encoder_q", compiled(net)), "encoder_q._orig_mod."),
    ],
)
def test_the_prefix_of_a_wrapper_is_dropped_and_said(
    wrap: Callable[[Net], nn.Module], prefix: str, tmp_path: Path
) -> None:
    found = loaded(saved(tmp_path / "w.pth", wrap(trained()).state_dict())).weights
    assert found.sha256 == state_dict_sha256(state())
    assert found.note == f"prefix '{prefix}' dropped from every name"


def test_a_prefix_that_the_module_has_and_the_file_lacks_is_added_and_said(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.pth", under("module.", state()))
    found = loaded(path, lambda: Holder("net", Net())).weights
    assert found.sha256 == state_dict_sha256(under("net.", state()))
    assert str(found.note).endswith("prefix 'net.' added to every name")


def test_wrappers_inside_the_names_are_taken_out_and_said(tmp_path: Path) -> None:
    held = Holder("backbone", compiled(trained())).state_dict()
    found = loaded(saved(tmp_path / "w.pth", held), lambda: Holder("backbone", Net())).weights
    assert found.sha256 == state_dict_sha256(under("backbone.", state()))
    assert found.note == "'_orig_mod.' taken out of the names"


def test_a_layer_of_another_name_is_not_taken_for_a_prefix(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.pth", {"head.weight": torch.ones(5, 6), "head.bias": torch.ones(5)})
    with pytest.raises(WeightsError, match=r"missing: fc\.weight, fc\.bias; unexpected: head\."):
        loaded(path, lambda: Holder("fc", nn.Linear(6, 5)))


# Nested state dicts


@pytest.mark.parametrize("key", ["state_dict", "model", "model_state_dict", "net", "ema"])
def test_the_one_nested_state_dict_that_fits_is_taken_and_said(key: str, tmp_path: Path) -> None:
    optimizer = torch.optim.Adam(trained().parameters()).state_dict()
    path = saved(tmp_path / "w.pth", {"epoch": 3, "optimizer": optimizer, key: state()})
    found = loaded(path).weights
    assert (found.sha256, found.note) == (state_dict_sha256(state()), f"from '{key}'")


def test_a_lightning_checkpoint_is_found_whatever_else_is_in_it(tmp_path: Path) -> None:
    held = Holder("classifier", trained()).state_dict()
    found = loaded(saved(tmp_path / "last.ckpt", lightning(held))).weights
    assert found.sha256 == state_dict_sha256(state())
    assert found.note == "from 'state_dict'; prefix 'classifier.' dropped from every name"


def test_the_loss_beside_the_network_is_left_out_and_said(tmp_path: Path) -> None:
    loss = nn.CrossEntropyLoss(weight=torch.ones(5))
    held = Holder("model", trained(), loss).state_dict()
    found = loaded(saved(tmp_path / "last.ckpt", lightning(held))).weights
    assert found.sha256 == state_dict_sha256(state())
    assert str(found.note).endswith("left out, of the training alone: loss_fn.weight")


def test_an_average_of_weights_is_taken_without_its_counter(tmp_path: Path) -> None:
    held = torch.optim.swa_utils.AveragedModel(trained()).state_dict()
    found = loaded(saved(tmp_path / "w.pth", held)).weights
    assert found.sha256 == state_dict_sha256(state())
    assert "left out, of the training alone: n_averaged" in str(found.note)


def test_of_two_nested_state_dicts_the_one_that_fits_is_taken(tmp_path: Path) -> None:
    other = nn.Linear(3, 3).state_dict()
    path = saved(tmp_path / "w.pth", {"discriminator": other, "generator": state()})
    assert loaded(path).weights.note == "from 'generator'"


def test_two_names_of_one_state_dict_are_not_two_sets_of_weights(tmp_path: Path) -> None:
    held = state()
    path = saved(tmp_path / "w.pth", {"model": held, "state_dict": held})
    assert loaded(path).weights.note == "from 'model'"
    assert loaded(f"{path}:state_dict").weights.note == "from 'state_dict'"


def test_a_state_dict_with_others_beside_its_tensors_is_taken_by_the_files_name(
    tmp_path: Path,
) -> None:
    path = saved(tmp_path / "w.pth", {**state(1), "epoch": 3, "ema": state(2)})
    plain, average = loaded(path).weights, loaded(f"{path}:ema").weights
    assert (plain.sha256, average.sha256) == tuple(state_dict_sha256(state(n)) for n in (1, 2))
    assert plain.note == "left out, no tensors: epoch, ema"


# Keys


@pytest.mark.parametrize("key", ["model", "ema.model", "ema.model.module"])
def test_a_key_picks_what_it_leads_to(key: str, tmp_path: Path) -> None:
    wanted, place = state(1), key.removesuffix(".module")
    path = saved(
        tmp_path / "w.pth",
        {
            "model": wanted if place == "model" else state(2),
            "ema": {"model": under("module.", wanted)},
        },
    )
    found = loaded(f"{path}:{key}").weights
    assert found.sha256 == state_dict_sha256(wanted)
    assert str(found.note).startswith(f"from '{place}'")


def test_a_key_may_hold_dots_itself(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.pth", {"model": state(1), "model.ema": state(2)})
    assert loaded(f"{path}:model.ema").weights.sha256 == state_dict_sha256(state(2))


@pytest.mark.parametrize("key", ["teacher", "state_dict.teacher"])
def test_a_key_may_be_a_prefix_of_names(key: str, tmp_path: Path) -> None:
    held = {**under("student.", state(1)), **under("teacher.", state(2))}
    path = saved(tmp_path / "last.ckpt", lightning(held))
    found = loaded(f"{path}:{key}").weights
    assert found.sha256 == state_dict_sha256(state(2))
    assert found.note == "from 'state_dict'; the names under 'teacher.' alone"


def test_a_key_picks_a_prefix_in_a_safetensors_file_too(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file({**under("a.", state(1)), **under("b.", state(2))}, path)
    assert loaded(f"{path}:b").weights.sha256 == state_dict_sha256(state(2))


def test_the_colon_of_a_files_own_name_is_no_key(tmp_path: Path) -> None:
    path = saved(tmp_path / "epoch:3.pth", {"model": state()})
    assert loaded(path).weights.note == "from 'model'"
    assert loaded(f"{path}:model").weights.note == "from 'model'"


# What else is said


def test_a_tied_tensor_that_the_file_holds_once_is_filled_and_said(tmp_path: Path) -> None:
    source, path = Tied(), tmp_path / "w.safetensors"
    safetensors.torch.save_model(source, str(path))  # drops one of the two names
    found = loaded(path, Tied)
    assert torch.equal(found.module.get_parameter("lm_head.weight"), source.embed.weight)
    assert found.module.get_parameter("lm_head.weight") is found.module.get_parameter(
        "embed.weight"
    )
    assert "tied in the model, once in the file" in str(found.weights.note)


def test_a_tied_tensor_is_filled_behind_a_prefix_too(tmp_path: Path) -> None:
    source = Tied()
    path = saved(tmp_path / "w.pth", {"model": {"module.embed.weight": source.embed.weight}})
    found = loaded(path, Tied)
    assert torch.equal(found.module.get_parameter("lm_head.weight"), source.embed.weight)
    assert found.weights.note == (
        "from 'model'; prefix 'module.' dropped from every name; "
        "tied in the model, once in the file: lm_head.weight is embed.weight"
    )


def test_weights_of_another_precision_are_taken_and_said(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.pth", trained().half().state_dict())
    assert loaded(path).weights.note == "float16 taken as float32"


def test_what_was_found_stands_in_a_check_and_in_a_manifest(tmp_path: Path) -> None:
    path = saved(tmp_path / "last.ckpt", lightning(under("model.", state())))
    said = "from 'state_dict'; prefix 'model.' dropped from every name"
    inputs = {"x": "batch,6"}
    (row,) = toolkit.check(trained(), inputs=inputs, weights=str(path), formats=["trace"])
    assert row.status == "pass"
    assert [each.message for each in row.findings if each.name == "weights"] == [said]
    made = toolkit.export(
        trained(), inputs=inputs, weights=str(path), formats=["trace"], out=tmp_path
    )
    assert made.weights is not None
    assert made.weights.note == said
    manifest = (Path(str(made.bundle)) / "manifest.json").read_text(encoding="utf-8")
    assert json.loads(manifest)["weights"]["note"] == said


# Saved and loaded again


def test_saved_weights_are_the_same_bytes_twice_and_come_back(tmp_path: Path) -> None:
    module, other = trained(1), trained(2)
    for name in ("a.safetensors", "b.safetensors"):
        checkpoints.save_state(module, tmp_path / name, {"seed": 1, "data": "digits"})
    first, second = (tmp_path / name for name in ("a.safetensors", "b.safetensors"))
    assert first.read_bytes() == second.read_bytes()
    assert weights.load_state(other, first) is None
    assert state_dict_sha256(other.state_dict()) == state_dict_sha256(module.state_dict())


def test_tied_parameters_are_saved_and_loaded_and_stay_tied(tmp_path: Path) -> None:
    source, target = Tied(), Tied()
    checkpoints.save_state(source, tmp_path / "w.safetensors")
    weights.load_state(target, tmp_path / "w.safetensors")
    assert torch.equal(target.lm_head.weight, source.embed.weight)
    assert target.lm_head.weight is target.embed.weight


def test_a_module_without_tensors_is_saved_and_loaded(tmp_path: Path) -> None:
    checkpoints.save_state(nn.ReLU(), tmp_path / "w.safetensors")
    assert weights.load_state(nn.ReLU(), tmp_path / "w.safetensors") is None

"""Weights files that are refused: of another model, of two, damaged, or more than plain data."""

from __future__ import annotations

import argparse
import json
import zipfile
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from tests.checkpoint_files import Net, Tied, saved, state, under
from toolkit import weights
from toolkit.errors import REFUSED, WeightsError
from toolkit.hashing import state_dict_sha256
from toolkit.spec import ModelSpec, Port

SPEC = ModelSpec("net", Net, (Port("x", ("batch", 6)),))


def refusal(choice: Path | str) -> WeightsError:
    with pytest.raises(WeightsError) as refused:
        weights.materialize(SPEC, choice=str(choice))
    assert refused.value.exit_code == REFUSED
    assert refused.value.model == "net"
    return refused.value


# Of another model


def test_missing_unexpected_and_misshapen_names_are_all_named(tmp_path: Path) -> None:
    held = state()
    held["head.weight"] = held.pop("fc.weight")
    held["norm.weight"] = torch.zeros(11)
    held["fc.bias"] = torch.zeros(5, dtype=torch.int64)
    message = refusal(saved(tmp_path / "w.pth", held)).message
    assert "missing: fc.weight" in message
    assert "unexpected: head.weight" in message
    assert "norm.weight (11,) for (5,)" in message
    assert "fc.bias torch.int64" in message


def test_a_checkpoint_of_another_network_says_so_in_one_line(tmp_path: Path) -> None:
    other = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(8, 2)).state_dict()
    found = refusal(saved(tmp_path / "w.pth", {"model": other, "epoch": 3}))
    assert found.message.startswith(
        "w.pth is a checkpoint of another network: 0 of the 7 tensors that this model needs are in "
        "it; missing: fc.weight, fc.bias,"
    )
    assert "\n" not in found.message
    assert "the model that it was saved from" in str(found.hint)


def test_a_prefix_that_nearly_fits_names_the_nearest_mismatch(tmp_path: Path) -> None:
    held = state()
    del held["norm.running_var"]
    path = saved(tmp_path / "w.pth", {"state_dict": under("module.", held), "epoch": 3})
    found = refusal(path)
    assert found.message == "w.pth does not belong to this model: missing: norm.running_var"
    assert found.hint == (
        "the nearest that it holds (from 'state_dict'; prefix 'module.' dropped from every name): "
        "6 of 7 tensors agree"
    )


def test_the_same_network_of_another_size_points_at_the_constructor(tmp_path: Path) -> None:
    found = refusal(saved(tmp_path / "w.pth", under("module.", state(width=9))))
    assert "fc.weight (9, 6) for (5, 6)" in found.message
    assert "missing" not in found.message
    assert "--arg" in str(found.hint)


def test_one_tensor_of_the_model_that_is_two_in_the_file_is_refused(tmp_path: Path) -> None:
    held = Tied().state_dict()
    held["lm_head.weight"] = held["embed.weight"] + 1
    with pytest.raises(WeightsError, match=r"different in the file: embed\.weight and lm_head"):
        weights.load_state(Tied(), saved(tmp_path / "w.pth", held))


def test_a_name_that_is_not_tied_in_the_model_is_missing(tmp_path: Path) -> None:
    module = Tied()
    module.lm_head.weight = nn.Parameter(torch.zeros(7, 4))
    held = Tied().state_dict()
    del held["lm_head.weight"]
    with pytest.raises(WeightsError, match=r"missing: lm_head\.weight"):
        weights.load_state(module, saved(tmp_path / "w.pth", held))


def test_a_failed_load_leaves_the_module_as_it_was(tmp_path: Path) -> None:
    held, module = state(), Net()
    del held["norm.running_var"]
    before = state_dict_sha256(module.state_dict())
    with pytest.raises(WeightsError, match=r"norm\.running_var"):
        weights.load_state(module, saved(tmp_path / "w.pth", held))
    assert state_dict_sha256(module.state_dict()) == before


# Of more than one


def test_a_checkpoint_of_several_that_fit_names_a_key_for_each(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.pth", {"model": state(), "ema": {"module": state()}, "epoch": 3})
    found = refusal(path)
    assert "several sets of weights that fit" in found.message
    assert found.hint == "pick one: FILE:model, FILE:ema.module"


def test_two_prefixes_that_fit_name_a_key_for_each(tmp_path: Path) -> None:
    held = {**under("student.", state()), **under("teacher.", state())}
    found = refusal(saved(tmp_path / "w.ckpt", {"state_dict": held}))
    assert found.hint == "pick one: FILE:state_dict.student, FILE:state_dict.teacher"


def test_a_set_that_holds_a_tied_tensor_once_fits_as_much_as_one_that_holds_it_twice(
    tmp_path: Path,
) -> None:
    once = {"ema.embed.weight": torch.ones(7, 4)}
    path = saved(tmp_path / "w.pth", {**once, **under("model.", Tied().state_dict())})
    with pytest.raises(WeightsError, match="several sets of weights that fit this model"):
        weights.load_state(Tied(), path)


def test_other_weights_beside_the_models_prefix_need_a_word(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.pth", {**under("encoder.", state()), "head.weight": torch.ones(2)})
    found = refusal(path)
    assert found.message == (
        "w.pth holds this model under 'encoder.', and more beside it: head.weight"
    )
    assert str(found.hint).startswith("FILE:encoder takes the names under 'encoder.'")
    built = weights.materialize(SPEC, choice=f"{path}:encoder")
    assert built.weights.sha256 == state_dict_sha256(state())


def test_weights_of_a_loss_beside_names_without_a_prefix_are_unexpected(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.pth", {**state(), "loss_fn.weight": torch.ones(5)})
    assert "unexpected: loss_fn.weight" in refusal(path).message


def test_a_key_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.pth", {"model": state(), "epoch": 3})
    assert "model, epoch" in str(refusal(f"{path}:net").hint)
    assert "no named tensors under 'epoch'" in refusal(f"{path}:epoch").message
    flat = tmp_path / "w.safetensors"
    safetensors.torch.save_file(state(), flat)
    assert str(refusal(f"{flat}:model").hint) in ("there are: fc, norm", "there are: norm, fc")


def test_a_checkpoint_without_tensors_says_what_it_holds(tmp_path: Path) -> None:
    assert "only epoch, lr" in refusal(saved(tmp_path / "w.pth", {"epoch": 3, "lr": 0.1})).message
    assert "holds list" in refusal(saved(tmp_path / "w.pth", [1, 2])).message


def test_a_mapping_that_nests_itself_comes_to_an_end(tmp_path: Path) -> None:
    held: dict[str, object] = {"epoch": 3}
    held["again"] = held
    assert "no named tensors" in refusal(saved(tmp_path / "w.pth", held)).message


# More than plain data


class _Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


class _Options:
    pass


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_beside_a_namespace_is_executed(zipped: bool, tmp_path: Path) -> None:
    path, witness = tmp_path / "w.pth", tmp_path / "witness"
    held = {**state(), "args": argparse.Namespace(lr=_Touch(witness), _get_kwargs=print)}
    torch.save(held, path, _use_new_zipfile_serialization=zipped)
    assert "plain weights" in refusal(path).message
    assert not witness.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_in_a_pickle_is_executed(zipped: bool, tmp_path: Path) -> None:
    path, witness = tmp_path / "w.pth", tmp_path / "witness"
    held = {"fc.weight": _Touch(witness)}
    torch.save(held, path, _use_new_zipfile_serialization=zipped)
    assert "plain weights" in refusal(path).message
    assert not witness.exists()


def test_objects_beside_the_weights_are_named_and_torchs_advice_is_not_passed_on(
    tmp_path: Path,
) -> None:
    held = {"model": state(), "args": argparse.Namespace(a=_Options())}
    found = refusal(saved(tmp_path / "w.pth", held))
    assert "it holds Python objects (tests.test_checkpoints_refused._Options)" in found.message
    assert "weights_only" not in f"{found.message} {found.hint}"
    assert "torch.save(model.state_dict(), …)" in str(found.hint)


def test_a_whole_pickled_network_is_called_that(tmp_path: Path) -> None:
    found = refusal(saved(tmp_path / "w.pth", nn.Sequential(nn.Linear(2, 2))))
    assert "it is a whole pickled network" in found.message
    assert "torch.nn.modules.linear.Linear" in found.message


def test_a_torchscript_archive_is_refused_as_a_program(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    with pytest.warns((FutureWarning, DeprecationWarning)):
        torch.jit.save(torch.jit.script(Net().eval()), str(path))
    assert "TorchScript" in refusal(path).message


# Damaged, or no weights file


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.ckpt"])
@pytest.mark.parametrize("kept_bytes", [0, 10, 1500])
def test_a_truncated_file_is_refused(name: str, kept_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / name
    save = safetensors.torch.save_file if path.suffix == ".safetensors" else torch.save
    save(state(width=50), path)
    path.write_bytes(path.read_bytes()[:kept_bytes])
    assert path.name in refusal(path).message


@pytest.mark.parametrize("content", [b"<!DOCTYPE html>", b"\x93NUMPY", bytes(4000), b"text\n"])
def test_what_torch_did_not_write_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    message = refusal(path).message
    assert message.startswith("w.pth cannot be read: it is no checkpoint, or a torn one")
    assert "\n" not in message


def test_a_pickle_that_torch_did_not_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(b"\x80\x04}\x94\x8c\x09fc.weight\x94]\x94K\x01as.")
    assert "no checkpoint" in refusal(path).message


def test_a_pointer_in_place_of_the_weights_says_how_to_fetch_them(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    found = refusal(path)
    assert "pointer" in found.message
    assert found.hint == "git lfs pull fetches them"


def test_an_archive_that_unpacks_to_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    honest, path = saved(tmp_path / "honest.pth", state()), tmp_path / "w.pth"
    with zipfile.ZipFile(honest) as source, zipfile.ZipFile(path, "w") as target:
        for member in source.infolist():
            target.writestr(
                member.filename, source.read(member), compress_type=zipfile.ZIP_DEFLATED
            )
    assert "compressed" in refusal(path).message


def test_a_tensor_that_is_shorter_than_its_shape_says_is_refused(tmp_path: Path) -> None:
    honest, path = saved(tmp_path / "honest.pth", state()), tmp_path / "w.pth"
    with zipfile.ZipFile(honest) as source, zipfile.ZipFile(path, "w") as target:
        for member in source.infolist():
            content = source.read(member)
            short = content[:8] if member.filename.endswith("/data/0") else content
            target.writestr(member.filename, short)
    assert "w.pth cannot be read" in refusal(path).message


def test_a_file_that_is_not_there_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    assert "no weights file" in refusal(tmp_path / "w.pth").message
    (tmp_path / "w.onnx").write_bytes(b"")
    assert ".safetensors" in str(refusal(tmp_path / "w.onnx").hint)


def test_a_folder_is_answered_with_the_weights_files_in_it(tmp_path: Path) -> None:
    saved(tmp_path / "w.pth", state())
    assert refusal(tmp_path).hint == "name a file in it: w.pth"


@pytest.mark.parametrize(
    "content",
    [
        "torn {",
        "[]",
        json.dumps({"weight_map": {"fc.weight": "../w.pth"}}),
        json.dumps({"weight_map": {"fc.weight": "w.index.json"}}),
    ],
)
def test_an_index_that_names_no_files_beside_it_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "w.index.json").write_text(content)
    assert "w.index.json" in refusal(tmp_path / "w.index.json").message


def test_an_index_whose_shards_lack_a_tensor_names_it(tmp_path: Path) -> None:
    held = state()
    del held["fc.bias"]
    saved(tmp_path / "shard.bin", held)
    places = dict.fromkeys([*held, "fc.bias"], "shard.bin")
    (tmp_path / "w.index.json").write_text(json.dumps({"weight_map": places}))
    assert "no shard holds: fc.bias" in refusal(tmp_path / "w.index.json").message

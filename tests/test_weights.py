"""Where weights come from: trained and kept, seeded, constructed, or a file read strictly."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

from toolkit import checkpoints, weights
from toolkit.errors import REFUSED, BuildError, UsageError, WeightsError
from toolkit.events import Progress
from toolkit.folders import cache_folder
from toolkit.hashing import state_dict_sha256
from toolkit.spec import ModelSpec, Port, TrainingPlan
from toolkit.words import TrainingWords


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(784, 10)
        self.norm = nn.BatchNorm1d(10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.norm(self.fc(image))
        return scores


PLAN = TrainingPlan("digits", "cross_entropy", "accuracy", 0.5, epochs=1)
SPEC = ModelSpec("net", Net, (Port("image", ("batch", 784)),), (Port("logits", ("batch", 10)),))
TRAINED = replace(SPEC, training=PLAN)
SEEDED = replace(SPEC, document="A: a document")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLKIT_HOME", str(tmp_path / "home"))


def other_weights(seed: int = 7) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return Net().state_dict()


def refusal(choice: Path | str) -> WeightsError:
    with pytest.raises(WeightsError) as refused:
        weights.materialize(SPEC, choice=str(choice))
    assert refused.value.exit_code == REFUSED
    assert refused.value.model == "net"
    return refused.value


# Seeded and constructed


def test_an_entry_without_a_plan_is_seeded_and_says_so() -> None:
    built = weights.materialize(SEEDED, seed=3)
    assert (built.weights.origin, built.weights.seed) == ("random", 3)
    assert built.weights.sha256 == weights.materialize(SEEDED, seed=3).weights.sha256
    assert built.weights.sha256 != weights.materialize(SEEDED, seed=4).weights.sha256


def test_a_users_model_is_taken_as_it_is_constructed_in_eval_mode() -> None:
    built = weights.materialize(SPEC)
    assert built.weights.origin == "constructed"
    assert not built.module.training
    assert built.weights.sha256 == state_dict_sha256(built.module.state_dict())


def test_a_users_instance_is_copied_and_left_as_it_was() -> None:
    own = Net()
    own.fc.weight.requires_grad_(False)
    built = weights.materialize(replace(SPEC, build=lambda: own))
    assert built.module is not own
    assert own.training
    asked = {name: each.requires_grad for name, each in built.module.named_parameters()}
    assert (asked["fc.weight"], asked["norm.weight"]) == (False, True)


def test_random_weights_are_taken_in_place_of_trained_ones_when_asked() -> None:
    built = weights.materialize(replace(TRAINED, document="A: a document"), choice="random")
    assert built.weights.origin == "random"
    assert not list(cache_folder().rglob("*.safetensors"))


def test_the_callers_random_state_is_untouched_by_building() -> None:
    before = torch.get_rng_state()
    weights.materialize(SPEC, seed=9)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_a_constructor_raises_is_told_by_its_type_and_message() -> None:
    def build() -> nn.Module:
        raise KeyError("hidden_size")

    with pytest.raises(BuildError, match="KeyError: 'hidden_size'"):
        weights.materialize(replace(SPEC, build=build))


def test_something_that_is_no_module_is_named() -> None:
    with pytest.raises(BuildError, match="gave dict"):
        weights.materialize(replace(SPEC, build=dict))  # type: ignore[arg-type]


# Trained


def test_trained_weights_are_reused_when_nothing_changed() -> None:
    first, second = weights.train(TRAINED), weights.train(TRAINED)
    assert (first.reused, second.reused) == (False, True)
    assert second.built.weights == first.built.weights
    assert second.built.weights.origin == "trained"
    assert second.built.weights.data == "digits"
    assert second.metric_value == first.metric_value
    assert second.seconds == first.seconds
    assert state_dict_sha256(second.built.module.state_dict()) == first.built.weights.sha256
    assert not second.built.module.training


def test_materialize_trains_once_and_then_reuses() -> None:
    seen: list[Progress] = []
    first = weights.materialize(TRAINED, observe=seen.append)
    assert seen
    seen.clear()
    assert weights.materialize(TRAINED, observe=seen.append).weights == first.weights
    assert not seen


@pytest.mark.parametrize(
    ("spec", "options"),
    [
        (TRAINED, {"seed": 1}),
        (TRAINED, {"training": TrainingWords(epochs=2)}),
        (TRAINED, {"fresh": True}),
        (replace(TRAINED, training=replace(PLAN, learning_rate=1e-2)), {}),
        (replace(TRAINED, build=lambda: nn.Linear(784, 10)), {}),
    ],
    ids=["seed", "epochs", "fresh", "plan", "model"],
)
def test_weights_are_trained_again_when_something_changed(
    spec: ModelSpec, options: dict[str, Any]
) -> None:
    weights.train(TRAINED)
    assert not weights.train(spec, **options).reused


def test_the_floor_decides_whether_the_metric_is_met() -> None:
    entry = weights.train(TRAINED)
    strict = replace(TRAINED, training=replace(PLAN, floor=1.1))
    assert (entry.met, weights.train(strict).met) == (True, False)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-40] ^= 0xFF
    path.write_bytes(bytes(content))


def _forget(path: Path) -> None:
    safetensors.torch.save_file(other_weights(), path)


@pytest.mark.parametrize("damage", [_cut, _flip, _forget])
def test_a_damaged_cache_file_is_trained_again(damage: Callable[[Path], None]) -> None:
    first = weights.train(TRAINED)
    (kept,) = (cache_folder() / "weights").iterdir()
    damage(kept)
    second = weights.train(TRAINED)
    assert not second.reused
    assert second.built.weights.sha256 == first.built.weights.sha256
    assert weights.train(TRAINED).reused


def test_kept_weights_say_where_they_came_from() -> None:
    entry = weights.train(TRAINED, seed=4)
    (kept,) = (cache_folder() / "weights").iterdir()
    assert kept.name.startswith("net-")
    told = checkpoints.read_facts(kept)
    assert (told["origin"], told["seed"], told["data"]) == ("trained", 4, "digits")
    assert told["sha256"] == entry.built.weights.sha256


def test_a_model_without_a_plan_cannot_be_trained() -> None:
    with pytest.raises(UsageError, match="no training plan"):
        weights.train(SEEDED)


# Files


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.pt"])
def test_a_weights_file_is_loaded(name: str, tmp_path: Path) -> None:
    state, path = other_weights(), tmp_path / name
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(state, path)
    built = weights.materialize(SPEC, choice=str(path))
    assert built.weights.origin == "file"
    assert built.weights.sha256 == state_dict_sha256(state)


@pytest.mark.parametrize("key", ["model", "ema.model"])
def test_a_nested_key_is_picked(key: str, tmp_path: Path) -> None:
    wanted, path = other_weights(1), tmp_path / "w.pth"
    torch.save({"model": wanted, "ema": {"model": wanted}, "epoch": 3}, path)
    built = weights.materialize(SPEC, choice=f"{path}:{key}")
    assert built.weights.sha256 == state_dict_sha256(wanted)


def test_a_checkpoint_of_several_things_says_which_keys_there_are(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save({"model": other_weights(), "epoch": 3}, path)
    assert "FILE:model" in str(refusal(path).hint)
    assert "model, epoch" in str(refusal(f"{path}:net").hint)


def test_missing_unexpected_and_misshapen_names_are_all_named(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    state = other_weights()
    state["head.weight"] = state.pop("fc.weight")
    state["norm.weight"] = torch.zeros(11)
    state["fc.bias"] = torch.zeros(10, dtype=torch.int64)
    torch.save(state, path)
    message = refusal(path).message
    assert "missing: fc.weight" in message
    assert "unexpected: head.weight" in message
    assert "norm.weight (11,) for (10,)" in message
    assert "fc.bias torch.int64" in message


def test_the_prefix_of_a_wrapper_is_pointed_out(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save({f"module.{name}": value for name, value in other_weights().items()}, path)
    assert "module." in str(refusal(path).hint)


def test_nothing_in_a_pickle_is_executed(tmp_path: Path) -> None:
    path, witness = tmp_path / "w.pth", tmp_path / "witness"
    torch.save({"fc.weight": _Touch(witness)}, path)
    assert "plain weights" in refusal(path).message
    assert not witness.exists()


class _Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_a_torchscript_archive_is_refused_as_a_program(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    with pytest.warns((FutureWarning, DeprecationWarning)):
        torch.jit.save(torch.jit.script(Net().eval()), str(path))
    assert "TorchScript" in refusal(path).message


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
@pytest.mark.parametrize("kept_bytes", [0, 10, 5000])
def test_a_truncated_file_is_refused(name: str, kept_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / name
    save = safetensors.torch.save_file if path.suffix == ".safetensors" else torch.save
    save(other_weights(), path)
    path.write_bytes(path.read_bytes()[:kept_bytes])
    assert path.name in refusal(path).message


def test_an_archive_that_unpacks_to_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    honest, path = tmp_path / "honest.pth", tmp_path / "w.pth"
    torch.save(other_weights(), honest)
    with zipfile.ZipFile(honest) as source, zipfile.ZipFile(path, "w") as target:
        for member in source.infolist():
            target.writestr(
                member.filename, source.read(member), compress_type=zipfile.ZIP_DEFLATED
            )
    assert "compressed" in refusal(path).message


def test_a_file_that_is_not_there_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    assert "no weights file" in refusal(tmp_path / "w.pth").message
    (tmp_path / "w.onnx").write_bytes(b"")
    assert ".safetensors" in str(refusal(tmp_path / "w.onnx").hint)


def test_a_failed_load_leaves_the_module_as_it_was(tmp_path: Path) -> None:
    path, module = tmp_path / "w.pth", Net()
    state = other_weights()
    del state["norm.running_var"]
    torch.save(state, path)
    before = state_dict_sha256(module.state_dict())
    with pytest.raises(WeightsError, match=r"norm\.running_var"):
        weights.load_state(module, path)
    assert state_dict_sha256(module.state_dict()) == before


def test_saved_weights_are_the_same_bytes_twice_and_come_back(tmp_path: Path) -> None:
    module = Net()
    for name in ("a.safetensors", "b.safetensors"):
        checkpoints.save_state(module, tmp_path / name, {"seed": 1, "data": "digits"})
    first, second = (tmp_path / name for name in ("a.safetensors", "b.safetensors"))
    assert first.read_bytes() == second.read_bytes()
    other = Net()
    weights.load_state(other, first)
    assert state_dict_sha256(other.state_dict()) == state_dict_sha256(module.state_dict())


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)
        self.second.weight = self.first.weight


def test_tied_parameters_are_saved_and_loaded_and_stay_tied(tmp_path: Path) -> None:
    source, target = Tied(), Tied()
    checkpoints.save_state(source, tmp_path / "w.safetensors")
    weights.load_state(target, tmp_path / "w.safetensors")
    assert torch.equal(target.second.weight, source.first.weight)
    assert target.second.weight is target.first.weight

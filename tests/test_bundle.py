"""The folder of an exported model: written whole, read with suspicion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import nn

from toolkit import bundle
from toolkit.bundle import exchange, golden, manifest, trust
from toolkit.bundle.golden import GoldenCase
from toolkit.errors import BundleError, RefusedError
from toolkit.hashing import bytes_sha256, file_sha256, state_dict_sha256
from toolkit.spec import Dimension, ModelSpec, Port
from toolkit.weights import Built, WeightsRecord


def _built(seed: int = 0) -> Built:
    torch.manual_seed(seed)
    module = nn.Linear(4, 2).eval()
    spec = ModelSpec(
        "linear",
        lambda: nn.Linear(4, 2),
        (Port("x", ("batch", 4), low=-1, high=1),),
        (Port("y", ("batch", 2)),),
        (Dimension("batch", 1, 64, traced_at=4, usual=8),),
    )
    record = WeightsRecord("random", state_dict_sha256(module.state_dict()), seed)
    return Built(spec, module, record)


def _case(seed: int = 0, size: int = 3) -> GoldenCase:
    values = np.random.default_rng(seed).normal(size=(size, 4)).astype(np.float32)
    return GoldenCase({"x": values}, {"y": values[:, :2]}, {"y": values[:, :2].astype(float)})


def _write(folder: Path, *, content: bytes = b"program", word: str = "linear") -> Path:
    with bundle.writing(folder, _built(), word) as writer:
        path = writer.folder / "model.pt2"
        path.write_bytes(content)
        writer.add_form("pt2", path, warnings=["a warning"])
        writer.add_refusal("script", "lambda", "limit")
        writer.add_weights()
        writer.add_golden([_case(0), _case(1)])
    return folder


def test_a_bundle_says_what_it_holds(tmp_path: Path) -> None:
    found = bundle.read(_write(tmp_path / "linear"))
    listed = {entry.path: entry for entry in found.manifest.files}
    assert set(listed) == {"model.pt2", "weights.safetensors", "golden.npz"}
    assert listed["model.pt2"].sha256 == bytes_sha256(b"program")
    assert listed["model.pt2"].size_bytes == 7
    assert listed["model.pt2"].warnings == ["a warning"]
    assert [(entry.format, entry.status) for entry in found.manifest.refused] == [
        ("script", "limit")
    ]
    assert found.path("pt2") == tmp_path / "linear" / "model.pt2"
    assert found.manifest.weights.sha256 == _built().weights.sha256
    assert found.spec.inputs == _built().spec.inputs
    assert found.spec.dimensions == _built().spec.dimensions
    with pytest.raises(BundleError, match="holds no onnx"):
        found.path("onnx")


def test_two_bundles_of_the_same_weights_are_byte_identical(tmp_path: Path) -> None:
    folders = [_write(tmp_path / name / "linear") for name in ("a", "b")]
    for name in sorted(path.name for path in folders[0].iterdir()):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("lenet5", "lenet5"),
        ("/home/someone/net.py:Net", "net.py:Net"),
        ("../someone/net.py:Net", "net.py:Net"),
        (r"C:\Users\someone\net.py:Net", "net.py:Net"),
        ("/home/someone/model.onnx", "model.onnx"),
        ("package.module:Net", "package.module:Net"),
        ("hf:owner/name", "hf:owner/name"),
        ("torchvision:resnet50", "torchvision:resnet50"),
    ],
)
def test_the_word_in_the_manifest_says_nothing_about_folders(word: str, kept: str) -> None:
    assert manifest.portable_word(word) == kept


def test_a_new_bundle_takes_the_place_of_the_old_one_whole(tmp_path: Path) -> None:
    folder = _write(tmp_path / "linear", content=b"old")
    (folder / "left-over").write_text("x")
    _write(folder, content=b"new")
    assert (folder / "model.pt2").read_bytes() == b"new"
    assert not (folder / "left-over").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["linear"]


def _write_elsewhere(folder: Path) -> None:
    with bundle.writing(folder, _built(), "linear") as writer:
        (writer.folder / "model.pt2").write_bytes(b"new")
        writer.add_form("pt2", folder / "model.pt2")


def test_a_failed_write_leaves_the_old_bundle_and_nothing_else(tmp_path: Path) -> None:
    folder = _write(tmp_path / "linear", content=b"old")
    with pytest.raises(BundleError, match="not written into"):
        _write_elsewhere(folder)
    assert (folder / "model.pt2").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["linear"]


def test_without_an_exchange_of_folders_two_renames_do_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "_exchanged", lambda *_: False)
    folder = _write(tmp_path / "linear", content=b"old")
    _write(folder, content=b"new")
    assert (folder / "model.pt2").read_bytes() == b"new"
    assert {path.name for path in tmp_path.iterdir()} <= {"linear", ".linear.lock"}


def test_a_crash_between_the_renames_is_mended_by_the_next_reader(tmp_path: Path) -> None:
    folder = _write(tmp_path / "linear", content=b"old")
    folder.rename(tmp_path / ".linear.previous")
    assert bundle.read(folder).path("pt2").read_bytes() == b"old"


def test_what_a_dead_writer_left_is_cleared_and_what_a_living_one_holds_is_not(
    tmp_path: Path,
) -> None:
    dead = tmp_path / ".linear.partial-dead"
    dead.mkdir()
    with bundle.writing(tmp_path / "linear", _built(), "linear") as living:
        _write(tmp_path / "linear")
        assert not dead.exists()
        assert living.folder.exists()


def test_a_folder_that_is_no_bundle_is_not_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter").write_text("years of work")
    with pytest.raises(BundleError, match="no bundle"):
        _write(folder)
    assert (folder / "chapter").read_text() == "years of work"


def test_altered_and_missing_files_are_told_apart(tmp_path: Path) -> None:
    folder = _write(tmp_path / "linear")
    (folder / "model.pt2").write_bytes(b"pr0gram")
    (folder / "golden.npz").unlink()
    found = {entry.path: entry.status for entry in bundle.file_statuses(bundle.read(folder))}
    assert found == {"golden.npz": "missing", "model.pt2": "altered", "weights.safetensors": "ok"}
    with pytest.raises(BundleError, match=r"golden\.npz is missing"):
        bundle.require_whole(bundle.read(folder))


def test_a_link_in_a_bundle_is_altered_and_not_followed(tmp_path: Path) -> None:
    folder = _write(tmp_path / "linear")
    (folder / "model.pt2").rename(tmp_path / "elsewhere")
    (folder / "model.pt2").symlink_to(tmp_path / "elsewhere")
    found = bundle.read(folder)
    assert {entry.path: entry.status for entry in bundle.file_statuses(found)}[
        "model.pt2"
    ] == "altered"
    with pytest.raises(BundleError, match="no plain file"):
        found.path("pt2")


def _edit(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "manifest.json"
    tree = json.loads(path.read_text())
    edit(tree)
    path.write_text(json.dumps(tree))


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", "..", "", "a\\b", "c:d"])
def test_a_file_name_that_leads_out_of_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    folder = _write(tmp_path / "linear")
    _edit(folder, lambda tree: tree["files"][0].update(path=name))
    with pytest.raises(BundleError, match="plain file name"):
        bundle.read(folder)


def test_a_newer_manifest_is_refused_with_the_way_out(tmp_path: Path) -> None:
    folder = _write(tmp_path / "linear")
    _edit(folder, lambda tree: tree.update(schema_version=2))
    with pytest.raises(BundleError, match="schema version is 2") as caught:
        bundle.read(folder)
    assert "update" in str(caught.value.hint)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_a_damaged_manifest_is_a_bundle_error(text: str, tmp_path: Path) -> None:
    folder = _write(tmp_path / "linear")
    (folder / "manifest.json").write_text(text)
    with pytest.raises(BundleError):
        bundle.read(folder)


def test_the_parity_summary_is_filled_in_without_touching_the_rest(tmp_path: Path) -> None:
    folder = _write(tmp_path / "linear")
    before = bundle.read(folder).manifest
    bundle.update_parity(folder, {"pt2": {"status": "pass", "score": 1.5}})
    after = bundle.read(folder).manifest
    assert after.parity == {"pt2": {"status": "pass", "score": 1.5}}
    assert after.model_copy(update={"parity": None}) == before


def test_weights_that_share_memory_are_written_each(tmp_path: Path) -> None:
    built = _built()
    tied = nn.Sequential(built.module, built.module)
    with bundle.writing(
        tmp_path / "tied", Built(built.spec, tied, built.weights), "tied"
    ) as writer:
        writer.add_weights()
    stored = load_file(tmp_path / "tied" / "weights.safetensors")
    assert set(stored) == {"0.weight", "0.bias", "1.weight", "1.bias"}
    np.testing.assert_array_equal(stored["0.weight"], stored["1.weight"])


def test_golden_cases_come_back_as_they_were(tmp_path: Path) -> None:
    [first, second] = bundle.read(_write(tmp_path / "linear")).golden()
    np.testing.assert_array_equal(first.inputs["x"], _case(0).inputs["x"])
    np.testing.assert_array_equal(second.eager["y"], _case(1).eager["y"])
    assert second.oracle["y"].dtype == np.float64


def test_golden_cases_beyond_the_limit_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "golden.npz"
    cases = [_case(0), _case(1, size=10_000), _case(2)]
    assert golden.write(path, cases, limit_bytes=20_000) == 2
    assert path.stat().st_size <= 20_000
    kept = golden.read(path)
    np.testing.assert_array_equal(kept[1].inputs["x"], cases[2].inputs["x"])


def test_golden_files_that_would_unpack_to_more_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "golden.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("0000/inputs/x.npy", bytes(10**7))
    with pytest.raises(BundleError, match="compressed"):
        golden.read(path)
    objects: dict[str, Any] = {"0000/inputs/x": np.array([{}], dtype=object)}
    np.savez(path, **objects)
    with pytest.raises(BundleError):
        golden.read(path)


def test_an_array_header_that_claims_more_than_is_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "golden.npz"
    header = np.lib.format.magic(1, 0)
    text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    text += b" " * (118 - len(text) - 1) + b"\n"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("0000/inputs/x.npy", header + len(text).to_bytes(2, "little") + text)
    with pytest.raises(BundleError, match="header"):
        golden.read(path)


def test_a_program_is_trusted_only_when_this_user_wrote_it(tmp_path: Path) -> None:
    folder = _write(tmp_path / "linear", content=b"ours")
    trust.require_trusted(folder / "model.pt2", "pt2", trust=False)
    stranger = tmp_path / "stranger.pt"
    stranger.write_bytes(b"theirs")
    with pytest.raises(RefusedError, match="did not write") as caught:
        trust.require_trusted(stranger, "script", trust=False)
    assert "--trust" in str(caught.value.hint)
    trust.require_trusted(stranger, "script", trust=True)
    (tmp_path / "graph.onnx").write_bytes(b"no program")
    trust.require_trusted(tmp_path / "graph.onnx", "onnx", trust=False)


def test_many_processes_remember_at_once(tmp_path: Path) -> None:
    code = "import sys; from toolkit.bundle.trust import remember\n" + (
        "for i in range(50): remember(f'{int(sys.argv[1]) * 50 + i:064x}')"
    )
    environment = {**os.environ, "TOOLKIT_HOME": str(tmp_path)}
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(number)], env=environment)
        for number in range(3)
    ]
    assert [process.wait() for process in running] == [0, 0, 0]
    lines = (tmp_path / "state" / "written.txt").read_text().splitlines()
    assert sorted(lines) == [f"{number:064x}" for number in range(150)]


def test_a_torn_line_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLKIT_HOME", str(tmp_path))
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "written.txt").write_text("abc\n\n")
    assert not trust.is_ours("abc")
    assert not trust.is_ours("")
    trust.remember("f" * 64)
    assert trust.is_ours("f" * 64)


def test_a_state_dicts_hash_is_that_of_its_values(tmp_path: Path) -> None:
    values = torch.arange(6.0).reshape(2, 3)
    digest = state_dict_sha256({"a": values, "b": torch.tensor(1)})
    assert digest == state_dict_sha256({"b": torch.tensor(1), "a": values.T.contiguous().T})
    assert digest != state_dict_sha256({"a": values.reshape(3, 2), "b": torch.tensor(1)})
    assert digest != state_dict_sha256({"a": values.double(), "b": torch.tensor(1)})
    assert digest != state_dict_sha256({"c": values, "b": torch.tensor(1)})
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert file_sha256(path) == bytes_sha256(b"abc")


def test_a_number_without_axes_is_written_as_one(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"scale": np.array(2.0), "turned": np.ones((2, 3)).T}
    golden.write_arrays(tmp_path / "case.npz", arrays)
    with np.load(tmp_path / "case.npz", allow_pickle=False) as held:
        assert held["scale"].shape == ()
        assert held["turned"].shape == (3, 2)

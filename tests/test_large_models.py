"""Models whose weights do not fit into one ONNX file, with the limit lowered to a megabyte."""

from __future__ import annotations

import io
import json
import resource
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save
from torch import nn

import toolkit
from toolkit import bundle as bundles
from toolkit import formats
from toolkit.bundle.weights_file import write_state
from toolkit.errors import BundleError, ExportError, RefusedError
from toolkit.formats import onnx_file
from toolkit.formats.streaming import stream
from toolkit.hashing import file_sha256
from toolkit.options import BenchOptions
from toolkit.spec import ModelSpec, Port
from toolkit.weights import materialize

LIMIT_BYTES = 1_000_000
DATA = "model.onnx.data"
SIDE = 640


class Large(nn.Module):
    """Two layers of 1.6 MB each."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(SIDE, SIDE)
        self.second = nn.Linear(SIDE, SIDE)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(torch.tanh(self.first(x)))


SOURCE = f"""
import torch
from torch import nn


class Large(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear({SIDE}, {SIDE}), nn.Tanh(), nn.Linear({SIDE}, {SIDE}))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)
"""
INPUTS = {"x": f"batch,{SIDE}"}
SPEC = ModelSpec("large", Large, (Port("x", ("batch", SIDE)),), (Port("y", ("batch", SIDE)),))


@pytest.fixture(autouse=True)
def _low_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file, "LARGEST_SINGLE_FILE_BYTES", LIMIT_BYTES)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with an external file; for tests that do not change it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_file, "LARGEST_SINGLE_FILE_BYTES", LIMIT_BYTES)
        return _export(tmp_path_factory.mktemp("large"))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A bundle of the test's own."""
    return _export(tmp_path)


def _export(out: Path, names: tuple[str, ...] = ("onnx", "pt2")) -> Path:
    exported = toolkit.export(SPEC, formats=names, out=out)
    assert [form.status for form in exported.forms] == ["ok"] * len(names), exported
    assert exported.bundle is not None
    return Path(exported.bundle)


def _external(bundle: Path) -> list[dict[str, str]]:
    model = onnx.load(bundle / "model.onnx", load_external_data=False)
    tensors = [one for one in model.graph.initializer if one.external_data]
    return [{entry.key: entry.value for entry in one.external_data} for one in tensors]


def test_the_weights_lie_in_one_file_of_a_fixed_name(written: Path) -> None:
    assert sorted(path.name for path in written.iterdir()) == [
        *("golden.npz", "manifest.json", "model.onnx", DATA, "model.pt2", "weights.safetensors")
    ]
    assert {where["location"] for where in _external(written)} == {DATA}
    assert (written / "model.onnx").stat().st_size < 100_000


def test_large_tensors_begin_where_every_system_can_map_them(written: Path) -> None:
    large = [where for where in _external(written) if int(where["length"]) > 2**20]
    assert len(large) == 2
    assert [int(where["offset"]) % onnx_file.ALIGNMENT_BYTES for where in large] == [0, 0]


def test_the_manifest_holds_the_external_file_with_its_hash(written: Path) -> None:
    (entry,) = [one for one in bundles.read(written).manifest.files if one.role == "external-data"]
    data = written / DATA
    assert (entry.path, entry.format, entry.size_bytes) == (DATA, "onnx", data.stat().st_size)
    assert entry.sha256 == file_sha256(data)


def test_the_external_file_can_be_read_by_whoever_may_read_the_form(written: Path) -> None:
    modes = {stat.S_IMODE(path.stat().st_mode) for path in written.iterdir()}
    assert len(modes) == 1


def test_two_exports_give_the_same_bytes(written: Path, tmp_path: Path) -> None:
    again = _export(tmp_path)
    for path in sorted(written.iterdir()):
        assert (again / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_size_of_a_form_counts_its_external_file(tmp_path: Path) -> None:
    exported = toolkit.export(SPEC, formats=("onnx",), out=tmp_path)
    assert exported.bundle is not None
    parts = [Path(exported.bundle, name) for name in ("model.onnx", DATA)]
    assert exported.forms[0].size_bytes == sum(part.stat().st_size for part in parts)


@pytest.mark.parametrize("format_name", ["onnx", "onnx-legacy", "pt2"])
def test_a_form_over_the_limit_is_judged(format_name: str) -> None:
    (row,) = toolkit.check(SPEC, formats=(format_name,), budget_s=0.0)
    assert row.status == "pass", row.findings


def test_a_loaded_form_computes_what_the_model_computes(written: Path) -> None:
    x = np.random.default_rng(0).normal(size=(3, SIDE)).astype(np.float32)
    module = Large()
    module.load_state_dict(load_file(written / "weights.safetensors"))
    expected = module(torch.from_numpy(x)).detach().numpy()
    for name in ("onnx", "pt2"):
        given = toolkit.load(written, name).run({"x": x})["y"]
        np.testing.assert_allclose(given, expected, atol=1e-5)


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a user's file, and a bundle of its model whose code can be found again."""
    folder = tmp_path_factory.mktemp("named")
    (folder / "net.py").write_text(SOURCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_file, "LARGEST_SINGLE_FILE_BYTES", LIMIT_BYTES)
        patch.chdir(folder)
        toolkit.export("net.py:Large", inputs=INPUTS, formats=("onnx", "pt2"), out=folder)
    assert (folder / "net-Large" / DATA).is_file()
    return folder


@pytest.mark.slow
def test_a_bundle_is_checked_by_the_command(named: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", "check", "net-Large", "--budget", "1", "--json"],
        cwd=named,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["results"]
    assert {row["format"]: row["status"] for row in rows} == {"onnx": "pass", "pt2": "pass"}


@pytest.mark.slow
def test_the_size_in_a_latency_table_counts_the_external_file(
    named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(named)
    options = BenchOptions(variants=("onnx",), preset="quick")
    (comparison,) = toolkit.bench("net-Large", options=options)
    timed = next(one for one in comparison.variants if one.variant == "onnx")
    parts = [named / "net-Large" / name for name in ("model.onnx", DATA)]
    assert timed.size_bytes == sum(part.stat().st_size for part in parts)


def test_a_check_of_a_bundle_tells_of_an_altered_external_file(
    named: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(named / "net-Large", tmp_path / "net-Large")
    monkeypatch.chdir(named)
    _flip(copy / DATA)
    rows = toolkit.check(str(copy), failures=tmp_path, budget_s=0.0)
    told = {
        str(row.format): [found.message for found in row.findings if found.name == "altered"]
        for row in rows
    }
    assert [DATA in message for message in told["onnx"]] == [True]
    assert told["pt2"] == []


def test_a_second_export_that_fits_takes_the_old_external_file_away(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_file, "LARGEST_SINGLE_FILE_BYTES", 10 * LIMIT_BYTES)
    assert _export(own.parent, ("onnx",)) == own
    assert not (own / DATA).exists()
    assert (own / "model.onnx").stat().st_size > 2 * LIMIT_BYTES
    assert [path.name for path in own.parent.iterdir()] == [own.name]


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def test_an_altered_external_file_is_found(own: Path) -> None:
    _flip(own / DATA)
    with pytest.raises(BundleError, match=rf"{DATA} is altered"):
        toolkit.load(own)
    with pytest.raises(BundleError, match=rf"{DATA} is altered"):
        bundles.require_whole(bundles.read(own), "onnx")
    bundles.require_whole(bundles.read(own), "pt2")


def test_a_missing_external_file_is_found(own: Path) -> None:
    (own / DATA).unlink()
    with pytest.raises(BundleError, match=rf"{DATA} is missing"):
        toolkit.load(own)


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_an_external_file_that_is_a_link_is_refused(own: Path, kind: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (own / DATA).rename(elsewhere)
    link = Path.symlink_to if kind == "symbolic" else Path.hardlink_to
    link(own / DATA, elsewhere)
    with pytest.raises(RefusedError, match=r"link|altered"):
        toolkit.load(own)


def test_weights_are_the_same_bytes_as_from_memory(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).eval()
    module.register_buffer("turned", torch.arange(6.0).reshape(2, 3).T)
    write_state(module, tmp_path / "weights.safetensors")
    expected = {name: value.contiguous() for name, value in module.state_dict().items()}
    assert (tmp_path / "weights.safetensors").read_bytes() == save(expected)


def test_tensors_that_share_memory_are_written_each(tmp_path: Path) -> None:
    module = nn.ModuleDict({"a": nn.Linear(4, 4), "b": nn.Linear(4, 4)})
    module["b"].weight = module["a"].weight
    write_state(module, tmp_path / "weights.safetensors")
    read = load_file(tmp_path / "weights.safetensors")
    assert sorted(read) == ["a.bias", "a.weight", "b.bias", "b.weight"]
    assert torch.equal(read["a.weight"], read["b.weight"])


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow beyond 100 kB in this process: what a full disk says, without one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("full_disk")
@pytest.mark.parametrize("format_name", ["onnx", "pt2"])
def test_a_form_that_the_disk_does_not_take_leaves_nothing(
    format_name: str, tmp_path: Path
) -> None:
    exporter = formats.get(format_name)
    with pytest.raises(ExportError, match="File too large"):
        exporter.export(materialize(SPEC), tmp_path / exporter.filename)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("full_disk")
def test_weights_that_the_disk_does_not_take_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"weights\.safetensors.*File too large"):
        write_state(Large(), tmp_path / "weights.safetensors")


def test_what_is_streamed_has_the_same_bytes_as_from_memory(tmp_path: Path) -> None:
    program = torch.export.export(Large().eval(), (torch.zeros(2, SIDE),))
    memory = io.BytesIO()
    torch.export.save(program, memory)
    stream(lambda file: torch.export.save(program, file), tmp_path / "model.pt2")
    assert (tmp_path / "model.pt2").read_bytes() == memory.getvalue()


def test_a_bundle_names_no_place_of_this_machine(written: Path, tmp_path: Path) -> None:
    local = str(written.parent.parent).encode()
    assert not [path.name for path in written.iterdir() if local in path.read_bytes()]
    assert str(tmp_path.parent) not in json.dumps(
        json.loads((written / "manifest.json").read_text())
    )

"""The same weights give the same bytes, and no byte says where they were exported."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.formats.networks import build
from toolkit import formats
from toolkit.formats import archive

CHECKOUT = Path(__file__).resolve().parents[2]
REPEATABLE = ("onnx", "pt2", "script", "onnx-legacy")

# Another order of sets, another network compiled before, another folder.
ELSEWHERE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tests.formats.networks import build
from toolkit import formats
out = Path(sys.argv[2])
formats.get("script").export(build("convolutional"), out / "first.pt")
for name in ("recurrent", "generator"):
    for exporter in map(formats.get, sys.argv[3:]):
        exporter.export(build(name), out / f"{name}.{exporter.filename}")
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exports of another process."""
    folder = tmp_path_factory.mktemp("elsewhere")
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TOOLKIT_HOME": str(folder / "home")}
    subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(CHECKOUT), str(folder), *REPEATABLE],
        env=environment,
        check=True,
        capture_output=True,
    )
    return folder


@pytest.mark.parametrize("format_name", REPEATABLE)
@pytest.mark.parametrize("name", ["recurrent", "generator"])
def test_a_second_export_is_byte_identical_in_this_process_and_in_another(
    name: str, format_name: str, elsewhere: Path, tmp_path: Path
) -> None:
    exporter = formats.get(format_name)
    exports = []
    for attempt in ("first", "second"):
        path = tmp_path / attempt
        path.mkdir()
        exporter.export(build(name), path / exporter.filename)
        exports.append((path / exporter.filename).read_bytes())
    assert exports[0] == exports[1]
    assert exports[0] == (elsewhere / f"{name}.{exporter.filename}").read_bytes()


def test_other_weights_are_other_bytes(tmp_path: Path) -> None:
    for format_name in REPEATABLE:
        exporter = formats.get(format_name)
        exporter.export(build("perceptron", seed=0), tmp_path / "a")
        exporter.export(build("perceptron", seed=1), tmp_path / "b")
        assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


@pytest.mark.filterwarnings(
    "ignore:.torch.jit:FutureWarning", "ignore:.torch.jit:DeprecationWarning"
)
def test_the_class_numbers_of_a_process_do_not_reach_the_archive(tmp_path: Path) -> None:
    class Small(torch.nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.first = torch.nn.Linear(4, width)
            self.second = torch.nn.Linear(width, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hidden: torch.Tensor = self.first(x)
            answer: torch.Tensor = self.second(hidden)
            return answer

    buffers = []
    for noise in (3, 5):
        torch.jit.script(Small(noise))
        torch.manual_seed(0)
        stream = io.BytesIO()
        torch.jit.save(torch.jit.script(Small(7)), stream)
        members = archive.canonical(archive.members(stream.getvalue()))
        buffers.append(archive.packed(members))
        code = [name for name in members if name.startswith("code/")]
        assert sum("___torch_mangle_0" in name for name in code) == 1
        assert not any("___torch_mangle_1" in name for name in code)
    assert buffers[0] == buffers[1]


USER, HOST, HOME, FOLDER = "zaphodb", "magrathea-42", "/tmp/heart-of-gold", "improbability"

NETWORK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 6)
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        y, _ = self.lstm(x)
        if y.dim() > 5:
            y = y * 2
        return torch.tanh(self.head(y))
"""

STRANGER = """
import importlib.util
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import torch
from toolkit import bundle, formats
from toolkit.hashing import state_dict_sha256
from toolkit.spec import ModelSpec, Port
from toolkit.weights import Built, WeightsRecord
source = Path.cwd() / "network.py"
module_spec = importlib.util.spec_from_file_location("network", source)
module = importlib.util.module_from_spec(module_spec)
sys.modules["network"] = module
module_spec.loader.exec_module(module)
torch.manual_seed(0)
net = module.Net().eval()
spec = ModelSpec("net", module.Net, (Port("x", ("time", "batch", 4)),))
built = Built(spec, net, WeightsRecord("constructed", state_dict_sha256(net.state_dict()), 0))
with bundle.writing(Path("exported/net"), built, f"{source}:Net") as writer:
    for exporter in map(formats.get, formats.NAMES):
        exported = exporter.export(built, writer.folder / exporter.filename)
        writer.add_form(exporter.name, exported.path, opset=exported.opset,
                        warnings=exported.warnings, extra=exported.extra)
    writer.add_weights()
"""


def _pieces(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """A file, and what its archives hold, unpacked."""
    yield name, data
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for info in packed.infolist():
                yield from _pieces(f"{name}/{info.filename}", packed.read(info))


def test_no_byte_of_a_bundle_names_the_folder_home_user_or_host(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    (folder / "network.py").write_text(NETWORK)
    environment = {
        **os.environ,
        "HOME": HOME,
        "USER": USER,
        "LOGNAME": USER,
        "HOSTNAME": HOST,
        "TOOLKIT_HOME": str(tmp_path / "state"),
    }
    subprocess.run(
        [sys.executable, "-c", STRANGER, str(CHECKOUT)],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
    )
    bundle_folder = folder / "exported" / "net"
    found = sorted(path.name for path in bundle_folder.iterdir())
    assert found == [
        "manifest.json",
        "model.legacy.onnx",
        "model.onnx",
        "model.pt2",
        "model.script.pt",
        "model.trace.pt",
        "weights.safetensors",
    ]
    local = [word.encode() for word in (FOLDER, HOME, USER, HOST, "site-packages", str(CHECKOUT))]
    for path in bundle_folder.iterdir():
        for piece, data in _pieces(path.name, path.read_bytes()):
            named = [word for word in local if word.lower() in data.lower()]
            assert not named, f"{piece} names {named}"

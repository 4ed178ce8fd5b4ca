"""Nothing of the machine that exported is in a bundle, and the next machine writes the same."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(8, 16)
        self.second = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(torch.relu(self.first(x)))
"""
SECRETS = ("quastenflosser", "zwirbelbart", "knusperhaus", "moosgrotte")
"""A folder, a home, a user and a host: names that no library has."""

SAME_BYTES = ("model.onnx", "model.pt2", "model.script.pt", "weights.safetensors", "golden.npz")


def export(place: Path, secrets: tuple[str, ...]) -> Path:
    """The bundle that a machine of these names writes."""
    folder, home, user, host = secrets
    work = place / folder
    (place / home).mkdir(parents=True)
    work.mkdir()
    (work / f"{folder}_net.py").write_text(SOURCE)
    environment = {**os.environ, "HOME": str(place / home), "USER": user, "LOGNAME": user}
    environment |= {"HOSTNAME": host, "TOOLKIT_HOME": str(place / home / "toolkit")}
    (work / "run").mkdir()
    word = f"{work / f'{folder}_net.py'}:Net"
    words = ["export", word, "--input", "x=batch,8", "-o", "out", "--json"]
    ended = subprocess.run(
        [sys.executable, "-m", "toolkit", *words],
        cwd=work / "run",
        env=environment,
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    (model,) = json.loads(ended.stdout)["models"]
    assert [form["status"] for form in model["forms"]] == ["ok"] * 4
    return work / "run" / str(model["bundle"])


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same module file by two machines whose every name differs, but for the file's own."""
    place = tmp_path_factory.mktemp("machines")
    first = export(place / "one" / SECRETS[0], ("mine", *SECRETS[1:]))
    second = export(place / "two", ("mine", "home", "user", "host"))
    return first, second


def layers(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """A file and, where it is an archive, everything in it: nested archives too."""
    yield name, content
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist():
                inner = f"{name}/{member.filename}"
                yield f"{inner} (its name)", member.filename.encode()
                yield from layers(inner, archive.read(member))


def test_no_name_of_the_machine_is_in_any_byte_of_a_bundle(bundles: tuple[Path, Path]) -> None:
    found = []
    looked_at = 0
    private = [*SECRETS, str(bundles[0].parents[5]), "pytest-of"]
    for path in bundles[0].rglob("*"):
        for place, content in layers(path.name, path.read_bytes()):
            looked_at += 1
            found += [(place, name) for name in private if _holds(content, name)]
    assert found == []
    assert looked_at > 20


def _holds(content: bytes, name: str) -> bool:
    return any(name.encode(code) in content for code in ("utf-8", "utf-16-le", "utf-16-be"))


@pytest.mark.parametrize("name", SAME_BYTES)
def test_two_machines_write_the_same_bytes(bundles: tuple[Path, Path], name: str) -> None:
    first, second = (bundle / name for bundle in bundles)
    assert first.read_bytes() == second.read_bytes()


def test_two_manifests_differ_in_the_trace_alone(bundles: tuple[Path, Path]) -> None:
    first, second = (json.loads((bundle / "manifest.json").read_text()) for bundle in bundles)
    for manifest in (first, second):
        manifest["files"] = [one for one in manifest["files"] if one["path"] != "model.trace.pt"]
        assert len(manifest["files"]) == len(SAME_BYTES)
    assert first == second


def test_the_search_finds_a_name_in_a_nested_archive() -> None:
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("file", f"x {SECRETS[0]} x" * 9)
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())
    found = [
        place for place, content in layers("a", outer.getvalue()) if _holds(content, SECRETS[0])
    ]
    assert found == ["a/inner.zip/file"]

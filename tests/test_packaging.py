"""The wheel holds the engine and the architectures only, and works away from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath

import pytest

from tests.wheels import CHECKOUT, build_wheel
from toolkit._version import __version__

PLACES = """
import importlib.util, sys
for name in sys.argv[1:]:
    print(importlib.util.find_spec(name).origin)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources."""
    return build_wheel(tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def members(wheel: Path) -> dict[str, bytes]:
    """Every file of the wheel by its name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def information(members: dict[str, bytes]) -> dict[str, bytes]:
    """The files of its dist-info folder, by their place in it."""
    folder = f"torch_export_toolkit-{__version__}.dist-info/"
    return {
        name.removeprefix(folder): content
        for name, content in members.items()
        if name.startswith(folder)
    }


@pytest.fixture(scope="module")
def metadata(information: dict[str, bytes]) -> Message:
    """The headers that an installer reads."""
    return HeaderParser().parsestr(information["METADATA"].decode("utf-8"))


def files_of(folder: str) -> set[str]:
    """Every file of a source folder, relative to it."""
    root = CHECKOUT / folder
    found = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return {name for name in found if "__pycache__" not in PurePosixPath(name).parts}


def test_the_wheel_holds_the_files_of_toolkit_and_models_and_nothing_else(
    members: dict[str, bytes],
) -> None:
    engine = {f"toolkit/{name}" for name in files_of("toolkit")}
    architectures = {f"toolkit/models/{name}" for name in files_of("models")}
    code = {name for name in members if ".dist-info/" not in name}
    assert code == engine | architectures


def test_the_files_of_the_wheel_are_those_of_the_checkout(members: dict[str, bytes]) -> None:
    for folder, place in (("toolkit", "toolkit"), ("models", "toolkit/models")):
        for name in files_of(folder):
            assert members[f"{place}/{name}"] == (CHECKOUT / folder / name).read_bytes(), name


def test_models_stays_flat() -> None:
    assert [name for name in files_of("models") if "/" in name] == []


def test_no_folder_of_the_engine_is_called_models() -> None:
    assert not (CHECKOUT / "toolkit" / "models").exists()


def test_the_metadata_names_the_distribution_and_its_licence(metadata: Message) -> None:
    assert metadata["Name"] == "torch-export-toolkit"
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"


def test_the_readme_is_the_description(metadata: Message) -> None:
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload() == (CHECKOUT / "README.md").read_text(encoding="utf-8")


def test_the_licence_travels_with_the_wheel(information: dict[str, bytes]) -> None:
    text = information["licenses/LICENSE"]
    assert text == (CHECKOUT / "LICENSE").read_bytes()
    assert b"Apache License" in text


def test_the_command_is_called_toolkit(information: dict[str, bytes]) -> None:
    lines = information["entry_points.txt"].decode("ascii").split()
    assert lines[:4] == ["[console_scripts]", "toolkit", "=", "toolkit.cli:main"]


def test_type_checkers_may_trust_the_annotations(members: dict[str, bytes]) -> None:
    assert "toolkit/py.typed" in members


def test_the_unpacked_wheel_answers_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    unpacked, elsewhere = tmp_path / "unpacked", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    modules = {"toolkit": "toolkit/__init__.py", "toolkit.models": "toolkit/models/__init__.py"}
    modules |= {f"toolkit.models.{Path(name).stem}": f"toolkit/models/{name}"
                for name in files_of("models") - {"__init__.py"}}  # fmt: skip
    child = subprocess.run(
        [sys.executable, "-c", PLACES, *modules],
        cwd=elsewhere,
        env=os.environ | {"PYTHONPATH": str(unpacked), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.splitlines() == [str(unpacked / place) for place in modules.values()]

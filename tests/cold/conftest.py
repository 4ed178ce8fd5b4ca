"""Exported once for all tests of cold starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cold.starting import LENET, exported
from toolkit import cold
from toolkit.stages.subject import Subject, prepare


@pytest.fixture(scope="session")
def lenet() -> Subject:
    return prepare(LENET)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cold")


@pytest.fixture(scope="session")
def onnx_start(lenet: Subject, folder: Path) -> cold.ColdStart:
    return exported(lenet, "onnx", folder)


@pytest.fixture(scope="session")
def trace_start(lenet: Subject, folder: Path) -> cold.ColdStart:
    return exported(lenet, "trace", folder)

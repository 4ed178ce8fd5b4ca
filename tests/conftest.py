"""What every test stands on: folders of its own, one thread, no colour, fixed seeds."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import settings

SEED = 0

# Before anything imports torch or a BLAS library, and for the child processes of the tests too.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# A script for each fault takes seconds; the tests of reproductions ask for theirs.
os.environ["TOOLKIT_REPRODUCTIONS"] = "0"

# What a terminal or a CI service sets must not change what is printed.
os.environ["NO_COLOR"] = "1"
for variable in ("FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES"):
    os.environ.pop(variable, None)
for variable in ("CI", "BUILD_NUMBER", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
    os.environ.pop(variable, None)

# Shared machines stall: the examples are the same in every run and none has a deadline.
settings.register_profile("toolkit", deadline=None, derandomize=True)
settings.load_profile("toolkit")


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's cache and state."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLKIT_HOME", str(tmp_path_factory.mktemp("toolkit-home")))
        yield


@pytest.fixture(autouse=True)
def _fixed_seeds() -> None:
    """Every test draws the same numbers, alone or among others."""
    random.seed(SEED)
    np.random.seed(SEED)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(SEED)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a CUDA device where there is none; torch is asked only if a test needs it."""
    needy = [item for item in items if item.get_closest_marker("cuda")]
    if needy and (reason := _why_no_cuda()):
        for item in needy:
            item.add_marker(pytest.mark.skip(reason=reason))


def _why_no_cuda() -> str | None:
    import torch

    if torch.cuda.is_available():
        return None
    return (
        "torch finds no CUDA device" if torch.version.cuda else "this torch is built without CUDA"
    )

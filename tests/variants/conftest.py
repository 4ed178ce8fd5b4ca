"""Each model is exported once for all tests of variants."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator

import pytest
import torch

from tests.variants import sources
from toolkit.variants import Source


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Source]:
    """A model with its forms, by its name."""

    @functools.cache
    def made(name: str) -> Source:
        return sources.source(name, tmp_path_factory.mktemp(name))

    return made


@pytest.fixture(scope="session")
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What torch compiles lies in a folder of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        if "TORCHINDUCTOR_CACHE_DIR" not in os.environ:
            folder = str(tmp_path_factory.mktemp("inductor"))
            patch.setenv("TORCHINDUCTOR_CACHE_DIR", folder)
        yield


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """The number of threads of the process is as it was."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)

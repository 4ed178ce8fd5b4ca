"""Measuring collects garbage before every set; what other tests left in memory is none of its."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _own_garbage() -> Iterator[None]:
    """A collection looks at what this test made alone: in a large process it takes a second."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()

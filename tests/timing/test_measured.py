"""What a process hands back: everything it measured, small enough for a pipe."""

from __future__ import annotations

from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest

from tests.timing.recorded import a_set, around
from toolkit.timing import Measured
from toolkit.timing.measured import Samples


def _fast(rounds: int = 12, calls: int = 2_000) -> Samples:
    """Blocks of a model of 22 µs, as a clock gives them."""
    rng = np.random.default_rng(0)
    return tuple(rng.normal(22_000, 300, calls).astype(np.int64) for _ in range(rounds))


def _sent(measured: Measured) -> bytes:
    """What a pipe between processes carries."""
    return bytes(ForkingPickler.dumps(measured))


def _returned(measured: Measured) -> Measured:
    returned = ForkingPickler.loads(_sent(measured))
    assert isinstance(returned, Measured)
    return returned


def test_every_sample_comes_back_from_another_process_as_it_was() -> None:
    measured = a_set({"eager": around(200, 1), "onnx": _fast()}, around(200, 2))
    returned = _returned(measured)
    assert (returned.baseline, returned.conditions) == ("eager", measured.conditions)
    for name, blocks in measured.samples_ns.items():
        for sent, got in zip(blocks, returned.samples_ns[name], strict=True):
            assert got.dtype == np.int64
            assert got.tolist() == sent.tolist()
    assert [block.tolist() for block in returned.twin_ns] == [b.tolist() for b in measured.twin_ns]


def test_samples_cross_the_pipe_in_a_fraction_of_their_size() -> None:
    blocks = _fast()
    sent = _sent(a_set({"onnx": blocks}))
    assert len(sent) < 0.25 * sum(block.nbytes for block in blocks)


@pytest.mark.parametrize("duration_ns", [0, 1, 2**31, 2**32, 2**62])
def test_a_duration_of_any_length_comes_back(duration_ns: int) -> None:
    returned = _returned(a_set({"eager": (np.array([duration_ns, 5], dtype=np.int64),)}))
    assert returned.samples_ns["eager"][0].tolist() == [duration_ns, 5]


def test_a_set_in_which_everything_failed_comes_back_too() -> None:
    returned = _returned(a_set({}, failed={"eager": "boom"}))
    assert (returned.samples_ns, returned.twin_ns, returned.rounds) == ({}, (), 0)


def test_what_the_rounds_took_is_the_sum_of_their_wall_times() -> None:
    assert a_set({"eager": around(200, 1)}, wall_s=0.25).spent_s == pytest.approx(3.0)

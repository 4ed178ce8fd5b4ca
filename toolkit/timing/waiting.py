"""How OpenMP's threads wait between calls: asleep, as those of every runtime that is timed.

torch's wheel brings libgomp, whose threads spin for milliseconds after a parallel region: of an
idle 50 ms two threads were seen to burn 5.5 ms of processor time, and 0.07 ms when told to sleep.
"""

from __future__ import annotations

import os

ASLEEP = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
"""For libgomp and for Intel's and LLVM's OpenMP; read once, when the library is loaded."""
_DECIDING = (*ASLEEP, "GOMP_SPINCOUNT")
"""All that decides it; the last has the last word with libgomp."""


def variables() -> dict[str, str]:
    """What a process that times is started with; what the user has set himself stays."""
    return {name: os.environ.get(name, value) for name, value in ASLEEP.items()}


def settings() -> dict[str, str]:
    """What this process was started with."""
    return {name: os.environ[name] for name in _DECIDING if name in os.environ}

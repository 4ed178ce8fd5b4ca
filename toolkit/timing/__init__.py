"""Timing: interleaved measurement, its statistics, and the machine that it ran on."""

from toolkit.timing.calls import Contestant
from toolkit.timing.comparison import Outcome, Timing, compare
from toolkit.timing.measured import Measured
from toolkit.timing.measuring import measure
from toolkit.timing.protocol import BUFFERS, Protocol
from toolkit.timing.statistics import Interval

__all__ = [
    "BUFFERS",
    "Contestant",
    "Interval",
    "Measured",
    "Outcome",
    "Protocol",
    "Timing",
    "compare",
    "measure",
]

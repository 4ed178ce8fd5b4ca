"""Timing: interleaved measurement, its statistics, and the machine that it ran on."""

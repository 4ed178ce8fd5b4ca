"""Weights files, read without running anything that stands in them, and loaded strictly."""

from toolkit.checkpoints.loading import load_state, own_state, read_state, take_over
from toolkit.checkpoints.saving import read_facts, save_state

__all__ = ["load_state", "own_state", "read_facts", "read_state", "save_state", "take_over"]

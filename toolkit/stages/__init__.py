"""The stages of one model: prepared, exported, checked, timed; values in, values out."""

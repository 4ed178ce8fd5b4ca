"""Parity: whether an exported form is as accurate as the model it came from."""

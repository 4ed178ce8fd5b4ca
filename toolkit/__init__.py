"""Takes a PyTorch model to a file that can be deployed, and proves it."""

from toolkit._version import __version__

__all__ = ["__version__"]

"""The version, alone in a file so that packaging and `toolkit --version` read it cheaply."""

__version__ = "0.1.0"

"""The results themselves, as JSON."""

from __future__ import annotations

from toolkit.results import Document, to_json


def format_json(document: Document) -> str:
    """The document as ASCII JSON, ready to be read again."""
    return to_json(document) + "\n"

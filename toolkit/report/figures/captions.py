"""The lines under a picture: what it shows, how it was measured, on which machine."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.report.caption import machine_line, versions_line
from toolkit.report.protocol import band_words, load_words, place_words, rounds_words, seed_words
from toolkit.results import Comparison, Document


def caption(document: Document, comparisons: Sequence[Comparison], says: str) -> list[str]:
    """What the picture says, the protocol, the machine, the versions and the command."""
    measured = [
        seed_words(comparisons),
        rounds_words(comparisons),
        band_words(comparisons),
        place_words(comparisons),
        load_words(comparisons),
    ]
    threads = {variant.threads for held in comparisons for variant in held.variants}
    return [
        says,
        " · ".join(part for part in measured if part),
        machine_line(document.environment, threads),
        versions_line(document),
        *([document.command_line] if document.command_line else []),
    ]

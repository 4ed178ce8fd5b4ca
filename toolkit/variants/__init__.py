"""Variants: ways to run a model, one small file each, which a latency table has rows for."""

from toolkit.variants.base import Source, Variant
from toolkit.variants.table import GROUP, OURS, Listed, get, listed, names
from toolkit.variants.words import Chosen, parse

__all__ = [
    "GROUP",
    "OURS",
    "Chosen",
    "Listed",
    "Source",
    "Variant",
    "get",
    "listed",
    "names",
    "parse",
]

"""Data sets for training: embedded ones, made ones, and others on request, each split once.

A set is named in every output and manifest. A further one is one function and a row in
`loading`.
"""

from toolkit.data.images import PADDED_SIDE, SIDE
from toolkit.data.loading import EMBEDDED, ON_REQUEST, identity, load, names
from toolkit.data.samples import DataSet, Samples, TensorSamples, Wanted

__all__ = [
    "EMBEDDED",
    "ON_REQUEST",
    "PADDED_SIDE",
    "SIDE",
    "DataSet",
    "Samples",
    "TensorSamples",
    "Wanted",
    "identity",
    "load",
    "names",
]

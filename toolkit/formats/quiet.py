"""Exporters write to loggers and warn; here that is kept off the terminal and kept as values."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

from torch.jit import TracerWarning  # type: ignore[attr-defined]

from toolkit.reasons import is_users, one_line


class PlainCallWarning(RuntimeWarning):
    """What the toolkit relies on inside torch is gone: the exporter is called as it is."""


_ABOUT_LIBRARIES = (DeprecationWarning, FutureWarning, PendingDeprecationWarning, ImportWarning)


@contextlib.contextmanager
def quietly() -> Iterator[list[str]]:
    """Nothing reaches stdout or stderr; the list is filled with the warnings when it ends.

    Deprecations are left out: they concern the libraries, not the model. One line a warning,
    repeats once.
    """
    said: list[str] = []
    threshold = logging.root.manager.disable
    with warnings.catch_warnings(record=True) as caught, contextlib.ExitStack() as stack:
        warnings.simplefilter("always")
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        logging.disable(max(threshold, logging.ERROR))
        try:
            yield said
        finally:
            logging.disable(threshold)
            said.extend(dict.fromkeys(map(_line, filter(_concerns_model, caught))))


def _concerns_model(warning: warnings.WarningMessage) -> bool:
    """The tracer's warnings and ours, and others where they come from outside the libraries."""
    if issubclass(warning.category, TracerWarning | PlainCallWarning):
        return True
    return not issubclass(warning.category, _ABOUT_LIBRARIES) and is_users(warning.filename)


def _line(warning: warnings.WarningMessage) -> str:
    if issubclass(warning.category, PlainCallWarning):
        return str(warning.message)
    where = f"{Path(warning.filename).name}:{warning.lineno}"
    return f"{warning.category.__name__} at {where}: {one_line(str(warning.message))}"

"""Saved runs: `NAME.json` in `baselines` of a folder of results, or any results file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from toolkit import results
from toolkit.baselines.cases import tables
from toolkit.baselines.changes import LEAST_SETS
from toolkit.errors import RefusedError, ResultsError, UsageError
from toolkit.folders import slug
from toolkit.results import Document
from toolkit.timing.statistics import NOISY_BAND
from toolkit.words import display_name, nearest_words

FOLDER = "baselines"
"""Where saved runs lie in a folder of results."""

_ENDING = ".json"
_NAME = re.compile(r"\w[\w.+-]{0,49}")
_INTERRUPTED = (130, 143)


class BaselineNotFoundError(UsageError):
    """No saved run goes by this word."""

    name = "baseline-not-found"


@dataclass(frozen=True)
class Baseline:
    """A saved run: the name that tables have for it, and the file that it was read from."""

    name: str
    path: Path
    document: Document


def require_name(name: str) -> None:
    """Raise `UsageError` for what cannot be the name of a saved run."""
    if name.endswith(_ENDING) or not _NAME.fullmatch(name) or slug(name) != name:
        raise UsageError(
            f"--save {name}: not a name",
            hint="up to 50 letters, digits and . _ + -; it says which run is meant, not where"
            " it is kept",
        )


def path_of(name: str, folder: Path) -> Path:
    """Where the saved run of a name lies in a folder of results."""
    return folder / FOLDER / f"{name}{_ENDING}"


def save(document: Document, name: str, folder: Path) -> Path:
    """Keep a run under a name in a folder of results, in place of one that has it already.

    Raises `UsageError` for a bad name, `RefusedError` for a run that nothing can be held
    against and `ResultsError` where the file cannot be written.
    """
    require_name(name)
    if document.exit_code in _INTERRUPTED:
        raise RefusedError("a run that was interrupted is no baseline: its cases are not all there")
    if not any(row.is_timed for table in tables(document) for row in table.rows.values()):
        raise RefusedError("nothing was timed: there is no baseline to save")
    path = path_of(name, folder)
    try:
        results.save(document, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ResultsError(f"the baseline {path} cannot be written: {reason}") from error
    return path


def doubts(document: Document) -> list[str]:
    """What makes a run a bad baseline, in words: when a gate will not be able to answer by it."""
    found = document.all_comparisons
    noisy = [one.aa_band for one in found if one.aa_band is not None and one.aa_band > NOISY_BAND]
    told = []
    if noisy:
        told.append(
            f"in {len(noisy)} of {len(found)} comparisons identical code was seen up to"
            f" {100 * max(noisy):.3g} % apart: what was timed there can be held against nothing"
        )
    if any(one.sets < LEAST_SETS for one in found):
        told.append(
            "it was timed within one process: what has no file, as eager, cannot be gated by it,"
            " and what has another file later only beside the file that is kept now"
        )
    return told


def find(word: str, folder: Path) -> Baseline:
    """The saved run of a name, or the results file at a path, as `--baseline` takes either.

    Raises `BaselineNotFoundError` with the nearest names, and `ResultsError` for a file that
    cannot be read or holds no latency table.
    """
    path = _place(word, folder)
    document = results.load(path)
    if not document.all_comparisons:
        raise ResultsError(
            f"{word} holds no latency table",
            hint="a baseline is what `toolkit bench` or `toolkit run` left",
        )
    return Baseline(display_name(word), path, document)


def names(folder: Path) -> list[str]:
    """The saved runs in a folder of results, in alphabetical order."""
    return [path.stem for path in saved_files(folder)]


def saved_files(folder: Path) -> list[Path]:
    """The files of the saved runs in a folder of results."""
    return sorted((folder / FOLDER).glob(f"[!.]*{_ENDING}"))


def _place(word: str, folder: Path) -> Path:
    path = Path(word)
    named = path_of(word, folder)
    is_path = word.endswith(_ENDING) or any(sign in word for sign in ("/", os.sep))
    try:
        if not is_path and named.is_file():
            return named
        if path.is_file():
            return path
    except (OSError, ValueError):  # no file of any system has such a name
        pass
    known = names(folder)
    near = nearest_words(word, known)
    told = f" (did you mean {' or '.join(near)}?)" if near and not is_path else ""
    raise BaselineNotFoundError(
        f"--baseline {word}: {'no such file' if is_path else 'no saved run has this name'}{told}",
        hint=f"saved here: {', '.join(known)}" if known else "--save NAME saves a run",
    )

"""What a saved run timed, kept beside it: yesterday's files take turns with today's.

A file is kept under its fingerprint, once however often it was timed. What a saved run does not
know the fingerprint of, or what has another one by now, is not at hand.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit import bundle, results
from toolkit.baselines.cases import Case, Timed, tables
from toolkit.baselines.store import FOLDER, Baseline, saved_files
from toolkit.bundle.trust import is_program
from toolkit.errors import BundleError, ResultsError
from toolkit.hashing import bytes_sha256, file_sha256

FILES = "files"
"""Where the files of saved runs lie, beside these."""

_DATA = ".data"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Remeasure:
    """A file of a saved run, to be timed again in the rounds of the case that it belongs to.

    What comes of it is a row of `Comparison.remeasured`, with the case's own words. A program is
    to be loaded only with `bundle.require_trusted`.
    """

    case: Case
    format: str
    path: Path
    sha256: str
    baseline: str

    @property
    def name(self) -> str:
        """The contestant: `lenet5 onnx of main`."""
        return f"{self.case.model} {self.case.variant} of {self.baseline}"


def fingerprint(path: Path) -> str:
    """The SHA-256 of a form: of its file, and of the external data that lies beside it.

    Raises OSError where they cannot be read.
    """
    own, data = file_sha256(path), _external(path)
    if not data.is_file():
        return own
    return bytes_sha256(f"{own}\n{file_sha256(data)}\n".encode())


def keep(forms: Mapping[str, Path], folder: Path, *, ours: bool) -> None:
    """Keep the files of a model that was timed, by format, with the saved runs of a folder.

    `ours`: this user's toolkit wrote them, so that programs among them may be loaded later.
    Raises `ResultsError` where they cannot be kept.
    """
    for format_name, path in forms.items():
        try:
            _keep(path, folder / FOLDER / FILES)
            if ours and is_program(format_name):
                bundle.remember(file_sha256(path))
        except OSError as error:
            reason = error.strerror or str(error)
            raise ResultsError(f"{path.name} cannot be kept with the baseline: {reason}") from error


def remeasures(baseline: Baseline, today: Mapping[tuple[str, str], str]) -> list[Remeasure]:
    """The files of a saved run that are at hand, case by case.

    `today` has the fingerprints of what is to be timed, by model and format: what is the same
    file need not be timed twice. A variant that has its process to itself cannot take turns.
    """
    found = []
    places: dict[tuple[str, str, str], Path | None] = {}
    for case, timed in _filed(baseline):
        row = timed.row
        key = (row.model, str(row.format), str(row.sha256))
        if today.get(key[:2]) == row.sha256:
            continue
        if key not in places:
            places[key] = _at_hand(baseline, *key)
        path = places[key]
        if path is not None:
            found.append(Remeasure(case, key[1], path, key[2], baseline.name))
    return found


def prune(folder: Path) -> None:
    """Delete kept files that no saved run of a folder of results speaks of.

    Where a saved run cannot be read nothing is deleted.
    """
    try:
        documents = [results.load(path) for path in saved_files(folder)]
    except ResultsError:
        return
    used = {
        row.row.sha256
        for document in documents
        for table in tables(document)
        for row in table.rows.values()
    }
    for place in (folder / FOLDER / FILES).glob("[!.]*"):
        if place.name not in used:
            shutil.rmtree(place, ignore_errors=True)


def _filed(baseline: Baseline) -> Iterator[tuple[Case, Timed]]:
    """The cases that were timed from a file whose fingerprint is known."""
    for table in tables(baseline.document):
        for case, timed in table.rows.items():
            row = timed.row
            if timed.is_timed and row.format and row.sha256 and not row.alone:
                yield case, timed


def _at_hand(baseline: Baseline, model: str, format_name: str, sha256: str) -> Path | None:
    """The file of a fingerprint: kept with the saved run, or in a bundle that the run wrote."""
    for path in (
        *_kept(baseline.path.parent / FILES, sha256),
        *_bundled(baseline, model, format_name),
    ):
        with contextlib.suppress(OSError):
            if fingerprint(path) == sha256:
                return path
    return None


def _kept(files: Path, sha256: str) -> Iterator[Path]:
    if not _SHA256.fullmatch(sha256):
        return  # a document is not to lead out of the folder
    for path in sorted((files / sha256).glob("*")):
        if path.suffix != _DATA and not path.is_symlink():
            yield path


def _bundled(baseline: Baseline, model: str, format_name: str) -> Iterator[Path]:
    for exported in baseline.document.all_exports:
        if exported.name == model and exported.bundle:
            with contextlib.suppress(BundleError, OSError):
                yield bundle.read(Path(exported.bundle)).path(format_name)


def _keep(path: Path, files: Path) -> None:
    """Put a form where its fingerprint says, whole or not at all."""
    sha256 = fingerprint(path)
    place = files / sha256
    if any(fingerprint(kept) == sha256 for kept in _kept(files, sha256)):
        return
    shutil.rmtree(place, ignore_errors=True)  # what is kept there was altered
    files.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".", dir=files))
    try:
        for part in (path, _external(path)):
            if part.is_file():
                # A copy: ONNX's readers refuse external data that has a second link.
                shutil.copyfile(part, partial / part.name)
        try:
            partial.rename(place)
        except OSError:
            if not place.is_dir():  # else another process was faster with the same file
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _external(path: Path) -> Path:
    """Where the weights of a large ONNX file lie, as the exporter names it."""
    return path.with_name(f"{path.name}{_DATA}")

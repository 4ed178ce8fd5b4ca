"""The folder of one exported model: written beside its place and exchanged, read defensively.

`manifest.json`, `model.onnx`, `model.pt2`, `model.trace.pt`, `model.script.pt`,
`weights.safetensors` and `golden.npz`, as far as they were asked for.
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from toolkit.bundle import golden, manifest
from toolkit.bundle.entries import (
    FILE_NAME,
    FileEntry,
    LibraryEntry,
    Manifest,
    RefusalEntry,
    WeightsEntry,
)
from toolkit.bundle.exchange import mend, replacing
from toolkit.bundle.golden import GoldenCase
from toolkit.bundle.trust import (
    code_key,
    is_ours,
    is_program,
    remember,
    require_record,
    require_trusted,
)
from toolkit.bundle.weights_file import write_state
from toolkit.errors import BundleError
from toolkit.hashing import file_sha256
from toolkit.spec import ModelSpec

if TYPE_CHECKING:
    from toolkit.weights import Built

__all__ = [
    "Bundle",
    "BundleWriter",
    "FileEntry",
    "FileStatus",
    "GoldenCase",
    "code_key",
    "file_statuses",
    "is_bundle",
    "is_ours",
    "read",
    "remember",
    "require_trusted",
    "require_whole",
    "update_parity",
    "writing",
]

WEIGHTS_NAME = "weights.safetensors"
GOLDEN_NAME = "golden.npz"

Status = Literal["ok", "altered", "missing"]


@dataclass
class BundleWriter:
    """Collects the files of one bundle in `folder`, under the names that the formats have."""

    folder: Path
    built: Built
    word: str
    files: list[FileEntry] = field(default_factory=list)
    refused: list[RefusalEntry] = field(default_factory=list)
    parity: dict[str, Any] | None = None
    arguments: list[str] = field(default_factory=list)
    arguments_left_out: bool = False
    imports: Sequence[str] = ()
    ort_libraries: Sequence[LibraryEntry] = ()

    def add_form(
        self,
        format_name: str,
        path: Path,
        *,
        opset: int | None = None,
        warnings: Sequence[str] = (),
        options: Mapping[str, str | int | float | bool | None] | None = None,
        extra: Sequence[Path] = (),
    ) -> FileEntry:
        """Enter a form that lies in the folder, and the external data that belongs to it."""
        entry = self._entry(
            path,
            "form",
            format=format_name,
            opset=opset,
            options=dict(options or {}),
            warnings=list(warnings),
        )
        for data in extra:
            self._entry(data, "external-data", format=format_name)
        return entry

    def form_bytes(self, format_name: str) -> int:
        """What a form takes on disk, its external data counted."""
        return sum(entry.size_bytes for entry in self.files if entry.format == format_name)

    def add_refusal(
        self, format_name: str, message: str, status: Literal["limit", "error"] = "error"
    ) -> None:
        """Enter why a format is not there."""
        self.refused.append(RefusalEntry(format=format_name, status=status, message=message))

    def add_weights(self) -> FileEntry:
        """Write the module's state dict as safetensors."""
        path = self.folder / WEIGHTS_NAME
        write_state(self.built.module, path)
        return self._entry(path, "weights")

    def add_golden(self, cases: Sequence[GoldenCase]) -> int:
        """Write the cases that fit into 8 MiB; returns how many."""
        path = self.folder / GOLDEN_NAME
        kept = golden.write(path, cases)
        self._entry(path, "golden")
        return kept

    def _entry(
        self,
        path: Path,
        role: Literal["form", "external-data", "weights", "golden"],
        **details: Any,
    ) -> FileEntry:
        if path.parent != self.folder:
            raise BundleError(f"{path.name} was not written into the bundle's folder")
        entry = FileEntry(
            path=path.name,
            role=role,
            sha256=file_sha256(path),
            size_bytes=path.stat().st_size,
            **details,
        )
        self.files.append(entry)
        return entry

    def finished(self) -> Manifest:
        """The manifest of what was entered."""
        spec, weights = self.built.spec, self.built.weights
        return Manifest(
            name=manifest.portable_word(spec.name),
            word=manifest.portable_word(self.word),
            arguments=self.arguments,
            arguments_left_out=self.arguments_left_out,
            imports=list(map(manifest.portable_word, self.imports)),
            ort_libraries=list(self.ort_libraries),
            weights=WeightsEntry(**asdict(weights)),
            inputs=manifest.port_entries(spec.inputs),
            outputs=manifest.port_entries(spec.outputs),
            dimensions=manifest.dimension_entries(spec.dimensions),
            **manifest.call_entries(spec),
            **manifest.prediction_entries(spec),
            versions=manifest.versions(),
            files=sorted(self.files, key=lambda entry: entry.path),
            refused=self.refused,
            parity=self.parity,
        )


@contextlib.contextmanager
def writing(destination: Path, built: Built, word: str) -> Iterator[BundleWriter]:
    """A writer whose bundle takes the place of `destination` when the block ends without error.

    Raises `BundleError` where something other than a bundle stands there.
    """
    target = destination.resolve()
    require_record()
    mend(target)
    if target.exists() and not is_bundle(target) and not _is_empty_folder(target):
        raise BundleError(
            f"{destination.name} exists and is no bundle; it stays as it is",
            hint="choose another folder with -o",
        )
    with replacing(target) as folder:
        writer = BundleWriter(folder, built, word)
        yield writer
        finished = writer.finished()
        manifest.write(finished, folder)
        # Before the exchange: what appears in place can be loaded by its writer at once.
        for entry in writer.files:
            if entry.role == "form" and is_program(entry.format):
                remember(entry.sha256)
        weights = finished.weights.sha256
        remember(code_key(word, finished.arguments, weights, writer.imports))


@dataclass(frozen=True)
class Bundle:
    """A bundle as its manifest describes it; nothing of it has been opened yet."""

    folder: Path
    manifest: Manifest

    @property
    def spec(self) -> ModelSpec:
        """What the model takes and gives."""
        return manifest.spec_of(self.manifest)

    def path(self, format_name: str) -> Path:
        """The file of a format; raises `BundleError` where it is not in the bundle or a link."""
        entry = self.manifest.form(format_name)
        if entry is None:
            forms = [entry.format for entry in self.manifest.files if entry.role == "form"]
            raise BundleError(
                f"the bundle holds no {format_name}",
                model=self.manifest.name,
                hint=f"it holds {', '.join(map(str, forms)) or 'no form at all'}",
            )
        return self._plain(entry.path)

    def golden(self) -> list[GoldenCase]:
        """The golden cases; none where the bundle has none."""
        found = any(entry.role == "golden" for entry in self.manifest.files)
        return golden.read(self._plain(GOLDEN_NAME)) if found else []

    def _plain(self, name: str) -> Path:
        path = self.folder / name
        if not _is_plain_file(path):
            raise BundleError(f"{name} is missing, or no plain file", model=self.manifest.name)
        return path


def read(folder: Path) -> Bundle:
    """The bundle in a folder; raises `BundleError`. Its files are not opened."""
    mend(folder.resolve())
    return Bundle(folder, manifest.read(folder))


def is_bundle(folder: Path) -> bool:
    """Whether a folder has a manifest."""
    return (folder / FILE_NAME).is_file()


@dataclass(frozen=True)
class FileStatus:
    """Whether a file of a bundle is what the manifest says."""

    path: str
    status: Status


def file_statuses(bundle: Bundle, format_name: str | None = None) -> list[FileStatus]:
    """Every file, or those of one format, against size and hash; a link counts as altered."""
    return [
        FileStatus(entry.path, _status(bundle.folder / entry.path, entry))
        for entry in bundle.manifest.files
        if format_name in (None, entry.format)
    ]


def require_whole(bundle: Bundle, format_name: str | None = None) -> None:
    """Raise `BundleError` naming the first file that is missing or altered.

    With a format its own files alone are looked at.
    """
    for found in file_statuses(bundle, format_name):
        if found.status != "ok":
            raise BundleError(
                f"{found.path} is {found.status}",
                model=bundle.manifest.name,
                hint="export the model again",
            )


def _status(path: Path, entry: FileEntry) -> Status:
    try:
        if not _is_plain_file(path):
            return "altered" if path.is_symlink() or path.exists() else "missing"
        same_size = path.stat().st_size == entry.size_bytes
        return "ok" if same_size and file_sha256(path) == entry.sha256 else "altered"
    except OSError:
        return "missing"


def update_parity(folder: Path, summary: Mapping[str, Any]) -> Manifest:
    """Fill in what a check found; the manifest is replaced in one step."""
    bundle = read(folder)
    updated = bundle.manifest.model_copy(update={"parity": dict(summary)})
    manifest.write(updated, folder)
    return updated


def _is_plain_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())

"""One JSON document: what a command prints and what `toolkit report` reads; versioned."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError, ValidationInfo, field_validator

from toolkit.errors import ResultsError
from toolkit.results.baselines import Against
from toolkit.results.rows import (
    CheckResult,
    Environment,
    ErrorDocument,
    ExportedModel,
    ListedModel,
    Picture,
    PlannedModel,
    Prediction,
    TrainedModel,
    Value,
)
from toolkit.results.self_tests import SelfTest
from toolkit.results.timings import Comparison

SCHEMA_VERSION = 1


class Trained(Value):
    """The training part of a `run`."""

    models: list[TrainedModel] = Field(default_factory=list)


class ExportedPart(Value):
    """The export part of a `run`."""

    models: list[ExportedModel] = Field(default_factory=list)


class Checked(Value):
    """The parity part of a `run`."""

    results: list[CheckResult] = Field(default_factory=list)


class Benched(Value):
    """The latency part of a `run`."""

    comparisons: list[Comparison] = Field(default_factory=list)


MODEL_KINDS: Mapping[str, type[Value]] = MappingProxyType(
    {"list": ListedModel, "show": ListedModel, "train": TrainedModel, "export": ExportedModel}
)
"""What stands under `models` in the document of each command."""


class Document(Value):
    """One JSON document: what a command prints with `--json` and what `toolkit report` reads.

    A command fills the keys of its own; the others are left out of the JSON.
    """

    schema_version: int = SCHEMA_VERSION
    command: str
    toolkit: str
    environment: Environment
    exit_code: int
    command_line: str | None = None
    commit: str | None = None
    """Of the git checkout that the command ran in; `+` at its end where files differ from it."""
    toolkit_commit: str | None = None
    """Of the toolkit's own checkout, where it runs from one."""
    error: ErrorDocument | None = None
    models: list[ListedModel] | list[TrainedModel] | list[ExportedModel] | None = None
    results: list[CheckResult] | None = None
    comparisons: list[Comparison] | None = None
    plans: list[PlannedModel] | None = None
    train: Trained | None = None
    export: ExportedPart | None = None
    check: Checked | None = None
    bench: Benched | None = None
    self_tests: list[SelfTest] | None = None
    rows: list[dict[str, Any]] | None = None
    against: Against | None = None
    """What became of a saved run's cases."""
    asked: dict[str, Any] | None = None
    """What the command was told to do, for a sweep that goes on later under the same options."""
    completed: list[str] | None = None
    """Models whose work is over, in order; the rest of a sweep that was interrupted is not."""

    @field_validator("models", mode="before")
    @classmethod
    def _of_the_command(cls, models: object, info: ValidationInfo) -> object:
        """The command says what its models are: they share so many keys that shape does not."""
        kind = MODEL_KINDS.get(info.data.get("command", ""))
        if kind is None or models is None:
            return models
        return TypeAdapter(list[kind]).validate_python(models)  # type: ignore[valid-type]

    @property
    def all_results(self) -> list[CheckResult]:
        """The verdicts, wherever the command put them."""
        return self.results or (self.check.results if self.check else [])

    @property
    def all_comparisons(self) -> list[Comparison]:
        """The latency tables, wherever the command put them."""
        return self.comparisons or (self.bench.comparisons if self.bench else [])

    @property
    def predictions(self) -> list[Prediction]:
        """The rows of `predict`, as values."""
        rows = self.rows if self.command == "predict" else None
        return [Prediction.model_validate(row) for row in rows or []]

    @property
    def pictures(self) -> list[Picture]:
        """The files that `show --pictures` wrote, as values."""
        rows = self.rows if self.command == "show" else None
        return [Picture.model_validate(row) for row in rows or [] if "file" in row]

    @property
    def all_exports(self) -> list[ExportedModel]:
        """The exported models, wherever the command put them."""
        if self.export:
            return self.export.models
        return [model for model in self.models or [] if isinstance(model, ExportedModel)]

    @property
    def all_trained(self) -> list[TrainedModel]:
        """The trained models, wherever the command put them."""
        if self.train:
            return self.train.models
        return [model for model in self.models or [] if isinstance(model, TrainedModel)]


def to_json(document: Document) -> str:
    """The document as ASCII JSON, without NaN or Infinity; keys no command filled are left out."""
    tree = json.loads(document.model_dump_json(by_alias=True))
    filled = {key: value for key, value in tree.items() if value is not None}
    return json.dumps(filled, indent=1, ensure_ascii=True, allow_nan=False)


def save(document: Document, path: Path) -> None:
    """Write the document beside `path` and move it there: a reader sees the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(to_json(document) + "\n", encoding="ascii")
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def load(path: Path) -> Document:
    """Read a results file; raises `ResultsError` with the reason."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultsError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{path} is not JSON: {error}") from error
    version = tree.get("schema_version") if isinstance(tree, dict) else None
    if version != SCHEMA_VERSION:
        raise ResultsError(
            f"{path}: schema version {version}, this toolkit reads {SCHEMA_VERSION}",
            hint="results files are written by `toolkit run`, `check` and `bench`",
        )
    try:
        return Document.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ResultsError(f"{path} is not a results file: {where}: {first['msg']}") from error

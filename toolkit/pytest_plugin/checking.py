"""One check of a test: what was said put together, every form judged, one exception at the end."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest

from toolkit.errors import ToolkitError, UsageError
from toolkit.pytest_plugin.choices import INPUTS_FILE, LAYERS, Layers, flags, layered, told
from toolkit.pytest_plugin.keywords import check_options, formats_of, require_known

if TYPE_CHECKING:
    from toolkit.results import CheckResult

ROWS = pytest.StashKey[list["CheckResult"]]()
"""The rows of an item that no report has taken yet."""
_NOT_IN_FOLDERS = re.compile(r"[^A-Za-z0-9_.]+")
_LONGEST = 80
"""Characters of a folder's name."""
_SAVED = re.compile(r" --inputs (?P<file>.*)$", re.DOTALL)


class ParityError(AssertionError):
    """A form is not as accurate as its model, or could not be judged; `rows` are all that are."""

    def __init__(self, message: str, rows: tuple[CheckResult, ...] = ()) -> None:
        super().__init__(message)
        self.rows = rows


@dataclass(frozen=True)
class Form:
    """The one format of an item of the mark; `asked` where somebody named it."""

    name: str
    asked: bool

    @property
    def asked_formats(self) -> tuple[str, ...]:
        """The format where it was asked for: it must be there then."""
        return (self.name,) if self.asked else ()


class Parity:
    """The fixture `parity`: checks models inside a test."""

    def __init__(self, item: pytest.Item, scratch: Path) -> None:
        self._item = item
        self._scratch = scratch
        self._checks = 0

    def check(
        self,
        model: Any,
        *,
        inputs: Any = None,
        formats: Any = None,
        dynamic: Any = None,
        **said: Any,
    ) -> list[CheckResult]:
        """The rows of every form of the model, where all are as accurate as it is.

        `model` is a module, a `ModelSpec`, or any word that `toolkit check` takes. `inputs` maps
        the parameters of `forward` to examples (tensors, arrays, or what nests them), to constants,
        or to words such as `"batch,3,32,32"`; `dynamic={"x": ["batch"]}` names the axes of examples
        that vary, None for one that does not. Further keywords are the keys of `[tool.toolkit]`:
        dims, ranges, inputs_file, weights, device, seed, opset, budget, …; `failures` is a folder.

        Every format is judged; then `ParityError` tells of all that are wrong, with the report of
        the command. A format that was asked for and is a known limit makes the test `xfail`.
        """
        __tracebackhide__ = True
        said |= {"inputs": inputs, "formats": formats, "dynamic": dynamic}
        return self.run(model, said)

    def run(
        self, model: Any, said: Mapping[str, Any], form: Form | None = None
    ) -> list[CheckResult]:
        """`check` for what was said already; with `form` that format alone."""
        __tracebackhide__ = True
        self._checks += 1
        try:
            rows = self._judged(model, said, form)
        except UsageError as error:
            raise pytest.UsageError(told(error)) from None
        except ToolkitError as error:
            raise ParityError(told(error)) from None
        self._keep(rows)
        self._conclude(rows, said, form)
        return rows

    def _judged(self, model: Any, said: Mapping[str, Any], form: Form | None) -> list[CheckResult]:
        from toolkit import api, pipeline
        from toolkit.events import ignore
        from toolkit.runtimes.devices import torch_device
        from toolkit.spec import FORMAT_NAMES

        merged = self._merged(said)
        with _given(_model(model), merged, self._layers.typed) as given:
            asked = formats_of(merged) if form is None else form.asked_formats
            folder = self._failures(merged.get("failures"))
            options = check_options(merged, asked, folder)
            torch_device(options.device)  # before any work: what is not there is refused
            subject = api.subject_of(model, given, ignore, fallback=True, trust=options.trust)
            names = (form.name,) if form else options.formats or FORMAT_NAMES
            with _without_trace():
                rows = list(pipeline.checked(subject, options, names))
        return rows if isinstance(model, str) else [self._repeatable(row) for row in rows]

    @property
    def _layers(self) -> Layers:
        return self._item.config.stash[LAYERS]

    def _merged(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """What was said, one layer over the other."""
        require_known(said)
        own = {name: value for name, value in said.items() if value is not None}
        return layered(self._item.config, own)

    def _failures(self, folder: Any) -> Path:
        place = _folder_name(self._item.nodeid)
        if folder is None:
            return self._scratch / place
        return self._item.config.rootpath / str(folder) / place

    def _keep(self, rows: list[CheckResult]) -> None:
        """Rows for the table of the run, and properties for JUnit."""
        self._item.stash.setdefault(ROWS, []).extend(rows)
        for row in rows:
            facts = {"status": row.status, "score": row.score, "cases": row.cases}
            self._item.user_properties += [
                (f"parity.{row.model}.{row.format or 'model'}.{name}", value)
                for name, value in facts.items()
                if value is not None
            ]

    def _conclude(
        self, rows: list[CheckResult], said: Mapping[str, Any], form: Form | None
    ) -> None:
        """Raise where something is not as it should be: never silent when nothing was checked."""
        __tracebackhide__ = True
        from toolkit.pytest_plugin import telling

        if form is not None and not rows:
            pytest.skip(f"it holds no {form.name}")
        if not rows or any(map(telling.bad, rows)):
            raise ParityError(telling.report(rows, self._command()), tuple(rows)) from None
        limits = [row for row in rows if row.status == "limit"]
        asked = formats_of(self._merged(said)) if form is None else (form.name,)
        told_limits = [row for row in limits if row.format in asked]
        if told_limits or len(limits) == len(rows):
            pytest.xfail(telling.limit_line(told_limits or limits))
            # Reached under --runxfail: then a limit is what it is, no pass.
            raise ParityError(telling.report(rows, self._command()), tuple(rows))

    def _command(self, *more: str) -> str:
        from toolkit.words import shell_line

        typed = flags(self._layers, "formats", "failures", INPUTS_FILE)
        return shell_line(["pytest", _node(self._item), *typed, *more])

    def _repeatable(self, row: CheckResult) -> CheckResult:
        """The row with commands that repeat the test: a module at hand is no model word."""
        findings = [
            found.model_copy(update={"reproduce": self._repeated(row, found.reproduce)})
            if found.reproduce
            else found
            for found in row.findings
        ]
        return row.model_copy(update={"findings": findings})

    def _repeated(self, row: CheckResult, command: str) -> str:
        saved = _SAVED.search(command)
        if saved is None:
            return command
        if self._checks > 1:  # the file would reach the test's other checks too
            return f"{self._command()} (the case: {saved['file']})"
        parametrised = _is_of_mark(self._item)
        narrow = [] if parametrised or row.format is None else ["--parity-formats", row.format]
        return self._command(*narrow, "--parity-inputs", _unquoted(saved["file"]))


def _folder_name(nodeid: str) -> str:
    """A name for a test's folder that no shell and no system minds."""
    plain = _NOT_IN_FOLDERS.sub("-", nodeid).strip("-.")
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}-{crc32(nodeid.encode()):08x}"


def _node(item: pytest.Item) -> str:
    """The item as a command in the folder of this run names it."""
    file, colons, inner = item.nodeid.partition("::")
    try:
        place = os.path.relpath(item.config.rootpath / file, item.config.invocation_params.dir)
    except ValueError:  # on Windows, from one drive to another
        place = str(item.config.rootpath / file)
    return f"{place}{colons}{inner}"


def _unquoted(word: str) -> str:
    from toolkit.words import ON_WINDOWS

    return word.strip('"') if ON_WINDOWS else shlex.split(word)[0]


def _is_of_mark(item: pytest.Item) -> bool:
    from toolkit.pytest_plugin.marked import form_of

    return form_of(item) is not None


def _model(model: Any) -> Any:
    """The model; raises `UsageError` for what is none."""
    from torch import nn

    from toolkit.spec import ModelSpec

    if isinstance(model, str | nn.Module | ModelSpec):
        return model
    raise UsageError(
        f"{type(model).__name__} is no model",
        hint="a model is an nn.Module, a ModelSpec, or a word as for `toolkit check`",
    )


@contextlib.contextmanager
def _without_trace() -> Iterator[None]:
    """Torch's own trace, hundreds of empty lines, is kept out of what pytest captures."""
    trace = logging.getLogger("torch.__trace")
    taken = [one for one in trace.handlers if type(one).__module__.startswith("_pytest.")]
    for handler in taken:
        trace.removeHandler(handler)
    try:
        yield
    finally:
        for handler in taken:
            trace.addHandler(handler)


@contextlib.contextmanager
def _given(model: Any, merged: Mapping[str, Any], typed: Mapping[str, Any]) -> Iterator[Any]:
    """What is said about the model, as the Python API takes it; example arrays lie in a file."""
    from toolkit.bundle.golden import write_arrays
    from toolkit.folders import temporary_folder
    from toolkit.given import Given
    from toolkit.pytest_plugin.examples import described

    given = {name: value for name, value in merged.items() if name in Given.__annotations__}
    named_axes = isinstance(given.get("dynamic"), Mapping)
    if "inputs" not in given and not named_axes:
        yield given
        return
    dynamic = given.pop("dynamic") if named_axes else None
    found = described(model, given.get("inputs", {}), dynamic)
    given["inputs"] = found.inputs
    given["dims"] = {**found.dims, **(given.get("dims") or {})}
    if INPUTS_FILE in given and found.arrays and INPUTS_FILE not in typed:
        raise UsageError(
            "inputs has examples and inputs_file arrays: only one of them can be run",
            hint='say the inputs in words, as in inputs={"x": "batch,8"}',
        )
    with temporary_folder() as folder:
        if found.case and INPUTS_FILE not in given:
            given[INPUTS_FILE] = Path(folder) / "examples.npz"
            write_arrays(given[INPUTS_FILE], found.case)
        yield given

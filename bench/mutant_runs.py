"""Tests run against mutants, each in a forked child in which everything is imported already.

A mutant of a function gets its code put in place once the tests are collected. Another (a module's
constant, a default) is imported afresh in a child that has not imported its module yet.
"""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

import hypothesis
import pytest

from bench.mutation import Mutant

PRELOADED = (
    *("torch", "torch._dynamo", "hypothesis.extra.numpy"),
    *("toolkit.probing", "toolkit.registry"),
)
"""None of them may import a module that is mutated; onnxruntime's threads must not be forked."""
TIMES_LONGER = 10.0
"""Than all tests take as they are, watched, at the beginning: what takes so long hangs."""
LEAST_LIMIT_S = 60.0
POLL_S = 0.005
KILLED = 1
OPTIONS = (
    # Nothing is told of a failure, and a plugin's modules are to be found by the finder below.
    *("-q", "-s", "--assert=plain", "-p", "no:cacheprovider"),
    *("-o", "addopts=--import-mode=importlib --strict-markers"),
)

Outcome = Callable[[Mutant, bool], None]


def preload() -> None:
    """Import what every child needs; one thread, as forks can have no more."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in PRELOADED:
        importlib.import_module(name)
    loaded = [name for name in sys.modules if name.startswith("toolkit.parity")]
    assert not loaded, f"children could not import these afresh: {loaded}"


@dataclass(frozen=True)
class Entered:
    """What one test enters of the mutated files, `file:function`, and how long it takes."""

    seconds: float
    functions: frozenset[str]


def run(
    root: Path, tests: Sequence[Path], mutants: Sequence[Mutant], jobs: int, tell: Outcome
) -> None:
    """Run the tests against every mutant; exits where they fail as they are."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = folder
        words = [str(path) for path in tests]
        began = time.monotonic()
        entered = _as_they_are(words, {mutant.path for mutant in mutants}, Path(folder) / "entered")
        limit_s = max(LEAST_LIMIT_S, TIMES_LONGER * (time.monotonic() - began))
        children = Children(jobs, tell, limit_s)
        codes = {mutant: code for mutant in mutants if (code := new_code(mutant)) is not None}
        others = [mutant for mutant in mutants if mutant not in codes]
        children.work_on(others, lambda one: _afresh(root, words, one))
        # From here on the modules are loaded.
        if _pytest(words, _Swapping(codes, entered, children)) != 0:
            sys.exit("the tests could not be collected")


def new_code(mutant: Mutant) -> CodeType | None:
    """The changed code of the function; None where the change is not in a function's body."""
    codes = (unchanged(mutant.path), mutant.code)
    old, new = (_within(code, mutant.function) for code in codes)
    return None if new is None or old == new else new


@functools.cache
def unchanged(path: Path) -> CodeType:
    """The code of a file as it is."""
    return compile(path.read_text(encoding="utf-8"), str(path), "exec")


def _within(code: CodeType, name: str) -> CodeType | None:
    """The code of a function, by its dotted name; None for a module's and a class's."""
    for inner in code.co_consts:
        if not isinstance(inner, CodeType):
            continue
        if inner.co_qualname == name:
            return inner if inner.co_flags & inspect.CO_OPTIMIZED else None
        if (found := _within(inner, name)) is not None:
            return found
    return None


def _as_they_are(words: Sequence[str], files: set[Path], written: Path) -> dict[str, Entered]:
    """Run the tests without a mutant, for what each enters; exits where one fails."""
    child = _forked(lambda: _pytest(["-x", *words], _Watching(files, written)), quiet=False)
    _, status = os.waitpid(child, 0)
    if status != 0:
        sys.exit("the tests must pass as they are")
    found = json.loads(written.read_text(encoding="utf-8"))
    return {name: Entered(took, frozenset(into)) for name, (took, into) in found.items()}


@dataclass(frozen=True)
class Children:
    """Children, `jobs` at a time, each ended after `limit_s`."""

    jobs: int
    tell: Outcome
    limit_s: float

    def work_on(self, mutants: Sequence[Mutant], work: Callable[[Mutant], int]) -> None:
        """Do the work for each mutant in a child of its own."""
        waiting = list(reversed(mutants))
        running: dict[int, tuple[Mutant, float]] = {}
        while waiting or running:
            while waiting and len(running) < self.jobs:
                mutant = waiting.pop()
                child = _forked(functools.partial(work, mutant))
                running[child] = (mutant, time.monotonic() + self.limit_s)
            for child, (mutant, deadline) in list(running.items()):
                code = _state(child, deadline)
                if code is not None:
                    del running[child]
                    self.tell(mutant, code != 0)
            time.sleep(POLL_S)


def _afresh(root: Path, words: Sequence[str], mutant: Mutant) -> int:
    """In a child: the module imported with the mutant's code, then the tests, its own first."""
    name = ".".join(mutant.path.relative_to(root).with_suffix("").parts)
    sys.meta_path.insert(0, _Planted(name, mutant.code))
    own = [word for word in words if mutant.path.stem in Path(word).stem]
    groups = [own, [word for word in words if word not in own]]
    return max(_pytest(["-x", *group], _Hasty()) for group in groups if group)


class _Hasty:
    """Ends the child at the first failure, before hypothesis looks for a smaller one."""

    def pytest_sessionstart(self) -> None:
        phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
        usual = hypothesis.settings.default
        hypothesis.settings.register_profile("mutants", parent=usual, phases=phases)
        hypothesis.settings.load_profile("mutants")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            os._exit(KILLED)


class _Swapping(_Hasty):
    """In place of running the collected tests: for every mutant those that enter its function."""

    def __init__(
        self,
        codes: Mapping[Mutant, CodeType],
        entered: Mapping[str, Entered],
        children: Children,
    ) -> None:
        self._codes = codes
        self._entered = entered
        self._children = children

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        def work(mutant: Mutant) -> int:
            _swap(mutant, self._codes[mutant])
            place = f"{mutant.path}:{mutant.function}"
            for item in sorted(session.items, key=self._seconds):
                if place in self._entered[item.nodeid].functions:
                    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            return 0

        self._children.work_on(list(self._codes), work)
        return True

    def _seconds(self, item: pytest.Item) -> float:
        return self._entered[item.nodeid].seconds


def _swap(mutant: Mutant, code: CodeType) -> None:
    """Give the function, wherever it is imported, the changed code."""
    module = next(m for m in sys.modules.values() if getattr(m, "__file__", "") == str(mutant.path))
    found: Any = module
    for part in mutant.function.split("."):
        found = vars(found)[part]
    found = getattr(found, "fget", None) or getattr(found, "__func__", found)
    inspect.unwrap(found).__code__ = code


class _Watching:
    """Writes down which functions of some files each test enters."""

    def __init__(self, files: set[Path], written: Path) -> None:
        self._files = {str(path) for path in files}
        self._written = written
        self._found: dict[str, tuple[float, list[str]]] = {}
        self._entered: set[str] = set()

    def _enter(self, frame: FrameType, event: str, argument: object) -> None:
        del event, argument
        code = frame.f_code
        if code.co_filename in self._files:
            self._entered.add(f"{code.co_filename}:{code.co_qualname.partition('.<')[0]}")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._entered = set()
        began = time.monotonic()
        sys.settrace(self._enter)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            self._found[item.nodeid] = (time.monotonic() - began, sorted(self._entered))

    def pytest_sessionfinish(self) -> None:
        self._written.write_text(json.dumps(self._found), encoding="utf-8")


class _Planted(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module, and runs other code in its place."""

    def __init__(self, name: str, code: CodeType) -> None:
        self._name = name
        self._code = code

    def find_spec(
        self, fullname: str, path: object, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname != self._name:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=self._code.co_filename)

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)


def _pytest(words: Sequence[str], plugin: object) -> int:
    return int(pytest.main([*OPTIONS, *words], plugins=[plugin]))


def _forked(work: Callable[[], int], *, quiet: bool = True) -> int:
    """The id of a child that does some work and ends with what it returns."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = KILLED
    try:
        if quiet:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
        code = work()
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _state(child: int, deadline: float) -> int | None:
    """How a child ended, None while it runs; beyond the deadline it is ended."""
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        return os.waitstatus_to_exitcode(status)
    if time.monotonic() > deadline:
        os.kill(child, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return None

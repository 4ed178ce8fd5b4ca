"""Flags of `pytest bench/ --benchmark-only`, and one model at a time judged and lined up."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

import toolkit
from toolkit.benching.contestants import Candidate, Lineup
from toolkit.benching.entering import chosen_of, entered
from toolkit.benching.values import Row
from toolkit.benching.vetting import vetted
from toolkit.errors import UsageError
from toolkit.events import ignore
from toolkit.options import VARIANTS, BenchOptions, Cell
from toolkit.results import CheckStatus
from toolkit.spec import PART_FAMILIES
from toolkit.stages.subject import prepare
from toolkit.timing.calls import Contestant
from toolkit.variants import parse
from toolkit.words import ModelWords


def pytest_addoption(parser: pytest.Parser) -> None:
    """What is timed; every network of the catalogue unless it is said."""
    group = parser.getgroup("toolkit's latencies")
    group.addoption("--models", default="", help="networks, separated by commas")
    group.addoption("--variants", default=",".join(VARIANTS), help="forms, and eager")
    group.addoption("--batch", type=_numbers, default="1", help="samples a call: 1,8,32")
    group.addoption("--threads", type=_numbers, default="1", help="of every runtime: 1,2")
    group.addoption("--device", type=_words, default="cpu", help="cpu and cuda[:N]: cpu,cuda")
    group.addoption("--weights", default="random", help="as of toolkit check")


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _numbers(text: str) -> list[int]:
    return [int(word) for word in _words(text)]


def networks() -> list[str]:
    """The entries of the catalogue that are no parts of networks."""
    return [spec.name for spec in toolkit.list_models() if spec.family not in PART_FAMILIES]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each variant of each model on each device, batch and number of threads.

    All of it stands in the item's name and parameters: saved runs are compared by these.
    """
    if "judged" not in metafunc.fixturenames:
        return
    flag = metafunc.config.getoption
    counts: dict[str, list[int]] = {"batch": flag("--batch"), "threads": flag("--threads")}
    metafunc.parametrize("model", _words(flag("--models")) or networks(), scope="session")
    metafunc.parametrize("device", flag("--device"), scope="session")
    for name, values in counts.items():
        ids = [f"{name}{value}" for value in values]
        metafunc.parametrize(name, values, ids=ids, scope="session")
    metafunc.parametrize("variant", chosen_variants(metafunc.config))


def chosen_variants(config: pytest.Config) -> tuple[str, ...]:
    """The variants to time, as tables name them; raises `UsageError` for one that there is not."""
    return tuple(parse(name).word for name in _words(config.getoption("--variants")))


@dataclass(frozen=True)
class Judged:
    """What of one model may be timed: its rows, and a contestant for each that is right.

    `verdicts` are the statuses of the checks of what is not eager itself.
    """

    name: str
    cell: Cell
    entries: dict[str, tuple[Row, Contestant | None]]
    verdicts: Mapping[str, CheckStatus]


@pytest.fixture(scope="session")
def checked(request: pytest.FixtureRequest, model: str, device: str) -> Iterator[Candidate]:
    """One model exported, and every form judged on a device."""
    weights = request.config.getoption("--weights")
    subject = prepare(ModelWords(model, weights=weights), fallback=True)
    options = BenchOptions(chosen_variants(request.config))
    with tempfile.TemporaryDirectory() as folder:
        _, forms = entered(subject, options, device, Path(folder), ignore)
        yield Candidate(subject, chosen_of(subject, options), forms, Path(folder))


@pytest.fixture(scope="session")
def judged(
    checked: Candidate, model: str, device: str, batch: int, threads: int
) -> Iterator[Judged]:
    """What is right of it, loaded at the sizes and with the threads that are timed."""
    cell = Cell(batch, threads, device)
    torch.set_num_threads(threads)
    lineup = Lineup([checked], cell)
    try:
        lineup = replace(lineup, vetted={one.name: one for one in vetted(lineup)})
        with torch.inference_mode():
            entries = {one[0]: lineup.entry(*one) for one in lineup.entering()}
            yield Judged(model, cell, entries, _verdicts(lineup, entries))
    except UsageError as refusal:
        pytest.skip(refusal.message)


def _verdicts(
    lineup: Lineup, entries: Mapping[str, tuple[Row, Contestant | None]]
) -> dict[str, CheckStatus]:
    forms = lineup.candidates[0].forms
    return {
        one: held.status
        for one, (row, _) in entries.items()
        if (held := lineup.vetted.get(one) or forms.get(row.format or "")) is not None
    }

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
    group.addoption("--batch", type=int, default=1, help="samples a call")
    group.addoption("--threads", type=int, default=1, help="threads of every runtime")
    group.addoption("--device", default="cpu", help="cpu or cuda[:N]")
    group.addoption("--weights", default="random", help="as of toolkit check")


def networks() -> list[str]:
    """The entries of the catalogue that are no parts of networks."""
    return [spec.name for spec in toolkit.list_models() if spec.family not in PART_FAMILIES]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each variant of each model, those of a model one after the other."""
    config = metafunc.config
    if "judged" in metafunc.fixturenames:
        chosen = config.getoption("--models").split(",")
        names = [name for name in chosen if name] or networks()
        metafunc.parametrize("judged", names, indirect=True, scope="session")
    if "variant" in metafunc.fixturenames:
        metafunc.parametrize("variant", chosen_variants(config))


def chosen_variants(config: pytest.Config) -> tuple[str, ...]:
    """The variants to time, as tables name them; raises `UsageError` for one that there is not."""
    return tuple(parse(name).word for name in config.getoption("--variants").split(",") if name)


@dataclass(frozen=True)
class Judged:
    """What of one model may be timed: its rows, and a contestant for each that is right.

    `verdicts` are the statuses of the checks of what is not eager itself.
    """

    name: str
    device: str
    entries: dict[str, tuple[Row, Contestant | None]]
    verdicts: Mapping[str, CheckStatus]


@pytest.fixture(scope="session")
def judged(request: pytest.FixtureRequest) -> Iterator[Judged]:
    """One model exported, every form judged, and what is right loaded."""
    flag = request.config.getoption
    name, device = request.param, flag("--device")
    cell = Cell(flag("--batch"), flag("--threads"), device)
    variants = chosen_variants(request.config)
    subject = prepare(ModelWords(name, weights=flag("--weights")), fallback=True)
    options = BenchOptions(variants)
    torch.set_num_threads(cell.threads)
    with tempfile.TemporaryDirectory() as folder:
        _, forms = entered(subject, options, device, Path(folder), ignore)
        candidate = Candidate(subject, chosen_of(subject, options), forms, Path(folder))
        lineup = Lineup([candidate], cell)
        lineup = replace(lineup, vetted={one.name: one for one in vetted(lineup)})
        with torch.inference_mode():
            entries = {one[0]: lineup.entry(*one) for one in lineup.entering()}
            verdicts = {
                one: held.status
                for one, (row, _) in entries.items()
                if (held := lineup.vetted.get(one) or forms.get(row.format or "")) is not None
            }
            yield Judged(name, device, entries, verdicts)

"""`bench` over many models: which ones, a table each, and going on with them."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Command
from toolkit import registry
from toolkit.sweep import Sweep

FIRST, SECOND = "networks.py:Plain", "networks.py:Chatty"


def test_all_means_every_network_with_a_table_each(
    toolkit_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[list[str]] = []
    monkeypatch.setattr(
        Sweep, "bench", lambda _, held, __: found.append([one.shown for one in held])
    )
    toolkit_command("bench", "--all")
    catalogue = registry.catalogue().values()
    networks = [[spec.name] for spec in catalogue if spec.family not in ("layer", "loss")]
    assert found == networks
    assert ["resnet18"] in networks


def test_a_resumed_bench_keeps_the_tables_of_what_was_done(toolkit_command: Command) -> None:
    words = ("--input", "x=batch,8", "--variants", "eager", "--each", "--quick", "--json")
    before = toolkit_command("bench", FIRST, *words, "--results", "times.json").document
    after = toolkit_command("bench", FIRST, SECOND, *words, "--results", "times.json", "--resume")
    assert after.code == 0
    assert f"bench {SECOND}" in after.err
    assert f"bench {FIRST}" not in after.err
    first, second = after.document["comparisons"]
    assert first == before["comparisons"][0]
    assert [row["model"] for row in second["variants"]] == [SECOND]
    assert after.document["completed"] == [FIRST, SECOND]


def test_one_comparison_of_several_models_has_nothing_to_go_on_with(
    toolkit_command: Command,
) -> None:
    ended = toolkit_command("bench", FIRST, SECOND, "--input", "x=batch,8", "--resume")
    assert ended.code == 2
    assert "--each" in ended.err

"""A sweep that goes on: what is done keeps its rows, and rows of other runs are not mixed in."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import pytest
import torch

from tests.cli.conftest import Command
from toolkit import results
from toolkit._version import __version__
from toolkit.cli import resuming
from toolkit.cli.session import environment
from toolkit.errors import ResultsError

INPUT = ("--input", "x=batch,8", "-f", "trace", "--results", "results.json")
FIRST, SECOND = "networks.py:Plain", "networks.py:Chatty"


def _rows(ended_document: dict[str, list[dict[str, object]]]) -> dict[object, dict[str, object]]:
    return {row["model"]: row for row in ended_document["results"]}


def test_a_resumed_check_keeps_the_rows_of_what_was_done(toolkit_command: Command) -> None:
    before = toolkit_command("check", FIRST, *INPUT, "--json").document
    after = toolkit_command("check", FIRST, SECOND, *INPUT, "--json", "--resume")
    assert after.code == 0
    assert "check networks.py:Chatty" in after.err
    assert "check networks.py:Plain" not in after.err
    assert _rows(after.document)[FIRST] == _rows(before)[FIRST]
    assert after.document["completed"] == [FIRST, SECOND]


def test_a_model_that_was_not_done_is_done_again(
    toolkit_command: Command, own_folder: Path
) -> None:
    toolkit_command("check", FIRST, *INPUT)
    file = own_folder / "results.json"
    document = json.loads(file.read_text())
    document["completed"] = []
    file.write_text(json.dumps(document))
    after = toolkit_command("check", FIRST, *INPUT, "--json", "--resume")
    assert "check networks.py:Plain" in after.err
    assert [row["model"] for row in after.document["results"]] == [FIRST]


def test_a_model_whose_process_ended_is_done_again(
    toolkit_command: Command, own_folder: Path
) -> None:
    toolkit_command("check", FIRST, SECOND, *INPUT)
    file = own_folder / "results.json"
    document = json.loads(file.read_text())
    _rows(document)[SECOND]["status"] = "out-of-memory"
    file.write_text(json.dumps(document))
    after = toolkit_command("check", FIRST, SECOND, *INPUT, "--json", "--resume")
    assert after.code == 0
    assert "check networks.py:Plain" not in after.err
    assert [row["status"] for row in after.document["results"]] == ["pass", "pass"]


def test_without_earlier_results_a_resumed_sweep_starts(toolkit_command: Command) -> None:
    ended = toolkit_command("check", FIRST, *INPUT, "--json", "--resume")
    assert ended.code == 0
    assert ended.document["completed"] == [FIRST]


@pytest.mark.parametrize(
    "other",
    [
        ("--seed", "3"),
        ("--budget", "5"),
        ("--weights", "random"),
        ("--arg", "width=3"),
        ("--dim", "batch=2..4"),
    ],
)
def test_results_of_other_options_are_not_gone_on_with(
    toolkit_command: Command, own_folder: Path, other: tuple[str, str]
) -> None:
    toolkit_command("check", FIRST, *INPUT)
    before = (own_folder / "results.json").read_bytes()
    ended = toolkit_command("check", FIRST, SECOND, *INPUT, *other, "--resume")
    assert ended.code == 3
    assert "other options" in ended.err
    assert other[0].removeprefix("--") in ended.err
    assert (own_folder / "results.json").read_bytes() == before


def test_results_of_another_version_are_not_gone_on_with(
    toolkit_command: Command, own_folder: Path
) -> None:
    toolkit_command("check", FIRST, *INPUT)
    file = own_folder / "results.json"
    document = json.loads(file.read_text())
    document["environment"]["torch"] = "1.0"
    file.write_text(json.dumps(document))
    ended = toolkit_command("check", SECOND, *INPUT, "--resume")
    assert ended.code == 3
    assert "torch was 1.0" in ended.err


def test_a_broken_results_file_is_refused_and_kept(
    toolkit_command: Command, own_folder: Path
) -> None:
    (own_folder / "results.json").write_text("{ half")
    ended = toolkit_command("check", FIRST, *INPUT, "--resume")
    assert ended.code == 3
    assert "not JSON" in ended.err
    assert (own_folder / "results.json").read_text() == "{ half"


def test_a_resumed_run_keeps_bundles_and_times(toolkit_command: Command) -> None:
    words = (*INPUT, "-o", "out", "--json")
    before = toolkit_command("run", FIRST, *words).document
    after = toolkit_command("run", FIRST, SECOND, *words, "--resume").document
    assert after["export"]["models"][0] == before["export"]["models"][0]
    assert after["bench"]["comparisons"][0] == before["bench"]["comparisons"][0]
    assert len(after["bench"]["comparisons"]) == 2


def test_a_network_that_was_changed_meanwhile_is_not_gone_on_with(
    toolkit_command: Command, own_folder: Path
) -> None:
    toolkit_command("check", FIRST, *INPUT)
    (own_folder / "networks.py").write_text("# another network\n")
    ended = toolkit_command("check", FIRST, *INPUT, "--resume")
    assert ended.code == 3
    assert "networks.py was" in ended.err


def _package(folder: Path, layers: str) -> None:
    package = folder / "theirs"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").write_text("")
    shutil.copy(folder / "networks.py", package / "networks.py")
    with (package / "networks.py").open("a") as file:
        file.write("\nfrom . import layers\n")
    (package / "layers.py").write_text(layers)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("theirs.networks:Plain",), "theirs.networks was"),
        ((FIRST, "--import", "theirs.layers"), "theirs.layers was"),
    ],
    ids=["model", "import"],
)
def test_a_module_by_its_dotted_name_that_was_changed_is_not_gone_on_with(
    toolkit_command: Command, own_folder: Path, words: tuple[str, ...], named: str
) -> None:
    _package(own_folder, "WIDTH = 1\n")
    assert toolkit_command("check", *words, *INPUT).code == 0
    assert toolkit_command("check", *words, *INPUT, "--resume").code == 0
    _package(own_folder, "WIDTH = 2\n")
    ended = toolkit_command("check", *words, *INPUT, "--resume")
    assert ended.code == 3
    assert named in ended.err


def test_a_file_that_a_network_imports_counts_as_its_own(
    toolkit_command: Command, own_folder: Path
) -> None:
    (own_folder / "beside.py").write_text("WIDTH = 1\n")
    with (own_folder / "networks.py").open("a") as file:
        file.write("\nfrom beside import WIDTH\n")
    assert toolkit_command("check", FIRST, *INPUT).code == 0
    (own_folder / "beside.py").write_text("WIDTH = 2\n")
    ended = toolkit_command("check", FIRST, *INPUT, "--resume")
    assert ended.code == 3
    assert "networks.py was" in ended.err


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_a_file_of_a_program_that_was_changed_is_not_gone_on_with(
    toolkit_command: Command, own_folder: Path
) -> None:
    words = ("check", "net.pt", "--input", "input=batch,8", "-f", "trace", "--trust")
    for width in (4, 5):
        torch.jit.save(torch.jit.script(torch.nn.Linear(8, width)), own_folder / "net.pt")
        ended = toolkit_command(*words, "--results", "results.json", "--resume")
        assert ended.code == (0 if width == 4 else 3)
    assert "net.pt was" in ended.err


def test_folders_for_outputs_are_no_options_of_the_results(toolkit_command: Command) -> None:
    toolkit_command("check", FIRST, *INPUT)
    assert toolkit_command("check", FIRST, *INPUT, "--failures", "else", "--resume").code == 0


def _two_files_of_one_name(folder: Path) -> None:
    for name in ("a", "b"):
        (folder / name).mkdir()
        shutil.copy(folder / "networks.py", folder / name / "networks.py")


@pytest.mark.parametrize("command", ["export", "check", "run"])
def test_two_networks_of_one_name_are_refused_before_any_work(
    toolkit_command: Command, own_folder: Path, command: str
) -> None:
    _two_files_of_one_name(own_folder)
    words = [str(own_folder / name / "networks.py") + ":Plain" for name in ("a", "b")]
    ended = toolkit_command(command, *words, *INPUT)
    assert ended.code == 2
    assert "would both be called networks.py:Plain" in ended.err
    assert "[tool.toolkit.models.NAME]" in ended.err
    assert not (own_folder / "exported").exists()


def test_a_change_of_either_of_two_files_of_one_name_is_noticed(
    toolkit_command: Command, own_folder: Path
) -> None:
    _two_files_of_one_name(own_folder)
    words = ("a/networks.py:Plain", "b/networks.py:Plain")
    assert toolkit_command("check", *words, *INPUT).code == 0
    (own_folder / "a" / "networks.py").write_text("# another network\n")
    ended = toolkit_command("check", *words, *INPUT, "--resume")
    assert ended.code == 3
    assert "a/networks.py was" in ended.err


def test_of_files_that_are_shown_alike_a_change_of_the_first_is_noticed(
    toolkit_command: Command, own_folder: Path
) -> None:
    _two_files_of_one_name(own_folder)
    words = [
        f"{own_folder}/{place}:{name}"
        for place, name in (("a/networks.py", "Plain"), ("b/networks.py", "Chatty"))
    ]
    assert toolkit_command("check", *words, *INPUT).code == 0
    results = (own_folder / "results.json").read_text()
    assert str(own_folder) not in json.dumps(json.loads(results)["asked"])
    (own_folder / "a" / "networks.py").write_text("# another network\n")
    ended = toolkit_command("check", *words, *INPUT, "--resume")
    assert ended.code == 3
    assert "networks.py was" in ended.err


TRAINED = """
from torch import nn
from toolkit.spec import ModelSpec, Port, TrainingPlan

SPEC = ModelSpec(
    "called-otherwise",
    lambda: nn.Linear(784, 10),
    (Port("input", ("batch", 784)),),
    training=TrainingPlan("digits", "cross_entropy", "accuracy", 1.01, epochs=1),
)
"""


def test_a_missed_floor_is_still_missed_after_resuming(
    toolkit_command: Command, own_folder: Path
) -> None:
    (own_folder / "spec.py").write_text(TRAINED)
    words = ("run", "spec.py:SPEC", "-f", "trace", "--results", "results.json", "-o", "out")
    first = toolkit_command(*words, "--json")
    again = toolkit_command(*words, "--json", "--resume")
    assert first.code == again.code == 1
    assert again.document["train"] == first.document["train"]
    assert "misses the floor" in json.dumps(first.document["export"])


@pytest.mark.parametrize(("now", "goes_on"), [({}, True), ({"time": 5}, False)])
def test_an_option_that_an_earlier_toolkit_did_not_have_was_not_said(
    tmp_path: Path, now: dict[str, int], goes_on: bool
) -> None:
    kept = results.Document(
        command="run",
        toolkit=__version__,
        environment=environment(None, 1),
        exit_code=0,
        asked={"seed": 0},
    )
    path = tmp_path / "run.json"
    results.save(kept, path)
    asked = {"seed": 0, "sizes": now}
    refused = contextlib.nullcontext() if goes_on else pytest.raises(ResultsError, match="sizes")
    with refused:
        assert resuming.earlier(path, "run", asked, environment(None, 1)) is not None

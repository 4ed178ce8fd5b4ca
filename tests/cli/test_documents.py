"""`--json` is exactly one document with the keys that scripts rely on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

from tests.cli.conftest import Command
from tests.strangers.networks import Plain

INPUT = ("--input", "x=batch,8")
EVERY = {"schema_version", "command", "toolkit", "environment", "exit_code"}
RESULT = {
    *("model", "format", "runtime", "device", "status", "score", "noise_source", "cases"),
    "findings",
}
FORM = {"format", "path", "sha256", "size_bytes", "opset", "seconds", "status", "message"}


def test_a_check_prints_one_document_whatever_the_network_prints(toolkit_command: Command) -> None:
    ended = toolkit_command("check", "networks.py:Chatty", *INPUT, "-f", "trace", "--json")
    document = ended.document
    assert ended.code == document["exit_code"] == 0
    assert set(document) >= {*EVERY, "results"}
    (row,) = document["results"]
    assert set(row) >= RESULT
    assert row["cases"] >= 24
    assert "check networks.py:Chatty" in ended.err


def test_of_several_models_one_that_crashes_is_a_row(toolkit_command: Command) -> None:
    words = ("networks.py:Exiting", "networks.py:Plain", "networks.py:Raising")
    ended = toolkit_command("check", *words, *INPUT, "-f", "trace", "--json")
    rows = [(row["model"], row["format"], row["status"]) for row in ended.document["results"]]
    assert rows == [
        (words[0], None, "crash"),
        (words[1], "trace", "pass"),
        (words[2], None, "error"),
    ]
    assert ended.code == 4


def test_a_model_that_raises_is_one_line_with_its_place(toolkit_command: Command) -> None:
    ended = toolkit_command("check", "networks.py:Raising", *INPUT)
    assert ended.code == 4
    assert re.search(r"the width is wrong \(networks\.py, line \d+\)", ended.err)
    assert "Traceback" not in ended.err


def test_an_export_says_its_bundle_and_the_bundle_is_a_model_word(
    toolkit_command: Command, own_folder: Path
) -> None:
    words = ("networks.py:Plain", *INPUT, "--arg", "width=3", "-f", "trace", "-o", "out")
    ended = toolkit_command("export", *words, "--json")
    (model,) = ended.document["models"]
    assert ended.code == 0
    assert set(model["forms"][0]) >= FORM
    assert (own_folder / model["bundle"] / "manifest.json").is_file()
    checked = toolkit_command("check", model["bundle"], "--json")
    assert checked.code == 0
    assert [row["model"] for row in checked.document["results"]] == [model["bundle"]]


def test_a_bench_without_the_long_protocol_has_its_keys(toolkit_command: Command) -> None:
    words = ("networks.py:Plain", *INPUT, "--variants", "eager", "--quick", "--json")
    document = toolkit_command("bench", *words).document
    (comparison,) = document["comparisons"]
    assert {"baseline", "aa_band", "rounds", "sets", "variants"} <= set(comparison)
    assert [row["variant"] for row in comparison["variants"]] == ["eager"]


def test_the_catalogue_and_the_machine_are_documents(toolkit_command: Command) -> None:
    listed = toolkit_command("list", "--json").document["models"]
    assert {"name", "family", "document", "parameters", "inputs", "outputs"} <= set(listed[0])
    assert toolkit_command("show", "lenet5", "--json").document["rows"]
    assert toolkit_command("doctor", "--json").document["rows"]


@pytest.mark.parametrize("name", ["plain.pth", "nested.pth:state"])
def test_a_checkpoint_is_loaded_into_a_users_model(toolkit_command: Command, name: str) -> None:
    state = Plain().state_dict()
    torch.save(state, "plain.pth")
    torch.save({"state": state, "epoch": 3}, "nested.pth")
    words = ("networks.py:Plain", *INPUT, "-f", "trace", "--weights", name, "--json")
    (row,) = toolkit_command("check", *words).document["results"]
    assert (row["status"], row["weights"]) == ("pass", "file")


def test_results_are_kept_and_rendered_again(toolkit_command: Command, own_folder: Path) -> None:
    words = ("networks.py:Plain", *INPUT, "-f", "trace", "--results", "kept/check.json")
    shown = toolkit_command("check", *words)
    again = toolkit_command("report", "kept/check.json")
    assert again.code == 0
    assert again.out == shown.out
    assert "| networks.py:Plain" in toolkit_command(
        "report", "kept/check.json", "--markdown", "-"
    ).out.replace("`", "")
    printed = toolkit_command("report", "kept/check.json", "--json", "-").document
    assert printed == json.loads((own_folder / "kept" / "check.json").read_text())
    assert toolkit_command("report", "kept/check.json", "--csv", "table.csv").out == ""
    assert "networks.py:Plain" in (own_folder / "table.csv").read_text()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 99}', '{"schema_version": 1}'])
def test_a_damaged_results_file_is_refused(
    toolkit_command: Command, own_folder: Path, text: str
) -> None:
    (own_folder / "damaged.json").write_text(text)
    ended = toolkit_command("report", "damaged.json")
    assert ended.code == 3
    assert "damaged.json" in ended.err
    assert toolkit_command("report", "nowhere.json").code == 3

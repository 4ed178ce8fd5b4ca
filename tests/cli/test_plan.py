"""`toolkit check --plan`: what would run is told, and nothing of it is run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.cli.conftest import Command

INPUT = ("--input", "x=batch,8")
CASE = {"number", "sizes", "kind", "flag", "class", "seed", "certain"}


def test_the_plan_of_a_network_is_one_document(toolkit_command: Command) -> None:
    ended = toolkit_command("check", "lenet5", "--plan", "--json")
    document = ended.document
    assert ended.code == document["exit_code"] == 0
    assert document["command"] == "check"
    assert "results" not in document
    assert document["plans"][0]["message"] is None
    (plan,) = document["plans"]
    assert plan["model"] == "lenet5"
    assert [case["number"] for case in plan["cases"]] == [*range(len(plan["cases"]))]
    assert all(set(case) == CASE for case in plan["cases"])
    assert {case["class"] for case in plan["cases"]} == {"ordinary", "scaled", "flat", "outliers"}
    assert {case["sizes"]["batch"] for case in plan["cases"]} == {1, 2, 3, 5, 512}
    held_out = [case for case in plan["cases"] if case["kind"] == "held-out"]
    assert len(held_out) == 4
    assert sum(case["certain"] for case in held_out) == 1


def test_the_table_says_what_is_covered(toolkit_command: Command) -> None:
    ended = toolkit_command("check", "bidirectional_lstm_classifier", "--plan")
    assert ended.code == 0
    assert "time 1, 2, 3, 5, 40; batch 1, 2, 3, 5, alone and together" in ended.out
    assert "held-out samples" in ended.out
    assert "ragged sequences, unsorted" in ended.out
    assert "whatever --budget says" in ended.out


def test_a_plan_runs_nothing_and_takes_no_results_place(
    toolkit_command: Command, own_folder: Path
) -> None:
    words = ("check", "networks.py:Raising", *INPUT, "--plan", "--json")
    ended = toolkit_command(*words, "--results", "plan.json")
    assert ended.code == 0
    assert len(ended.document["plans"][0]["cases"]) == 32
    assert {path.name for path in own_folder.iterdir()} == {"networks.py"}


def test_the_cases_planned_are_the_cases_run(toolkit_command: Command) -> None:
    words = ("check", "networks.py:Plain", *INPUT, "--json")
    (plan,) = toolkit_command(*words, "--plan").document["plans"]
    (row,) = toolkit_command(*words, "-f", "trace").document["results"]
    assert row["cases"] == len(plan["cases"])
    hurried = toolkit_command(*words, "-f", "trace", "--budget", "0").document["results"]
    assert hurried[0]["cases"] == sum(case["certain"] for case in plan["cases"])


def test_a_users_own_arrays_and_seed_are_planned(
    toolkit_command: Command, own_folder: Path
) -> None:
    np.savez(own_folder / "own.npz", x=np.ones((7, 8), np.float32))
    words = ("check", "networks.py:Plain", *INPUT, "--plan", "--json")
    ended = toolkit_command(*words, "--inputs", "own.npz", "--seed", "40")
    first, *_, last = ended.document["plans"][0]["cases"]
    assert (first["seed"], last["kind"], last["sizes"], last["certain"]) == (
        *(40, "given"),
        *({"batch": 7}, True),
    )


def test_a_bundle_and_a_file_have_the_plan_of_their_model(toolkit_command: Command) -> None:
    words = ("networks.py:Plain", *INPUT, "-f", "trace", "-o", "out")
    (made,) = toolkit_command("export", *words, "--json").document["models"]
    (form,) = made["forms"]
    for model in ((made["bundle"],), (form["path"], *INPUT)):
        ended = toolkit_command("check", *model, "--plan", "--json")
        assert ended.code == 0
        assert len(ended.document["plans"][0]["cases"]) == 32


def test_wrong_words_are_told_in_one_line(toolkit_command: Command) -> None:
    for words, code, said in (
        (("lenet",), 2, "lenet5"),
        (("networks.py:Plain",), 2, "--input"),
        (("lenet5", "--resume"), 2, "--plan"),
        (("lenet5", "--junit", "j.xml"), 2, "--plan"),
        (("networks.py:Plain", *INPUT, "--inputs", "gone.npz"), 2, "gone.npz"),
    ):
        ended = toolkit_command("check", *words, "--plan")
        assert ended.code == code, words
        assert said in ended.err
        assert "Traceback" not in ended.err


def test_of_several_models_one_that_cannot_be_planned_hides_no_other(
    toolkit_command: Command, own_folder: Path
) -> None:
    (own_folder / "broken.py").write_text('raise RuntimeError("no such device")')
    words = ("broken.py:Net", "networks.py:Plain")
    ended = toolkit_command("check", *words, *INPUT, "--plan", "--json")
    broken, plain = ended.document["plans"]
    assert (broken["model"], broken["cases"]) == ("broken.py:Net", [])
    assert "no such device" in broken["message"]
    assert (plain["model"], len(plain["cases"])) == ("networks.py:Plain", 32)
    assert ended.code == 4


def test_a_plan_is_rendered_again_as_markdown(toolkit_command: Command, own_folder: Path) -> None:
    ended = toolkit_command("check", "networks.py:Plain", *INPUT, "--plan", "--json")
    (own_folder / "plan.json").write_text(ended.out)
    again = toolkit_command("report", "plan.json", "--markdown", "-")
    assert again.code == 0
    assert "| 0 | batch" in again.out.replace("\N{NO-BREAK SPACE}", " ")
    assert json.loads((own_folder / "plan.json").read_text())["plans"]

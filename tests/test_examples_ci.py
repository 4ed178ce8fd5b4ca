"""The examples for a CI, run as a service would run them, as far as that is possible offline."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

yaml = pytest.importorskip("yaml")

CHECKOUT = Path(__file__).resolve().parents[1]
EXAMPLES = CHECKOUT / "examples" / "ci"
ACTION, WORKFLOW = EXAMPLES / "action.yml", EXAMPLES / "workflow.yml"
CONFIG, HOOKS = EXAMPLES / ".pre-commit-config.yaml", EXAMPLES / ".pre-commit-hooks.yaml"

NETWORKS = """import torch


class {name}(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer(x)
        return {returned}
"""
RIGHT, WRONG = "y", "2 * y if x.shape[0] > 2 else y"
SETTINGS = """[tool.toolkit]
formats = ["trace"]
{models}"""
ENTRY = """
[tool.toolkit.models.{name}]
model = "models.{name}:Net"
inputs = {{ x = "batch,8" }}
"""
# As GitHub runs a step whose shell is bash.
BASH = ["bash", "--noprofile", "--norc", "-eo", "pipefail"]
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
GATE = "--input x=batch,8 -f trace --budget 0"

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the steps are bash")


@dataclass(frozen=True)
class Service:
    """A repository that is checked out, and the folder of the runner beside it."""

    repository: Path
    runner: Path

    def write(self, name: str, text: str) -> None:
        path = self.repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        """What GitHub sets; of this machine only what programs need to start."""
        kept = {name: os.environ[name] for name in ("HOME", "TOOLKIT_HOME") if name in os.environ}
        own = Path(sys.executable).parent
        return {
            **kept,
            "PATH": f"{own}:/usr/bin:/bin",
            "OMP_NUM_THREADS": "1",
            "TOOLKIT_REPRODUCTIONS": "0",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.repository),
            "GITHUB_STEP_SUMMARY": str(self.runner / "summary.md"),
            "GITHUB_OUTPUT": str(self.runner / "output.txt"),
            "PIP_NO_INDEX": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def run(self, words: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self.repository,
            env=self.environment | more,
            capture_output=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            check=False,
        )


@pytest.fixture
def service(tmp_path: Path) -> Service:
    made = Service(tmp_path / "repository", tmp_path / "runner")
    made.repository.mkdir()
    made.runner.mkdir()
    return made


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(path: Path = ACTION) -> dict[str, Any]:
    return {step["name"]: step for step in read(path)["runs"]["steps"]}


def step_of(
    service: Service, name: str, inputs: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """One `run:` step of the action, its expressions replaced as GitHub replaces them."""
    defaults = {key: each["default"] for key, each in read(ACTION)["inputs"].items()}
    assert set(inputs) <= set(defaults)
    values = {f"inputs.{key}": value for key, value in {**defaults, **inputs}.items()}
    values["runner.temp"] = str(service.runner)
    step = steps()[name]
    variables = {key: filled(text, values) for key, text in step.get("env", {}).items()}
    script = service.runner / "step.sh"
    script.write_text(filled(step["run"], values), encoding="utf-8")
    return service.run([*BASH, str(script)], **variables)


def filled(text: str, values: Mapping[str, str]) -> str:
    return EXPRESSION.sub(lambda found: values[found[1]], text)


def test_every_input_of_the_action_says_what_it_is() -> None:
    action = read(ACTION)
    assert {"models", "arguments", "python-version"} <= set(action["inputs"])
    assert all(each["description"] and "default" in each for each in action["inputs"].values())
    used = set(re.findall(r"inputs\.([\w-]+)", ACTION.read_text(encoding="utf-8")))
    assert used == set(action["inputs"])


def test_steps_are_as_a_composite_action_needs_them() -> None:
    action = read(ACTION)
    assert action["runs"]["using"] == "composite"
    for step in action["runs"]["steps"]:
        assert ("run" in step) != ("uses" in step)
        assert "run" not in step or step["shell"] == "bash"


def test_inputs_reach_the_shell_as_variables_alone() -> None:
    for step in steps().values():
        assert not EXPRESSION.search(step.get("run", ""))


def test_results_are_kept_of_a_check_that_said_no() -> None:
    kept = steps()["Keep"]
    assert kept["uses"].startswith("actions/upload-artifact@")
    assert kept["if"] == "${{ !cancelled() }}"
    assert kept["with"]["path"] == steps()["Check"]["env"]["KEPT"]


def test_the_workflow_uses_the_action_as_it_is() -> None:
    workflow = read(WORKFLOW)
    assert set(workflow[True]) == {
        "push",
        "pull_request",
    }  # YAML 1.1 reads the key as a truth value
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    used = job["steps"][-1]
    assert used["uses"] == "./.github/actions/toolkit-check"
    assert "`.github/actions/toolkit-check/action.yml`" in (EXAMPLES / "README.md").read_text()
    assert set(used["with"]) <= set(read(ACTION)["inputs"])


def test_no_file_names_the_host_of_an_index() -> None:
    for path in sorted(EXAMPLES.iterdir()):
        if path.is_file():
            assert "://" not in path.read_text(encoding="utf-8"), path.name


def test_the_installing_step_needs_nothing_where_all_is_there(service: Service) -> None:
    done = step_of(service, "Install", {})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Requirement already satisfied: torch-export-toolkit" in done.stdout


@pytest.mark.slow
def test_a_right_network_passes_the_step(service: Service) -> None:
    service.write("nets/net.py", NETWORKS.format(name="Net", returned=RIGHT))
    done = step_of(service, "Check", {"models": "nets/net.py:Net", "arguments": GATE})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "::" not in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    kept = service.runner / "parity"
    assert f"junit={kept}/junit.xml\n" == (service.runner / "output.txt").read_text()
    root = ET.parse(kept / "junit.xml").getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("1", "0", "0")
    assert json.loads((kept / "check.json").read_text())["exit_code"] == 0
    assert "| nets/net.py:Net | trace |" in (service.runner / "summary.md").read_text(
        encoding="utf-8"
    )


@pytest.mark.slow
def test_a_wrong_network_fails_the_step_and_is_annotated(service: Service) -> None:
    service.write("nets/net.py", NETWORKS.format(name="Net", returned=WRONG))
    done = step_of(service, "Check", {"models": "nets/net.py:Net\n", "arguments": GATE})
    assert done.returncode == 1, done.stdout + done.stderr
    (error,) = [line for line in done.stdout.splitlines() if line.startswith("::error ")]
    assert error.startswith(
        "::error file=nets/net.py,line=4,title=toolkit check%3A baked-dimension "
    )
    assert "%0Areproduce: toolkit check nets/net.py:Net" in error
    kept = service.runner / "parity"
    (failure,) = ET.parse(kept / "junit.xml").getroot().iter("failure")
    assert failure.get("type") == "baked-dimension"
    assert list(kept.glob("failures/**/*.npz"))
    summary = (service.runner / "summary.md").read_text(encoding="utf-8")
    assert "- **error baked-dimension** (trace" in summary


def test_a_step_without_any_model_is_a_usage_error(service: Service) -> None:
    done = step_of(service, "Check", {})
    assert done.returncode == 2
    assert done.stdout.startswith("::error title=toolkit check%3A usage::which model?")


def hook(path: Path) -> dict[str, Any]:
    """The one hook of a configuration, or of a list of hooks."""
    found = read(path)
    (one,) = found if isinstance(found, list) else found["repos"][0]["hooks"]
    return one


def test_the_hooks_run_the_toolkit_and_once_at_a_time() -> None:
    for path in (CONFIG, HOOKS):
        assert hook(path)["require_serial"] is True
        assert hook(path)["id"] == "toolkit-check"
    assert shlex.split(hook(HOOKS)["entry"]) == ["toolkit", "check"]
    assert hook(HOOKS)["pass_filenames"] is False


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("models/net.py", True),
        ("models/part/net.py", True),
        ("train.py", False),
        ("models/a.txt", False),
    ],
)
def test_the_hook_is_for_files_of_models(name: str, meant: bool) -> None:
    assert bool(re.search(hook(CONFIG)["files"], name)) == meant


def hooked(service: Service, *files: str) -> subprocess.CompletedProcess[str]:
    """The entry on changed files, as pre-commit calls it in the root of the repository."""
    return service.run([*shlex.split(hook(CONFIG)["entry"]), *files], GITHUB_ACTIONS="")


@pytest.fixture
def shop(service: Service) -> Service:
    """Two models in the settings: one is right, one is wrong; both use a helper."""
    for name, returned in (("right", RIGHT), ("wrong", WRONG)):
        service.write(f"models/{name}.py", NETWORKS.format(name="Net", returned=returned))
    service.write("models/__init__.py", "")
    entries = "".join(ENTRY.format(name=name) for name in ("right", "wrong"))
    service.write("pyproject.toml", SETTINGS.format(models=entries))
    shutil.copy(EXAMPLES / "check_changed.py", service.repository)
    return service


@pytest.mark.slow
def test_a_commit_that_touches_a_right_model_goes_through(shop: Service) -> None:
    done = hooked(shop, "models/right.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 check: 1 passed" in done.stdout


@pytest.mark.slow
def test_a_commit_that_touches_a_helper_checks_all_models(shop: Service) -> None:
    done = hooked(shop, "models/right.py", "models/__init__.py")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 checks: 1 passed, 1 failed" in done.stdout

"""The worked examples of custom operators and of a detector do what their pages say."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.parity.models import Altered
from toolkit import probing, weights
from toolkit.cli import main
from toolkit.parity.plan import plan
from toolkit.parity.reference import Reference
from toolkit.parity.referring import refer
from toolkit.parity.verdict import Verdict, judge

EXAMPLES = Path(__file__).parents[1] / "examples"
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)

Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """`toolkit WORDS… --json`: the exit code and the document."""

    def command(*words: str) -> tuple[int, dict[str, Any]]:
        capfd.readouterr()
        code = main([*words, "--json"])
        return code, json.loads(capfd.readouterr().out)

    return command


def copied(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example as the working folder."""
    kept = shutil.ignore_patterns("exported", "__pycache__")
    shutil.copytree(EXAMPLES / example, tmp_path / example, ignore=kept)
    monkeypatch.chdir(tmp_path / example)


def commands(example: str) -> list[list[str]]:
    """The commands that its page shows, without the program's name."""
    page = (EXAMPLES / example / "README.md").read_text(encoding="utf-8")
    lines = [line for block in SHELL.findall(page) for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines]


def statuses(document: dict[str, Any]) -> dict[str, str]:
    return {row["format"]: row["status"] for row in document["results"]}


@pytest.mark.slow
def test_every_command_of_the_custom_operators_page_ends_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    copied("custom_operator", tmp_path, monkeypatch)
    shown = commands("custom_operator")
    assert [words[0] for words in shown] == ["check", "export", "check"]
    passed = dict.fromkeys(("onnx", "pt2", "trace", "script"), "pass")
    for words in shown:
        code, document = run(*words)
        assert code == 0, document
        if words[0] == "check":
            assert statuses(document) == passed
    manifest = Path("exported", "net-Net", "manifest.json").read_text(encoding="utf-8")
    assert json.loads(manifest)["imports"] == ["my_ops"]


def test_without_its_module_the_operator_and_the_option_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    copied("custom_operator", tmp_path, monkeypatch)
    code, document = run("check", "net.py:Net", "--input", "x=batch,16", "-f", "pt2")
    assert code == 3
    assert "my_ops::smooth_clip is not registered" in document["error"]["message"]
    assert "--import MODULE" in document["error"]["hint"]


def test_a_module_without_a_translation_is_a_row_that_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    copied("custom_operator", tmp_path, monkeypatch)
    text = Path("my_ops.py").read_text(encoding="utf-8")
    Path("my_ops.py").write_text(text.replace("ONNX_TRANSLATIONS", "UNUSED"), encoding="utf-8")
    words = ("--import", "my_ops", "--input", "x=batch,16", "-f", "onnx")
    code, document = run("check", "net.py:Net", *words)
    assert code == 4
    (found,) = document["results"][0]["findings"]
    assert "my_ops.smooth_clip" in found["message"]
    assert "ONNX_TRANSLATIONS" in found["message"]


def test_a_bundle_whose_manifest_names_another_module_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    copied("custom_operator", tmp_path, monkeypatch)
    words = ("--import", "my_ops", "--input", "x=batch,16", "-f", "trace")
    assert run("export", "net.py:Net", *words)[0] == 0
    Path("evil.py").write_text("open('ran', 'w').close()\n", encoding="utf-8")
    manifest = Path("exported", "net-Net", "manifest.json")
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"my_ops"', '"evil"'), encoding="utf-8")
    code, document = run("check", "exported/net-Net")
    assert code == 3
    assert "evil" in document["error"]["message"]
    assert not Path("ran").exists()


@pytest.fixture(scope="module")
def example() -> ModuleType:
    """The detection example's module, its sources where TorchScript looks for them."""
    place = importlib.util.spec_from_file_location("detection", EXAMPLES / "detection" / "net.py")
    assert place is not None
    assert place.loader is not None
    module = importlib.util.module_from_spec(place)
    sys.modules["detection"] = module
    place.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reference(example: ModuleType) -> Reference:
    """torchvision's detector over the cases of a check."""
    module = weights.construct(example.SPEC, 0)
    spec = probing.complete(example.SPEC, module)
    return refer(module, spec, plan(spec))


def test_how_many_boxes_there_are_depends_on_the_image(reference: Reference) -> None:
    counts = {len(judged.eager["boxes"]) for judged in reference.cases}
    assert len(counts) > 5
    assert 0 in counts
    assert reference.unfit is None


def verdict_of(reference: Reference, twin: nn.Module) -> Verdict:
    with torch.no_grad():
        return judge(reference, Altered(twin.eval(), reference.spec))


def test_the_twin_finds_what_torchvisions_detector_finds(
    example: ModuleType, reference: Reference
) -> None:
    verdict = verdict_of(reference, example.ExportableDetector(reference.module))
    assert verdict.status == "pass"
    assert verdict.score is not None


def test_a_twin_that_suppresses_fewer_boxes_fails(
    example: ModuleType, reference: Reference
) -> None:
    twin = example.ExportableDetector(weights.construct(example.SPEC, 0))
    twin.detector.nms_thresh = 0.9
    verdict = verdict_of(reference, twin)
    assert verdict.status == "fail"
    assert "structure" in [found.name for found in verdict.findings]


def test_boxes_in_another_order_are_wrong(example: ModuleType, reference: Reference) -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.twin = example.ExportableDetector(reference.module)

        def forward(self, image: Tensor) -> tuple[Tensor, ...]:
            return tuple(found.flip(0) for found in self.twin(image))

    verdict = verdict_of(reference, Backwards())
    assert "value" in [found.name for found in verdict.findings if found.severity == "error"]


@pytest.mark.slow
def test_every_command_of_the_detectors_page_ends_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    copied("detection", tmp_path, monkeypatch)
    for words in commands("detection"):
        code, document = run(*words)
        assert code == 0, document
        assert statuses(document) == dict.fromkeys(("onnx", "pt2", "trace", "script"), "pass")
        assert {row["noise_source"] for row in document["results"]} == {"float64"}

"""Words for variants, what is listed of them, and variants of other distributions."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from toolkit import variants
from toolkit.errors import MissingError, UsageError
from toolkit.variants import Listed, needs


@pytest.mark.parametrize(
    ("word", "written", "channels_last", "threads"),
    [
        ("eager", "eager", False, None),
        ("trace-frozen+channels_last", "trace-frozen+channels_last", True, None),
        ("onnx+threads=2", "onnx+threads=2", False, 2),
        ("pt2+threads=2+channels_last", "pt2+channels_last+threads=2", True, 2),
    ],
)
def test_a_word_is_a_variant_with_options(
    word: str, written: str, channels_last: bool, threads: int | None
) -> None:
    chosen = variants.parse(word)
    assert chosen.word == written
    assert chosen.variant is variants.get(word.split("+", maxsplit=1)[0])
    assert (chosen.channels_last, chosen.threads) == (channels_last, threads)
    options = chosen.options("cpu", 4)
    assert (options.threads, options.channels_last) == (threads or 4, channels_last)
    assert chosen.settings == ({"channels_last": "on"} if channels_last else {})


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("onyx", "no variant is called onyx"),
        ("", "no variant is called "),
        ("eager+fast", r"there is no option \+fast"),
        ("eager+", r"there is no option \+"),
        ("eager+threads=0", r"there is no option \+threads=0"),
        ("eager+threads=two", r"there is no option \+threads=two"),
        ("eager+threads=1+threads=2", r"\+threads stands there twice"),
        ("eager+channels_last+channels_last", r"\+channels_last stands there twice"),
        ("onnx+channels_last", "onnxruntime chooses the layout"),
        ("aoti+channels_last", "strides that were captured"),
        ("openvino+channels_last", "OpenVINO chooses the layout"),
    ],
)
def test_a_word_that_means_nothing_is_a_usage_error(word: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        variants.parse(word)


def test_the_nearest_variants_are_named() -> None:
    with pytest.raises(UsageError) as caught:
        variants.parse("trace-frozn")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("did you mean trace-frozen")


@pytest.mark.parametrize(
    ("word", "alone"),
    [
        ("eager", False),
        ("eager+threads=1", False),
        ("eager+threads=2", True),
        ("onnx+threads=2", False),
        ("onnx-spin", True),
        ("openvino+threads=2", False),
    ],
)
def test_what_would_disturb_others_is_timed_alone(word: str, alone: bool) -> None:
    assert variants.parse(word).alone(threads=1) is alone


def test_all_variants_are_listed_with_what_they_are() -> None:
    rows = {row.name: row for row in variants.listed("cpu")}
    assert tuple(rows)[: len(variants.OURS)] == variants.OURS
    assert all(rows[name].summary and rows[name].runtime for name in variants.OURS)
    assert rows["eager"].missing is None
    assert rows["eager"].format is None
    assert rows["aoti"].format == "pt2"
    assert rows["cuda-graph"].missing == "it runs on CUDA alone: --device cuda"
    with pytest.raises(UsageError, match="no device is called gpu"):
        variants.listed("gpu")


def test_what_is_missing_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    lacking = variants.get("openvino").missing("cpu")
    assert lacking == ("openvino is not installed: pip install 'torch-export-toolkit[openvino]'")


@pytest.mark.parametrize("word", ["compile", "compile-max", "aoti"])
def test_a_compiler_that_is_not_there_is_missing(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler -O3")
    lacking = variants.get(word).missing("cpu")
    assert lacking is not None
    assert lacking.startswith("there is no C++ compiler no-such-compiler")


def test_a_gpu_without_its_driver_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise OSError(name)

    versions = {"torch": "2.99.0", "onnxruntime-gpu": "1.99"}
    monkeypatch.setattr("importlib.metadata.version", versions.__getitem__)
    monkeypatch.setattr("ctypes.CDLL", absent)
    assert needs.torch_on("cpu") is None
    assert str(needs.torch_on("cuda")).startswith("no NVIDIA driver")
    assert str(needs.onnxruntime_on("cuda:1")).startswith("no NVIDIA driver")
    monkeypatch.setitem(versions, "torch", "2.99.0+cpu")
    assert str(needs.torch_on("cuda")).startswith("this torch was built without CUDA")


NEW_RUNTIME = """
from dataclasses import dataclass
from toolkit.variants import Variant, get

@dataclass(frozen=True)
class Doubling(Variant):
    def load(self, source, options):
        return get("eager").load(source, options)

VARIANT = Doubling("doubling", "eager under another name", "eager")
WRONG = Doubling("another", "a name of its own", "eager")
FOREIGN = Doubling("foreign", "a form that nobody writes", "eager", "tflite")

@dataclass(frozen=True)
class Unsure(Doubling):
    def missing(self, device):
        raise LookupError("no such driver")

UNSURE = Unsure("unsure", "cannot say what it needs", "eager")
"""
ENTRIES = """[toolkit.variants]
doubling = new_runtime:VARIANT
misnamed = new_runtime:WRONG
foreign = new_runtime:FOREIGN
unsure = new_runtime:UNSURE
no-variant = new_runtime:dataclass
absent = no_such_module:VARIANT
eager = new_runtime:VARIANT
"""


@pytest.fixture
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution with a variant, and with entry points that are none."""
    (tmp_path / "new_runtime.py").write_text(NEW_RUNTIME, encoding="utf-8")
    info = tmp_path / "new_runtime-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: new-runtime\nVersion: 1.0\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(ENTRIES, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "new_runtime", raising=False)


@pytest.mark.usefixtures("_installed")
def test_a_new_runtime_is_one_file_and_one_entry_point() -> None:
    chosen = variants.parse("doubling+channels_last+threads=3")
    assert chosen.variant.summary == "eager under another name"
    row = next(row for row in variants.listed("cpu") if row.name == "doubling")
    assert row == Listed(
        "doubling", "eager under another name", None, "eager", None, origin="new-runtime"
    )


@pytest.mark.usefixtures("_installed")
def test_an_entry_point_cannot_take_a_name_of_ours() -> None:
    assert type(variants.get("eager")).__module__ == "toolkit.variants.eager"
    assert [row.origin for row in variants.listed("cpu") if row.name == "eager"] == [None]


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("absent", "the variant absent of new-runtime cannot be loaded: No module named"),
        ("misnamed", "the entry point misnamed is a variant called another"),
        ("no-variant", "the entry point no-variant is function"),
        ("foreign", "the entry point foreign is a variant called foreign of the format tflite"),
    ],
)
def test_an_entry_point_that_is_no_variant_is_told_and_the_others_listed(
    word: str, message: str
) -> None:
    with pytest.raises(MissingError, match=message):
        variants.parse(word)
    rows = {row.name: row.missing for row in variants.listed("cpu")}
    assert str(rows[word]).startswith(message)
    assert rows["doubling"] is None


@pytest.mark.usefixtures("_installed")
def test_a_variant_that_cannot_say_what_it_needs_is_told_and_the_others_listed() -> None:
    rows = {row.name: row.missing for row in variants.listed("cpu")}
    assert str(rows["unsure"]).startswith("no such driver")
    assert rows["doubling"] is None

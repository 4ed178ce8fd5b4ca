"""Nothing assumes Linux where it need not: other paths, shells, encodings, modules that lack."""

from __future__ import annotations

import json
import ntpath
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import psutil
import pytest

import toolkit
from toolkit import registry
from toolkit import words as word_parsing
from toolkit.bundle import exchange
from toolkit.bundle.manifest import portable_word
from toolkit.errors import BuildError, MissingError
from toolkit.folders import cache_folder, slug
from toolkit.isolation import Death, Limits, run_job, unenforced
from toolkit.options import CheckOptions
from toolkit.reasons import is_users, plain
from toolkit.results import CheckResult
from toolkit.settings.drafting import draft
from toolkit.settings.proposing import of_word
from toolkit.weights import untrained
from toolkit.words import ModelWords, display_name, shell_line

COMMAND = [sys.executable, "-P", "-m", "toolkit"]
METHODS = ["forkserver", pytest.param("spawn", marks=pytest.mark.slow)]
NETWORKS = Path(__file__).parent / "strangers"
NET = """
import os
import sys
from torch import nn

class Net(nn.Linear):
    def __init__(self):
        super().__init__(4, 2)
"""
# Run by every interpreter at its start: what Windows' Python does not have is taken away.
WITHOUT_POSIX = """
import multiprocessing
import os
import signal
import sys

for module in ("fcntl", "termios", "grp", "pwd"):
    sys.modules[module] = None
for name in ("SIGHUP", "pthread_sigmask"):
    delattr(signal, name)
for name in ("sched_getaffinity", "getloadavg", "fork", "killpg", "setsid"):
    delattr(os, name)
multiprocessing.get_all_start_methods = lambda: ["spawn"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one network in it."""
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, **variables}
    return subprocess.run([*COMMAND, *words], env=environment, capture_output=True, check=False)


def statuses(ended: subprocess.CompletedProcess[bytes]) -> dict[str, str]:
    assert ended.returncode == 0, ended.stderr.decode()
    return {row["format"]: row["status"] for row in json.loads(ended.stdout)["results"]}


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        (r"C:\Users\someone\net.py:Net", "net.py:Net"),
        ("C:/Users/someone/net.py:Net", "net.py:Net"),
        (r"\\server\share\net.py:Net", "net.py:Net"),
        (r"C:\Users\someone\model.onnx", "model.onnx"),
        ("D:/exported/lenet5", "lenet5"),
        ("m:Net", "m:Net"),
    ],
)
def test_a_path_of_windows_leaves_no_folder_in_a_manifest(word: str, kept: str) -> None:
    assert portable_word(word) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (r"cannot open C:\Users\someone\net.onnx: denied", "cannot open net.onnx: denied"),
        (r"'C:\\Users\\someone\\net.onnx'", "'net.onnx'"),
        (r"\\server\share\net.onnx", "net.onnx"),
        ("C:/Users/someone/net.onnx", "net.onnx"),
        (r"matches \d+\s and a\b", r"matches \d+\s and a\b"),
    ],
)
def test_what_a_runtime_says_names_no_folder_of_windows(text: str, kept: str) -> None:
    assert plain(text) == kept


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        (r"C:\work\net.py:Net", "net.py:Net"),
        (r"C:\work\weights.pth", "weights.pth"),
        (r"C:\work\weights.pth:model", "weights.pth:model"),
        (r"sub\net.py:Net", r"sub\net.py:Net"),
    ],
)
def test_the_colon_of_a_drive_is_not_the_one_before_a_name(
    word: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_parsing, "Path", PureWindowsPath)
    assert display_name(word) == shown


@pytest.mark.parametrize("key", ["model", None])
def test_weights_on_a_drive_may_have_a_key(
    key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str | None]] = []

    def load_state(module: object, path: Path, key: str | None) -> None:
        asked.append((str(path), key))

    monkeypatch.setattr(untrained, "os", SimpleNamespace(path=ntpath))
    monkeypatch.setattr(untrained, "load_state", load_state)
    file = r"C:\work\weights.pth"
    choice = file if key is None else f"{file}:{key}"
    untrained.untrained(registry.find(ModelWords("lenet5")), choice, 0, lambda _: None)
    assert asked == [(file, key)]


@pytest.mark.parametrize(
    ("word", "name"),
    [
        (r"C:\work\net.py:Net", "C--work-net-Net"),
        ('a<b>c"d|e?f*g', "a-b-c-d-e-f-g"),
        ("timm:vit_tiny.augreg", "timm-vit_tiny.augreg"),
        ("con", "con-model"),
        ("NUL.txt", "NUL.txt-model"),
        ("concat", "concat"),
        ("name. ", "name"),
        ("..", "model"),
    ],
)
def test_a_folder_is_named_as_every_system_allows(word: str, name: str) -> None:
    assert slug(word) == name


def test_a_word_with_backslashes_is_drafted_under_its_own_name() -> None:
    both = [of_word(r"sub\first.py:Net"), of_word(r"sub\second.py:Net")]
    _, names = draft(both)
    assert names == ["net", "second-net"]
    assert of_word("lenet5").name == "lenet5"


def test_pythons_own_library_is_nobodys_code_where_its_folder_is_called_lib(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "__file__", str(tmp_path / "Lib" / "os.py"))
    assert not is_users(str(tmp_path / "Lib" / "json" / "decoder.py"))
    assert is_users(str(tmp_path / "net.py"))


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("x=batch,3", '"x=batch,3"'),
        (r"C:\work\net.py:Net", r"C:\work\net.py:Net"),
        ("C:\\my work\\", r'"C:\my work\\"'),
        ('a "b"', r'"a \"b\""'),
        ("", '""'),
    ],
)
def test_a_command_can_be_pasted_into_the_shells_of_windows(
    word: str, quoted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_parsing, "ON_WINDOWS", True)
    assert shell_line(["toolkit", word]) == f"toolkit {quoted}"


def test_a_user_without_a_home_is_told_which_folder_to_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for variable in ("TOOLKIT_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(MissingError) as caught:
        cache_folder()
    assert "TOOLKIT_HOME" in str(caught.value.hint)


def _open_of_windows(path: Path, flags: int) -> int:
    if path.is_dir():
        raise PermissionError(13, "Permission denied", str(path))
    return os.open(path, flags)


def test_a_bundle_takes_its_place_without_locks_exchange_or_folders_that_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_library(*_: object, **__: object) -> None:
        raise TypeError("argument must be str, not None")

    monkeypatch.setattr(exchange, "fcntl", None)
    monkeypatch.setattr(exchange, "ctypes", SimpleNamespace(CDLL=no_library))
    monkeypatch.setattr(exchange, "os", SimpleNamespace(**{**vars(os), "open": _open_of_windows}))
    destination = tmp_path / "bundle"
    for text in ("first", "second"):
        with exchange.replacing(destination) as partial:
            (partial / "file").write_text(text, encoding="ascii")
    assert (destination / "file").read_text(encoding="ascii") == "second"
    assert list(tmp_path.iterdir()) == [destination]


def test_words_that_share_a_folder_say_whose_bundle_is_gone(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "net.py").write_text(NET, encoding="utf-8")
    (folder / "sub-net.py").write_text(NET, encoding="utf-8")
    first, second = (
        toolkit.export(word, inputs={"input": "batch,4"}, formats=("trace",), out=folder)
        for word in ("sub/net.py:Net", "sub-net.py:Net")
    )
    assert first.bundle == second.bundle
    assert "the bundle that stood here was of sub/net.py:Net: it is gone" in second.notes
    assert not any("stood here" in note for note in first.notes)


def test_a_memory_limit_that_cannot_be_enforced_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(memory_bytes=10**9)
    assert unenforced(limits) == []

    def denied(_: psutil.Process) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "memory_info", denied)
    (note,) = unenforced(limits)
    assert "--memory-limit is not enforced" in note
    assert unenforced(Limits()) == []


def death_of_net(folder: Path, body: str) -> Death:
    (folder / "net.py").write_text(f"{NET}        {body}\n", encoding="utf-8")
    (death,) = checked(folder)
    assert isinstance(death, Death)
    return death


def checked(folder: Path) -> list[object]:
    words = ModelWords(str(folder / "net.py:Net"), ("input=batch,4",))
    return list(run_job("check", words, CheckOptions(("trace",)), ("trace",), None))


@pytest.mark.skipif(os.name != "posix", reason="no process is ended by a signal there")
@pytest.mark.parametrize(("number", "name"), [(int(signal.SIGABRT), "SIGABRT"), (35, "35")])
def test_an_end_is_told_where_signals_have_no_names(
    number: int, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(signal, "SIGKILL", raising=False)
    death = death_of_net(folder, f"os.kill(os.getpid(), {number})")
    assert death.kind == "crash"
    assert name in death.message


@pytest.mark.parametrize(("asked", "started"), [(None, "spawn_main"), ("forkserver", "forkserver")])
def test_children_start_afresh_on_macos_unless_a_fork_server_is_asked_for(
    asked: str | None, started: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.delenv("TOOLKIT_CHILDREN", raising=False)
    if asked is not None:
        monkeypatch.setenv("TOOLKIT_CHILDREN", asked)
    source = f"{NET}        raise ValueError(' '.join(sys.orig_argv))\n"
    (folder / "net.py").write_text(source, encoding="utf-8")
    with pytest.raises(BuildError, match=started):
        checked(folder)


def verdicts(format_name: str, words: ModelWords) -> list[str]:
    """What a child says of one format."""
    rows = run_job("check", words, CheckOptions((format_name,)), (format_name,), None)
    return [row.status for row in rows if isinstance(row, CheckResult)]


@pytest.mark.parametrize("method", METHODS)
def test_nested_inputs_reach_a_network_however_its_process_was_started(
    method: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLKIT_CHILDREN", method)
    source = (NETWORKS / "nested.py").read_text(encoding="utf-8")
    (folder / "nested.py").write_text(source, encoding="utf-8")
    inputs = ("x=batch,4", "states.0=batch,3", "states.1=batch,3", "more.gain=1")
    assert verdicts("script", ModelWords("nested.py:FromPairs", inputs)) == ["pass"]


IMPORTED = """
import torch

@torch.library.custom_op("platforms::twice", mutates_args=())
def twice(x: torch.Tensor) -> torch.Tensor:
    return 2 * x

@twice.register_fake
def _(x):
    return torch.empty_like(x)
"""
USING = """
import torch
from torch import nn

class Twice(nn.Linear):
    def __init__(self):
        super().__init__(4, 2)

    def forward(self, input):
        return torch.ops.platforms.twice(super().forward(input))
"""


@pytest.mark.parametrize("method", METHODS)
def test_an_imported_module_registers_its_operators_in_every_kind_of_process(
    method: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLKIT_CHILDREN", method)
    (folder / "own_ops.py").write_text(IMPORTED, encoding="utf-8")
    (folder / "using.py").write_text(USING, encoding="utf-8")
    words = ModelWords("using.py:Twice", ("input=batch,4",), imports=("own_ops",))
    assert verdicts("pt2", words) == ["pass"]


@pytest.mark.slow
def test_a_check_needs_nothing_that_only_posix_has(folder: Path) -> None:
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(WITHOUT_POSIX, encoding="utf-8")
    options = ["--input", "input=batch,4", "-f", "trace,pt2", "--memory-limit", "8", "--json"]
    ended = run("check", "net.py:Net", *options, PYTHONPATH=str(folder / "site"))
    assert statuses(ended) == {"trace": "pass", "pt2": "pass"}


PRINTS = """
print("→ größer")
from torch import nn

class Größe(nn.Linear):
    def __init__(self):
        super().__init__(4, 2)
        print("größer →")
"""


@pytest.mark.slow
def test_a_terminal_of_ascii_alone_shows_everything(folder: Path) -> None:
    (folder / "größe.py").write_text(PRINTS, encoding="utf-8")
    words = ["check", "größe.py:Größe", "--input", "input=batch,4", "-f", "onnx"]
    narrow = {"LANG": "C", "PYTHONIOENCODING": "ascii", "TOOLKIT_CHILDREN": "spawn"}
    ended = run(*words, **narrow)
    assert ended.returncode == 0, ended.stderr
    assert (ended.stdout + ended.stderr).isascii()
    assert rb"gr\xf6\xdfe.py:Gr\xf6\xdfe" in ended.stdout


def test_a_name_that_torchscript_cannot_read_back_is_told(folder: Path) -> None:
    (folder / "größe.py").write_text(PRINTS, encoding="utf-8")
    (row,) = toolkit.check("größe.py:Größe", inputs={"input": "batch,4"}, formats=("trace",))
    assert row.status == "error"
    assert "a name that is not ASCII" in row.findings[0].message

"""A user's own module by `file.py:name` or `package.module:name`: found, built, or refused."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from toolkit import user_code
from toolkit.errors import BuildError, ModelNotFoundError, UsageError
from toolkit.hashing import state_dict_sha256

STRANGERS = Path(__file__).parent / "strangers" / "networks.py"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A stranger's folder as the working folder; what is imported from it is forgotten."""
    shutil.copy(STRANGERS, tmp_path / "networks.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = dict(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - set(before):
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def build(word: str, **arguments: object) -> nn.Module:
    built = user_code.builder(word, user_code.find_object(word), arguments)
    assert callable(built)
    return built()


@pytest.mark.parametrize("name", ["Plain", "factory", "instance"])
def test_a_class_a_function_and_an_instance_give_a_module(folder: Path, name: str) -> None:
    module = build(f"networks.py:{name}")
    assert module(torch.zeros(2, 8)).shape == (2, 4)


def test_a_spec_is_taken_as_it_is(folder: Path) -> None:
    found = user_code.find_object("networks.py:SPEC")
    assert user_code.builder("networks.py:SPEC", found, {}) is found


@pytest.mark.parametrize("name", ["Plain", "factory"])
def test_arguments_go_to_the_constructor(folder: Path, name: str) -> None:
    assert build(f"networks.py:{name}", width=7)(torch.zeros(2, 8)).shape == (2, 7)


def test_arguments_for_an_instance_are_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="--arg"):
        build("networks.py:instance", width=7)


def test_an_instance_is_copied(folder: Path) -> None:
    assert build("networks.py:instance") is not user_code.find_object("networks.py:instance")


def test_an_instance_has_the_same_weights_whatever_was_drawn_before(folder: Path) -> None:
    hashes = set()
    for seed in (1, 2):
        torch.manual_seed(seed)
        sys.modules.pop("networks", None)
        hashes.add(state_dict_sha256(build("networks.py:instance").state_dict()))
    assert len(hashes) == 1


def test_a_missing_file_and_a_missing_name_are_said_with_the_nearest(folder: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"there is no file nowhere\.py"):
        user_code.find_object("nowhere.py:Net")
    with pytest.raises(ModelNotFoundError, match="has no Plane") as caught:
        user_code.find_object("networks.py:Plane")
    assert "Plain" in str(caught.value.hint)


@pytest.mark.parametrize(("name", "says"), [("NUMBER", "type int"), ("no_module", "gives a int")])
def test_what_is_no_module_is_refused(folder: Path, name: str, says: str) -> None:
    with pytest.raises(ModelNotFoundError, match=says):
        build(f"networks.py:{name}")


def test_an_error_of_the_constructor_is_one_line_with_its_place(folder: Path) -> None:
    with pytest.raises(BuildError) as caught:
        build("networks.py:Raising")
    assert "ValueError: the width is wrong (networks.py, line " in caught.value.message
    assert "\n" not in caught.value.message


def test_a_constructor_that_leaves_python_is_an_error(folder: Path) -> None:
    with pytest.raises(BuildError, match="SystemExit"):
        build("networks.py:Leaving")


def test_the_place_of_an_error_is_the_users_line_and_not_the_librarys(folder: Path) -> None:
    (folder / "deep.py").write_text("import torch\nlayer = torch.nn.Linear(2, 'x')\n")
    with pytest.raises(BuildError, match=r"\(deep.py, line 2\)$"):
        user_code.find_object("deep.py:layer")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import nothing_of_this_name\n", "nothing_of_this_name"),
        ("1 / 0\n", r"division by zero \(broken.py, line 1\)"),
        ("def f(:\n", r"SyntaxError.*\(broken.py, line 1\)"),
        ("raise SystemExit(0)\n", "SystemExit"),
    ],
)
def test_an_error_of_the_import_is_one_line(folder: Path, source: str, says: str) -> None:
    (folder / "broken.py").write_text(source)
    with pytest.raises(BuildError, match=says):
        user_code.find_object("broken.py:Net")
    with pytest.raises(BuildError, match=says):
        user_code.find_object("broken:Net")


def test_the_files_own_folder_can_be_imported_from(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "helper_of_mine.py").write_text("WIDTH = 3\n")
    source = "from torch import nn\nfrom helper_of_mine import WIDTH\n"
    (folder / "sub" / "net.py").write_text(f"{source}def make(): return nn.Linear(2, WIDTH)\n")
    assert build("sub/net.py:make")(torch.zeros(1, 2)).shape == (1, 3)


def test_a_package_called_models_is_the_users_own(folder: Path) -> None:
    (folder / "models").mkdir()
    (folder / "models" / "__init__.py").write_text("")
    (folder / "models" / "mlp.py").write_text("from torch import nn\nNet = nn.Identity\n")
    assert isinstance(build("models.mlp:Net"), nn.Identity)


def test_a_package_that_is_not_there_is_no_model(folder: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"there is no module nowhere\.net"):
        user_code.find_object("nowhere.net:Net")


@pytest.mark.parametrize("name", ["random.py", "onnx.py", "torch.py", "my-net.py"])
def test_a_file_named_like_an_installed_module_does_not_replace_it(folder: Path, name: str) -> None:
    known = sys.modules.get(name.removesuffix(".py"))
    (folder / name).write_text("from torch import nn\nclass Net(nn.Identity):\n    pass\n")
    assert isinstance(build(f"{name}:Net"), nn.Identity)
    assert sys.modules.get(name.removesuffix(".py")) is known


def test_two_files_of_the_same_name_are_two_modules(folder: Path) -> None:
    for width in (3, 4):
        (folder / str(width)).mkdir()
        source = f"from torch import nn\ndef make(): return nn.Linear(2, {width})\n"
        (folder / str(width) / "twin_net.py").write_text(source)
    shapes = [build(f"{width}/twin_net.py:make")(torch.zeros(1, 2)).shape[1] for width in (3, 4)]
    assert shapes == [3, 4]


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("Plain", "--input x=batch,8"),
        ("Image", "--input image=batch,3,224,224"),
        ("Recurrent", "--input steps=batch,time,6"),
        ("Bag", "--input tokens=batch,time:int64 --input weights=…"),
    ],
)
def test_missing_inputs_are_guessed_from_the_first_layer(
    folder: Path, name: str, guess: str
) -> None:
    make: Callable[[], nn.Module] = user_code.find_object(f"networks.py:{name}")
    error = user_code.missing_inputs(f"networks.py:{name}", make)
    assert error.exit_code == 2
    assert str(error.hint).endswith(guess)

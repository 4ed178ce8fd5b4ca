"""The words of the command line, as values or as one helpful line."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.calling import Constant
from toolkit.errors import InputsError, UsageError
from toolkit.grammar import parse_argument, parse_dim, parse_input, parse_range
from toolkit.spec import DTYPES, Port
from toolkit.words import ModelWords, display_name, parse_formats


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("x=batch,3,224,224", Port("x", ("batch", 3, 224, 224))),
        ("tokens=batch,time:int64", Port("tokens", ("batch", "time"), "int64")),
        ("x=1x3x224x224", Port("x", (1, 3, 224, 224))),
        ("x=1x3:float16", Port("x", (1, 3), "float16")),
        ("x=5", Port("x", (5,))),
        ("scale=()", Port("scale", ())),
        ("state.h=2,batch", Port("state_h", (2, "batch"), path="state.h")),
    ],
)
def test_an_input_is_a_name_a_shape_and_a_dtype(text: str, port: Port) -> None:
    assert parse_input(text) == port


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x", "expected NAME="),
        ("=3", "expected NAME="),
        ("x=", "expected NAME="),
        ("3x=4", "expected NAME="),
        ("x=batch,,3", "an empty word is no size"),
        ("x=-1,3", "-1 is no size"),
        ("x=batchx3", "the x form takes numbers alone"),
        ("x=batchx3x224", "the x form takes numbers alone"),
        ("x=3:float31", "did you mean float32?"),
        ("x=3:complex64", "unknown dtype complex64"),
    ],
)
def test_a_wrong_input_says_what_was_expected(text: str, says: str) -> None:
    with pytest.raises(InputsError) as caught:
        parse_input(text)
    assert says in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 2


@given(
    st.lists(st.integers(0, 999) | st.sampled_from(["batch", "time"]), min_size=1, max_size=5),
    st.sampled_from(DTYPES),
)
def test_every_shape_is_read_as_it_is_written(shape: list[int | str], dtype: str) -> None:
    assert parse_input(f"x={','.join(map(str, shape))}:{dtype}") == Port("x", tuple(shape), dtype)


def test_a_dimension_has_ends_a_step_and_a_traced_size() -> None:
    dimension = parse_dim("height=32..512:32@64")
    assert (dimension.low, dimension.high, dimension.step) == (32, 512, 32)
    assert dimension.traced == 64
    assert parse_dim("batch=1..").high is None


@pytest.mark.parametrize("text", ["batch", "batch=3", "batch=1-4", "batch=4..2", "batch=1..4@9"])
def test_a_wrong_dimension_is_refused(text: str) -> None:
    with pytest.raises(InputsError, match="--dim"):
        parse_dim(text)


def test_a_range_has_two_ends() -> None:
    assert parse_range("x=-1..1") == ("x", (-1.0, 1.0))
    assert parse_range("x=1e-3..2.5") == ("x", (0.001, 2.5))


@pytest.mark.parametrize("text", ["x", "x=1", "x=2..1", "x=a..b", "x=..", "x=--1..2"])
def test_a_wrong_range_is_refused(text: str) -> None:
    with pytest.raises(InputsError, match="--range"):
        parse_range(text)


def test_an_argument_is_a_python_literal_or_text() -> None:
    assert parse_argument("width=8") == ("width", 8)
    assert parse_argument("sizes=[1, 2]") == ("sizes", [1, 2])
    assert parse_argument("mode=fast") == ("mode", "fast")
    with pytest.raises(InputsError, match="--arg"):
        parse_argument("width")


def test_formats_are_lists_with_commas_and_the_nearest_is_named() -> None:
    assert parse_formats(["onnx,script", "onnx"]) == ("onnx", "script")
    with pytest.raises(UsageError, match="did you mean onnx"):
        parse_formats(["onx"])


def test_a_range_for_no_input_is_refused() -> None:
    words = ModelWords("net.py:Net", inputs=("x=3",), ranges=("y=0..1",))
    with pytest.raises(InputsError, match="no input has this name"):
        words.ports()


def test_a_range_is_applied_to_its_input() -> None:
    (port,) = ModelWords("net.py:Net", inputs=("x=3",), ranges=("x=0..1",)).ports()
    assert (port.low, port.high) == (0.0, 1.0)


def test_the_options_of_a_reproduction_say_the_same_again() -> None:
    words = ModelWords("n.py:N", ("x=batch,3",), ("batch=1..4",), arguments=("a=b c",), seed=3)
    expected = ["--input", "x=batch,3", "--dim", "batch=1..4", "--arg", "a=b c", "--seed", "3"]
    assert shlex.split(words.options()) == expected


def test_an_absolute_path_is_shown_by_its_file_name() -> None:
    assert display_name("/home/somebody/net.py:Net") == "net.py:Net"
    assert display_name("/home/somebody/bundle") == "bundle"
    assert display_name("sub/net.py:Net") == "sub/net.py:Net"
    assert display_name("lenet5") == "lenet5"


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("use_cache:=False", "use_cache", False),
        ("mask:=None", "mask", None),
        ("options.scale:=0.5", "options.scale", 0.5),
        ("mode:=bilinear", "mode", "bilinear"),
    ],
)
def test_a_constant_is_a_path_and_a_python_value(text: str, path: str, value: Constant) -> None:
    words = ModelWords("net.py:Net", inputs=("x=2,3", text))
    assert words.constants() == {path: value}
    assert [port.name for port in words.ports()] == ["x"]


def test_a_list_is_no_constant() -> None:
    with pytest.raises(InputsError, match="list is no constant"):
        ModelWords("net.py:Net", inputs=("sizes:=[1, 2]",)).constants()

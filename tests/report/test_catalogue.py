"""What `list`, `show` and `doctor` print."""

from __future__ import annotations

from tests.report.examples import catalogue, doctor, document
from toolkit.report.catalogue import document_lines, format_shape, list_sheet, show_rows
from toolkit.report.facts import format_fact
from toolkit.report.terminal import format_document
from toolkit.results import ListedModel
from toolkit.spec import Dimension, ModelSpec, Port, TrainingPlan


def never() -> object:
    raise AssertionError("showing an entry does not build it")


SPEC = ModelSpec(
    name="lstm",
    build=never,  # type: ignore[arg-type]
    inputs=(Port("x", ("batch", "time", 28)), Port("labels", ("batch",), "int64", 0, 9)),
    outputs=(Port("logits", ("batch", 10)),),
    dimensions=(Dimension("time", low=1, high=64),),
    family="recurrent",
    parameters=1_234_567,
    training=TrainingPlan("digits", "cross-entropy", "accuracy", 0.9),
    limits={"script": "a reason"},
)


def shown_of(spec: ModelSpec) -> dict[str, str]:
    return {row["property"]: row["value"] for row in show_rows(spec)}


def test_an_entry_is_listed_with_its_inputs() -> None:
    lenet, lstm = list_sheet(models()).rows
    assert [cell.text for cell in lenet] == [
        "lenet5",
        "lenet",
        "61,706",
        "image=batch,1,32,32",
        "all",
        "C",
    ]
    assert lstm[4].text == "onnx, trace"


def test_the_letters_of_documents_are_explained_under_the_list() -> None:
    assert document_lines(models()) == ["doc C: a cheat sheet"]


def models() -> list[ListedModel]:
    return [held for held in catalogue().models or [] if isinstance(held, ListedModel)]


def test_showing_an_entry_says_everything_about_it() -> None:
    shown = shown_of(SPEC)
    assert shown["parameters"] == "1,234,567"
    assert shown["input labels"] == "batch, int64, 0 … 9"
    assert shown["dimension time"] == "1 … 64, traced at 2, tested at 1, 2, 3, 5"
    assert shown["dimension batch"].startswith("1 … any")
    assert shown["floor"] == "accuracy at least 0.9"
    assert shown["formats"] == "onnx, pt2, trace, onnx-legacy"
    assert shown["limit script"] == "a reason"
    assert "document" not in shown


def test_rows_of_facts_have_a_column_a_key() -> None:
    lines = format_document(doctor(), 120).splitlines()
    assert lines[0].split() == ["item", "status", "detail", "hint"]
    assert lines[3].startswith("CUDA   missing  torch finds no CUDA device")


def test_facts_of_any_kind_have_words() -> None:
    assert format_fact(["a", 1, True]) == "a, 1, yes"
    assert format_fact({"cpu": 0.51234}) == "cpu 0.512"
    assert format_fact([]) == format_fact(None) == "\N{EN DASH}"
    assert format_shape([]) == "scalar"


def test_rows_that_lack_a_key_have_a_dash() -> None:
    shown = format_document(document("doctor", rows=[{"a": 1}, {"b": 2}]), 80)
    assert shown.splitlines()[2].split() == ["1", "\N{EN DASH}"]

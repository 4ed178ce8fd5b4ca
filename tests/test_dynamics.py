"""Which sizes can vary is found by trying them, and what fixes the others is told by its line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn

from toolkit.dynamics.ranges import Range, find_range
from toolkit.dynamics.trials import TRIALS_S, Trials, opened
from toolkit.spec import Dimension, ModelSpec, Port, Size
from toolkit.stages.subject import Subject, prepare
from toolkit.words import ModelWords

NETWORKS = Path(__file__).parent / "strangers" / "sizes.py"

Shape = tuple[Size, ...]


def tried(name: str, *inputs: str, dims: tuple[str, ...] = ()) -> Subject:
    word = f"{NETWORKS}:{name}"
    return prepare(ModelWords(word, inputs=inputs, dims=dims, dynamic="auto"))


def shapes(subject: Subject) -> list[Shape]:
    return [port.shape for port in subject.spec.inputs]


def dimensions(subject: Subject) -> dict[str, Range]:
    found = subject.spec.dimensions
    return {one.name: Range(one.low, one.high, one.step) for one in found}


def told(subject: Subject, name: str = "dynamic") -> list[str]:
    return [found.message for found in subject.findings if found.name == name]


def the_line(text: str) -> str:
    """How a line of the networks is told: the file, the number and the text."""
    lines = NETWORKS.read_text(encoding="utf-8").splitlines()
    numbers = [number for number, line in enumerate(lines, start=1) if line.strip() == text]
    assert len(numbers) == 1, f"{text} stands in {len(numbers)} lines"
    return f"sizes.py line {numbers[0]}: `{text}`"


FREE = Range(1, None, 1)


def test_height_and_width_of_a_convolutional_network_vary_in_its_steps() -> None:
    subject = tried("Convolutional", "x=2,3,16,24")
    assert shapes(subject) == [("batch", 3, "x_2", "x_3")]
    steps = Range(8, None, 8)
    assert dimensions(subject) == {"batch": FREE, "x_2": steps, "x_3": steps}
    assert subject.spec.traced_sizes == {"batch": 2, "x_2": 16, "x_3": 24}
    assert subject.spec.outputs[0].shape == ("batch", 3, "x_2", "x_3")


def test_a_classifier_behind_flatten_varies_in_its_batch_alone() -> None:
    subject = tried("Classifier", "x=2,3,8,8")
    assert shapes(subject) == [("batch", 3, 8, 8)]
    assert dimensions(subject) == {"batch": FREE}


def test_what_eager_refuses_is_told_with_the_line_that_raised() -> None:
    channels, height, width = told(tried("Classifier", "x=2,3,8,8"))[1:]
    assert channels.startswith("x axis 1 stays 3: at 4 RuntimeError: ")
    assert height.startswith("x axis 2 stays 8: at 9 RuntimeError: ")
    assert width.startswith("x axis 3 stays 8: at 9 RuntimeError: ")
    assert "`x = self.features(x)`" in channels
    assert "`return self.head(x)`" in height


def test_pixels_that_eager_takes_for_samples_are_no_size_that_can_vary() -> None:
    subject = tried("Folding", "x=2,3,8,8")
    assert shapes(subject) == [("batch", 3, 8, 8)]
    assert the_line("x = x.view(-1, 4 * 8 * 8)") in told(subject)[2]


def test_a_batch_in_a_reshape_stays_and_its_line_is_told() -> None:
    subject = tried("HoldsBatch", "x=2,12")
    assert shapes(subject) == [(2, 12)]
    assert told(subject)[0] == "no size that is a number can vary"
    assert the_line("return self.head(x.reshape(2, 12))") in told(subject)[1]


def test_a_branch_on_the_batch_ends_its_range_and_its_line_is_told() -> None:
    subject = tried("Branching", "x=2,6")
    assert shapes(subject) == [("batch", 6)]
    assert dimensions(subject) == {"batch": Range(1, 4, 1)}
    (baked,) = told(subject, "baked-dimension")
    line = the_line("if x.shape[0] > 4:")
    assert baked == f"batch: eager takes 1.., the captured graph 1..4: {line}"


def test_the_ends_of_a_range_are_told_with_the_lines_that_set_them() -> None:
    subject = tried("Windowed", "x=2,3,8")
    assert dimensions(subject)["x_2"] == Range(5, 12, 1)
    (ends,) = [text for text in told(subject) if text.startswith("x_2 is 5..12: ")]
    below, above = ends.split("; ")
    assert below.startswith("x_2 is 5..12: at 4 RuntimeError: ")
    assert the_line("y = self.layer(x)") in below
    assert above.startswith("at 13 IndexError: ")
    assert "self.places[torch.arange(x.shape[2])]" in above


def test_axes_of_two_inputs_that_move_together_are_one_dimension() -> None:
    subject = tried("Attention", "x=2,7,8", "mask=2,7")
    assert shapes(subject) == [("batch", "x_1", 8), ("batch", "x_1")]


def test_one_dimension_may_stand_twice_in_one_input() -> None:
    subject = tried("Pairwise", "x=2,7,8", "mask=2,7,7")
    assert shapes(subject) == [("batch", "x_1", 8), ("batch", "x_1", "x_1")]


def test_equal_numbers_that_do_not_belong_together_stay_apart() -> None:
    subject = tried("Attention", "x=8,8,8", "mask=8,8")
    assert shapes(subject) == [("batch", "x_1", 8), ("batch", "x_1")]


def test_a_batch_of_one_is_shared_although_eager_would_broadcast_it() -> None:
    subject = tried("Attention", "x=1,7,8", "mask=1,7")
    assert shapes(subject) == [("batch", "x_1", 8), ("batch", "x_1")]
    assert subject.spec.traced_sizes["batch"] == 2


def test_names_of_the_user_stay_and_numbers_that_go_with_them_join_them() -> None:
    subject = tried("Attention", "x=samples,7,8", "mask=2,7", dims=("samples=2..9@2",))
    assert shapes(subject) == [("samples", "x_1", 8), ("samples", "x_1")]
    assert subject.spec.dimension("samples") == Dimension("samples", 2, 9, traced_at=2)


def test_time_on_the_first_axis_is_not_called_batch() -> None:
    subject = tried("Recurrent", "x=5,2,4")
    assert shapes(subject) == [("x_0", "x_1", 4)]
    assert dimensions(subject) == {"x_0": FREE, "x_1": FREE}


def test_the_end_of_a_table_of_positions_is_the_end_of_the_range() -> None:
    subject = tried("Positions", "x=2,8,6")
    assert dimensions(subject) == {"batch": FREE, "x_1": Range(1, 32, 1)}


def test_a_loop_over_time_is_baked_by_capture_and_its_line_is_told() -> None:
    subject = tried("Loop", "x=2,3,4")
    assert shapes(subject) == [("batch", 3, 4)]
    (baked,) = told(subject, "baked-dimension")
    line = the_line("for step in range(x.shape[1]):")
    assert baked == f"x axis 1: eager takes 1.., torch.export fixes it at 3: {line}"


def test_without_a_view_into_torch_each_dimension_is_tried_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("toolkit.dynamics.watching._METHOD", "of_another_torch")
    subject = tried("Loop", "x=2,3,4")
    assert shapes(subject) == [("batch", 3, 4)]
    (baked,) = told(subject, "baked-dimension")
    assert "torch.export fixes it at 3: Constraints violated" in baked


def test_a_size_as_an_integer_in_arange_is_kept() -> None:
    subject = tried("Integer", "x=2,5")
    assert shapes(subject) == [("batch", "x_1")]
    assert told(subject, "baked-dimension") == []


def test_a_size_as_a_key_is_baked_and_the_line_of_the_error_is_told() -> None:
    subject = tried("Lookup", "x=2,6")
    assert shapes(subject) == [("batch", 6)]
    (baked,) = told(subject, "baked-dimension")
    assert the_line("return x.cumsum(1) * scales.get(x.shape[1], 0.5)") in baked


def test_a_model_that_has_no_graph_keeps_what_eager_takes() -> None:
    subject = tried("DataDependent", "x=2,6")
    assert shapes(subject) == [("batch", 6)]
    assert "torch.export refuses the model" in told(subject)[1]


def test_members_of_nested_inputs_are_tried_by_their_own_names() -> None:
    subject = tried("Stateful", "x=2,6", "states.0=2,6", "states.1=2,6")
    assert shapes(subject) == [("batch", "x_1")] * 3
    assert "--input states.1=batch,x_1" in told(subject)[0]


def test_where_no_line_is_the_users_the_layer_is_named() -> None:
    channels, length = told(tried("sequential", "input=2,2,8"))[1:]
    assert channels.endswith("(in module 0)")
    assert length.endswith("(in module 2)")


def test_the_words_say_what_was_found_so_that_nothing_is_tried_twice() -> None:
    subject = tried("Convolutional", "x=2,3,16,24")
    words = subject.words
    assert words.dynamic is None
    assert words.inputs == ("x=batch,3,x_2,x_3",)
    assert words.dims == ("x_2=8..:8", "x_3=8..:8@24")
    again = prepare(words)
    assert (again.spec.inputs, again.spec.dimensions) == (
        subject.spec.inputs,
        subject.spec.dimensions,
    )


def test_without_the_option_nothing_is_tried() -> None:
    subject = prepare(ModelWords(f"{NETWORKS}:Classifier", inputs=("x=2,3,8,8",)))
    assert shapes(subject) == [(2, 3, 8, 8)]
    assert subject.findings == ()


@pytest.mark.parametrize(
    ("takes", "given", "tables", "expected"),
    [
        (lambda size: size > 0, 5, [], Range(1, None, 1)),
        (lambda size: size % 32 == 0, 64, [], Range(32, None, 32)),
        (lambda size: size % 7 == 0, 224, [], Range(7, None, 7)),
        (lambda size: size >= 33, 224, [], Range(33, None, 1)),
        (lambda size: 3 <= size <= 20, 16, [], Range(3, 20, 1)),
        (lambda size: size <= 512, 16, [100, 512], Range(1, 512, 1)),
        (lambda size: size <= 16, 16, [], Range(1, 16, 1)),
        (lambda size: size % 8 == 0 and size <= 64, 64, [], Range(8, 64, 8)),
        (lambda size: size == 9, 9, [], None),
        (lambda size: size in (1, 9), 9, [], None),
        (lambda size: size.bit_count() == 1, 8, [], None),
    ],
)
def test_a_range_is_found_by_asking_for_few_sizes(
    takes: Callable[[int], bool], given: int, tables: list[int], expected: Range | None
) -> None:
    asked: set[int] = set()

    def ask(size: int) -> bool:
        asked.add(size)
        return takes(size)

    assert find_range(ask, given, tables) == expected
    assert len(asked) <= 40
    assert min(asked) >= 1


def test_an_end_that_cannot_be_tried_is_no_end() -> None:
    assert find_range(lambda size: None if size > 9 else size > 0, 8) == Range(1, None, 1)


def test_what_there_was_no_time_for_is_told_as_not_tried() -> None:
    spec, _ = opened(ModelSpec("m", nn.Identity, (Port("x", (2, 6)),)))
    now = 0.0
    trials = Trials(nn.Identity(), spec, clock=lambda: now)
    assert trials.takes({"x axis 0": 3})
    now = TRIALS_S + 1
    assert trials.takes({"x axis 0": 3})
    assert trials.takes({"x axis 1": 7}) is None
    assert str(trials.refusal({"x axis 1": 7})).startswith("not tried: ")


def test_what_is_told_carries_no_colour_and_no_path() -> None:
    for name, given in (("Loop", "x=2,3,4"), ("Lookup", "x=2,6"), ("DataDependent", "x=2,6")):
        for message in (one.message for one in tried(name, given).findings):
            assert not re.search(r"\x1b|/", message)

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from tests.planting.networks import (
    PLAIN,
    SQUARE,
    TWO_OUTPUTS,
    WITH_BRANCH,
    WITH_CONSTANT,
    parsed,
)
from toolkit.planting import KINDS, Defect, Graph, plant
from toolkit.planting.values import LIMITS

SIZES = {"batch": 2}
X = np.array([[1.0, -2.0, 0.5], [0.25, 1.5, -1.0], [3.0, 0.0, 2.0]], dtype=np.float32)


def run(model: onnx.ModelProto, **inputs: NDArray[np.generic]) -> list[NDArray[np.float32]]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return list(session.run(None, inputs))


def planted(text: str, kind: str, seed: int = 0) -> Defect:
    defect = plant(Graph.of(parsed(text), SIZES), kind, np.random.default_rng(seed))
    assert defect is not None
    return defect


def weight(model: onnx.ModelProto, name: str) -> NDArray[np.float32]:
    held = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    return numpy_helper.to_array(held)


@pytest.mark.parametrize("seed", range(5))
def test_a_weight_bit_is_one_bit_of_one_number(seed: int) -> None:
    wrong = weight(planted(SQUARE, "weight bit", seed).model, "weight")
    right = weight(parsed(SQUARE), "weight")
    changed = wrong.view(np.uint32) ^ right.view(np.uint32)
    assert np.count_nonzero(changed) == 1
    assert int(changed.max()).bit_count() == 1
    by = np.abs(wrong.astype(np.float64) - right).max()
    assert by >= np.sqrt(np.mean(np.square(right))), "no more than a layer's numbers are"


def test_a_lost_bias_is_the_result_without_it() -> None:
    (output,) = run(planted(SQUARE, "lost bias").model, x=X)
    expected = np.maximum(X @ weight(parsed(SQUARE), "weight"), 0.0)
    np.testing.assert_allclose(output, expected)


def test_a_transposed_kernel_is_the_transpose() -> None:
    wrong = weight(planted(SQUARE, "transposed kernel").model, "weight")
    np.testing.assert_array_equal(wrong, weight(parsed(SQUARE), "weight").T)


def test_what_rounding_would_not_change_is_no_place_for_a_rounded_layer() -> None:
    graph = Graph.of(parsed(SQUARE), SIZES)  # its numbers are small integers
    assert plant(graph, "rounded layer", np.random.default_rng(0)) is None


def test_swapped_outputs_of_the_graph_come_out_under_each_others_names() -> None:
    right = run(parsed(TWO_OUTPUTS), x=X)
    defects = [planted(TWO_OUTPUTS, "swapped outputs", seed) for seed in range(12)]
    whole = next(one for one in defects if one.where == "the outputs a and b were swapped")
    wrong = run(whole.model, x=X)
    np.testing.assert_array_equal(wrong[0], right[1])
    np.testing.assert_array_equal(wrong[1], right[0])


def test_swapped_features_are_two_columns() -> None:
    (wrong,) = run(planted(SQUARE, "swapped outputs").model, x=X)
    (right,) = run(parsed(SQUARE), x=X)
    assert not np.array_equal(wrong, right)
    np.testing.assert_array_equal(np.sort(wrong, axis=1), np.sort(right, axis=1))


def test_a_baked_batch_is_right_at_the_traced_size_alone() -> None:
    model = planted(SQUARE, "baked batch").model
    np.testing.assert_array_equal(run(model, x=X[:2])[0], run(parsed(SQUARE), x=X[:2])[0])
    with pytest.raises(Exception, match=r"(?i)reshape"):
        run(model, x=X)


def test_dropout_that_is_on_survives_the_runtimes_optimiser() -> None:
    model = planted(SQUARE, "dropout on").model
    ones = np.ones((64, 3), np.float32)
    assert not np.array_equal(run(model, x=ones)[0], run(parsed(SQUARE), x=ones)[0])


def test_a_clamped_range_is_cut_off_on_both_sides() -> None:
    outputs = [run(planted(SQUARE, "clamped range", seed).model, x=X)[0] for seed in range(10)]
    limits = np.array(LIMITS, np.float32)
    assert any(np.isin(output.max(), limits) for output in outputs)


def test_the_right_graph_is_left_as_it_is() -> None:
    model = parsed(SQUARE)
    before = model.SerializeToString()
    graph = Graph.of(model, SIZES)
    held = graph.model.SerializeToString()
    for kind in KINDS:
        plant(graph, kind, np.random.default_rng(1))
    assert model.SerializeToString() == before
    assert graph.model.SerializeToString() == held


@pytest.mark.parametrize("kind", ["weight bit", "clamped range", "swapped outputs"])
def test_the_same_seed_plants_the_same_defect(kind: str) -> None:
    first, second = planted(SQUARE, kind, 7), planted(SQUARE, kind, 7)
    assert first.where == second.where
    assert first.model.SerializeToString() == second.model.SerializeToString()


def test_a_constant_of_a_node_is_a_weight_too() -> None:
    model = planted(WITH_CONSTANT, "transposed kernel").model
    (output,) = run(model, x=X[:, :2])
    np.testing.assert_allclose(output, X[:, :2] @ np.array([[1.0, 3.0], [2.0, 4.0]]))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["wrong activation", "clamped range", "dropout on"])
def test_a_value_that_a_branch_uses_can_be_changed(kind: str, seed: int) -> None:
    model = planted(WITH_BRANCH, kind, seed).model
    flag = np.array(True)
    assert run(model, x=X, flag=flag)[0].shape == X.shape


@pytest.mark.parametrize(
    "kind",
    ["weight bit", "lost bias", "rounded layer", "transposed kernel", "changed epsilon"],
)
def test_a_graph_without_a_place_gets_no_defect(kind: str) -> None:
    graph = Graph.of(parsed(PLAIN), {"n": 2})
    assert plant(graph, kind, np.random.default_rng(0)) is None

"""Counts over graphs written by hand: every figure follows from the shapes beside it."""

from __future__ import annotations

from math import prod
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from toolkit.operations import sized, tally
from toolkit.operations.graph import UnreadableGraphError


def saved(text: str, path: Path, *weights: tuple[str, tuple[int, ...]]) -> Path:
    """A graph in ONNX's own notation, with float weights of these shapes, as a file."""
    model = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["" : 23, "mine" : 1]>\n' + text
    )
    for name, shape in weights:
        model.graph.initializer.append(_zeros(name, shape))
    target = path / "model.onnx"
    onnx.save(model, target)
    return target


def _zeros(name: str, shape: tuple[int, ...]) -> TensorProto:
    return helper.make_tensor(name, TensorProto.FLOAT, shape, bytes(4 * prod(shape)), raw=True)


def flops(text: str, path: Path, *weights: tuple[str, tuple[int, ...]], **sizes: int) -> int:
    """The operations at these sizes of the axes of the input `x`; all of them must be counted."""
    counted = tally(sized(saved(text, path, *weights), {"x": tuple(sizes.values())}))
    assert counted.uncounted == ()
    return counted.flops


def test_a_linear_layer_is_two_operations_a_weight_and_its_bytes_are_moved_once(
    tmp_path: Path,
) -> None:
    path = saved(
        "g (float[batch, 8] x) => (float[batch, 3] y) { y = Gemm<transB = 1>(x, w, b) }",
        tmp_path,
        ("w", (3, 8)),
        ("b", (3,)),
    )
    counted = tally(sized(path, {"x": (5, 8)}))
    assert counted.flops == 2 * 5 * 3 * 8
    assert counted.bytes == 4 * (3 * 8 + 3 + 5 * 8 + 5 * 3)


def test_a_transposed_left_operand_is_summed_over_its_rows(tmp_path: Path) -> None:
    text = "g (float[k, 6] x) => (float[6, 3] y) { y = Gemm<transA = 1>(x, w) }"
    assert flops(text, tmp_path, ("w", (7, 3)), k=7) == 2 * 6 * 3 * 7


def test_a_convolution_with_groups_stride_and_dilation_counts_windows_of_its_group(
    tmp_path: Path,
) -> None:
    text = """g (float[n, 8, h, w] x) => (float[n, 12, a, b] y) {
        y = Conv<group = 4, strides = [2, 1], dilations = [1, 2], pads = [1, 0, 1, 0]>(x, k)
    }"""
    height = (10 + 2 - 3) // 2 + 1
    width = 9 - 2 * (3 - 1)
    counted = flops(text, tmp_path, ("k", (12, 2, 3, 3)), n=3, c=8, h=10, w=9)
    assert counted == 2 * (3 * 12 * height * width) * (2 * 3 * 3)


def test_a_transposed_convolution_counts_a_window_for_each_input_element(tmp_path: Path) -> None:
    text = """g (float[n, 6, h, w] x) => (float[n, 4, a, b] y) {
        y = ConvTranspose<strides = [2, 2], pads = [1, 1, 1, 1], group = 2>(x, k)
    }"""
    counted = flops(text, tmp_path, ("k", (6, 2, 4, 4)), n=2, c=6, h=5, w=7)
    assert counted == 2 * (2 * 6 * 5 * 7) * (2 * 4 * 4)


def test_a_product_of_batches_of_matrices_is_broadcast(tmp_path: Path) -> None:
    text = "g (float[b, 1, 4, 5] x) => (float[b, 3, 4, 6] y) { y = MatMul(x, w) }"
    assert flops(text, tmp_path, ("w", (3, 5, 6)), b=2, o=1, m=4, k=5) == 2 * (2 * 3 * 4 * 6) * 5


def test_a_product_of_matrix_and_vector_has_no_column_axis(tmp_path: Path) -> None:
    text = "g (float[m, 9] x) => (float[m] y) { y = MatMul(x, w) }"
    assert flops(text, tmp_path, ("w", (9,)), m=4, k=9) == 2 * 4 * 9


def test_a_recurrent_layer_multiplies_input_and_state_by_all_gates_in_both_directions(
    tmp_path: Path,
) -> None:
    text = """g (float[t, n, 10] x) => (float[t, 2, n, 20] y) {
        y = LSTM<direction = "bidirectional", hidden_size = 20>(x, w, r)
    }"""
    weights = (("w", (2, 80, 10)), ("r", (2, 80, 20)))
    counted = flops(text, tmp_path, *weights, t=5, n=3, i=10)
    assert counted == 2 * 5 * 3 * 2 * 4 * 20 * (10 + 20)


def test_attention_counts_scores_and_the_weighted_values(tmp_path: Path) -> None:
    text = """g (float[n, 2, l, 8] x, float[3, 2, 7, 8] k, float[3, 2, 7, 5] v)
        => (float[n, 2, l, 5] y) { y = Attention(x, k, v) }"""
    assert flops(text, tmp_path, n=3, h=2, l=4, e=8) == 2 * (3 * 2 * 4 * 7) * (8 + 5)


def test_a_sum_over_a_shared_index_is_a_product_and_a_mere_scaling_is_none(tmp_path: Path) -> None:
    summed = """g (float[b, 4, 5] x) => (float[b, 4, 6] y) {
        y = Einsum<equation = "bik,kj->bij">(x, w) }"""
    scaled = """g (float[b, 5] x) => (float[b, 5] y) { y = Einsum<equation = "bk,k->bk">(x, w) }"""
    assert flops(summed, tmp_path, ("w", (5, 6)), b=2, i=4, k=5) == 2 * 2 * 4 * 5 * 6
    assert flops(scaled, tmp_path, ("w", (5,)), b=2, k=5) == 0


def test_what_has_no_product_to_sum_counts_as_moving_data_alone(tmp_path: Path) -> None:
    text = "g (float[n, 6] x) => (float[n, 6] y) { a = Relu(x) y = Softmax(a) }"
    counted = tally(sized(saved(text, tmp_path), {"x": (2, 6)}))
    assert (counted.flops, counted.bytes) == (0, 4 * (2 * 6 + 2 * 6))


SCAN = """g (float[n, 4] h, float[t, n, 4] x) => (float[n, 4] last) {
    last = Scan<num_scan_inputs = 1, body = step (float[n, 4] a, float[n, 4] b) => (float[n, 4] c) {
        d = MatMul(a, w)
        c = Add(d, b)
    }>(h, x)
}"""


def test_a_scan_counts_its_body_once_a_step(tmp_path: Path) -> None:
    path = saved(SCAN, tmp_path, ("w", (4, 4)))
    counted = tally(sized(path, {"h": (3, 4), "x": (7, 3, 4)}))
    assert counted.uncounted == ()
    assert counted.flops == 7 * 2 * 3 * 4 * 4


LOOP = """g (float[n, 4] x) => (float[n, 4] last) {{
    trips = {trips}
    yes = Constant<value = bool {{1}}>()
    last = Loop<body = step (int64 i, bool go, float[n, 4] a) => (bool on, float[n, 4] c) {{
        on = Identity(go)
        c = MatMul(a, w)
    }}>(trips, yes, x)
}}"""


def test_a_loop_whose_trips_follow_from_shapes_counts_its_body_as_often(tmp_path: Path) -> None:
    fixed = LOOP.format(trips="Constant<value = int64 {6}>()")
    from_shape = LOOP.format(trips="Gather(sizes, at)").replace(
        "trips =", "sizes = Shape(x) at = Constant<value = int64 {0}>() trips =", 1
    )
    assert flops(fixed, tmp_path, ("w", (4, 4)), n=3, f=4) == 6 * 2 * 3 * 4 * 4
    assert flops(from_shape, tmp_path, ("w", (4, 4)), n=3, f=4) == 3 * 2 * 3 * 4 * 4


def test_a_loop_whose_trips_only_its_values_say_is_named_as_uncounted(tmp_path: Path) -> None:
    text = LOOP.format(trips="Cast<to = 7>(sum)").replace(
        "trips =", "sum = ReduceSum<keepdims = 0>(x) trips =", 1
    )
    path = saved(text, tmp_path, ("w", (4, 4)))
    counted = tally(sized(path, {"x": (3, 4)}))
    assert counted.uncounted == ("Loop",)


def test_of_two_branches_the_one_with_more_to_do_counts(tmp_path: Path) -> None:
    text = """g (bool which, float[n, 4] x) => (float[n, 4] y) {
        y = If<then_branch = a () => (float[n, 4] p) { p = Relu(x) },
               else_branch = b () => (float[n, 4] q) { q = MatMul(x, w) }>(which)
    }"""
    assert flops(text, tmp_path, ("w", (4, 4)), n=3, f=4) == 2 * 3 * 4 * 4


def test_a_function_of_the_file_counts_where_it_is_called(tmp_path: Path) -> None:
    path = saved(
        """g (float[n, 4] x) => (float[n, 4] y) { a = mine.Twice(x, w) y = Relu(a) }
        <domain: "mine", opset_import: ["" : 23]>
        Twice (p, q) => (r) { s = MatMul(p, q) r = MatMul(s, q) }""",
        tmp_path,
        ("w", (4, 4)),
    )
    counted = tally(sized(path, {"x": (3, 4)}))
    assert (counted.flops, counted.uncounted) == (2 * 2 * 3 * 4 * 4, ())


def test_an_operator_of_somebody_elses_is_named_as_uncounted(tmp_path: Path) -> None:
    path = saved("g (float[n, 4] x) => (float[n, 4] y) { y = mine.Magic(x) }", tmp_path)
    assert tally(sized(path, {"x": (3, 4)})).uncounted[0] == "mine::Magic"


def test_an_output_whose_extent_the_values_decide_is_named_as_uncounted(tmp_path: Path) -> None:
    path = saved("g (float[n] x) => (int64[1, m] y) { y = NonZero(x) }", tmp_path)
    counted = tally(sized(path, {"x": (4,)}))
    assert (counted.bytes, counted.uncounted) == (4 * 4, ("the bytes of y",))


def test_of_a_table_only_the_rows_that_are_gathered_are_moved(tmp_path: Path) -> None:
    text = "g (int64[n] x) => (float[n, 16] y) { y = Gather(table, x) }"
    few = tally(sized(saved(text, tmp_path, ("table", (100, 16))), {"x": (3,)}))
    many = tally(sized(saved(text, tmp_path, ("table", (100, 16))), {"x": (500,)}))
    assert few.bytes == 4 * 3 * 16 + 8 * 3 + 4 * 3 * 16
    assert many.bytes == 4 * 100 * 16 + 8 * 500 + 4 * 500 * 16


def test_shapes_that_are_computed_in_the_graph_are_followed(tmp_path: Path) -> None:
    text = """g (float[n, t, 4] x) => (float[m, 3] y) {
        sizes = Shape(x)
        first = Gather(sizes, zero)
        one = Unsqueeze(first, at)
        shape = Concat<axis = 0>(one, rest)
        steps = Range(none, first, unit)
        flat = Reshape(x, shape)
        scaled = MatMul(flat, w)
        long = Cast<to = 1>(steps)
        wide = Unsqueeze(long, last)
        y = Mul(scaled, wide)
    }"""
    path = saved(text, tmp_path, ("w", (20, 3)))
    model = onnx.load(path)
    scalars = {"zero": 0, "none": 0, "unit": 1}
    lists = {"at": [0], "rest": [-1], "last": [1]}
    for name, value in scalars.items():
        model.graph.initializer.append(helper.make_tensor(name, TensorProto.INT64, [], [value]))
    for name, values in lists.items():
        model.graph.initializer.append(helper.make_tensor(name, TensorProto.INT64, [1], values))
    onnx.save(model, path)
    counted = tally(sized(path, {"x": (6, 5, 4)}))
    assert counted.uncounted == ()
    assert counted.flops == 2 * 6 * 20 * 3
    assert counted.bytes == 4 * (6 * 5 * 4 + 20 * 3 + 6 * 3)


def test_weights_in_another_file_are_counted_without_being_read(tmp_path: Path) -> None:
    path = saved(
        "g (float[n, 64] x) => (float[n, 64] y) { y = MatMul(x, w) }", tmp_path, ("w", (64, 64))
    )
    inside = tally(sized(path, {"x": (2, 64)}))
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="weights", size_threshold=0)
    (tmp_path / "weights").unlink()
    assert tally(sized(path, {"x": (2, 64)})) == inside


def test_a_file_that_is_no_graph_is_refused_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no graph at all")
    with pytest.raises(UnreadableGraphError):
        sized(path, {"x": (1,)})

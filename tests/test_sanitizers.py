"""Emitted C under the address and undefined-behaviour sanitizers: no byte outside the arrays."""

import math

import pytest
from sanitizing import array, called, compiler_with_sanitizers, finished, program

import symconv as sc
from symconv.emission import emit
from symconv.passes import all_passes, emitted_passes
from symconv.shapes import bind, stored_shape

CASES = {
    "size one": (sc.ops.conv2d(), {"x": (1, 1, 1, 1), "w": (1, 1, 1, 1), "b": (1,)}),
    "kernel larger than input": (sc.ops.conv2d(padding=4, stride=3, dilation=2),
                                 {"x": (1, 2, 1, 2), "w": (3, 2, 4, 3), "b": (3,)}),
    "cropped": (sc.ops.conv2d(padding=((-1, 2), (3, -2)), stride=(2, 3), groups=2),
                {"x": (2, 4, 7, 9), "w": (6, 2, 3, 2), "b": (6,)}),
    "far padding": (sc.ops.conv1d(padding=9, stride=4),
                    {"x": (1, 1, 2), "w": (1, 1, 3), "b": (1,)}),
    "reflected": (sc.ops.conv1d(padding=2, padding_mode="reflect", stride=2),
                  {"x": (2, 1, 3), "w": (2, 1, 2), "b": (2,)}),
    "wrapped": (sc.ops.conv2d(padding=1, padding_mode="circular", bias=False),
                {"x": (1, 1, 2, 1), "w": (1, 1, 2, 2)}),
    "empty batch": (sc.ops.conv2d(), {"x": (0, 2, 3, 3), "w": (1, 2, 2, 2), "b": (1,)}),
    "no channels": (sc.ops.conv2d(), {"x": (1, 0, 3, 3), "w": (2, 0, 2, 2), "b": (2,)}),
    "transposed": (sc.ops.conv_transpose2d(stride=3, padding=1, dilation=2, output_padding=1),
                   {"x": (1, 2, 2, 1), "w": (2, 3, 2, 3), "b": (3,)}),
    "max pool": (sc.ops.max_pool2d(kernel_size=3, stride=2, padding=1, ceil_mode=True,
                                   return_indices=True), {"x": (1, 2, 4, 1)}),
    "dilated min pool": (sc.ops.min_pool1d(kernel_size=2, dilation=3, padding=0, ties="even"),
                         {"x": (1, 1, 4)}),
    "mean": (sc.ops.avg_pool2d(kernel_size=(3, 1), stride=2, padding=(1, 0),
                               count_include_pad=False), {"x": (1, 1, 2, 5)}),
    "program": (sc.ops.conv1d(padding=1) >> sc.ops.relu() >> sc.ops.max_pool1d(2)
                >> sc.ops.conv1d(), {"x": (2, 1, 7), "w": (2, 1, 3), "b": (2,),
                                     "w_2": (1, 2, 2), "b_2": (1,)}),
    "labels": (sc.ops.softmax_cross_entropy(ndim=2), {"x": (3, 4), "labels": (3,)}),
    "reads of integers": (sc.parse("x: [N, C]\nk: int[N]\ny[n] = sum[c]([c == k[n]] * x[n,c])"),
                          {"x": (3, 2), "k": (3,)}),
    "skewed": (sc.parse("y[i] = sum[a](x[2*i - 3*a + 1] * x[a]); i < 5; a < 4"), {"x": (4,)}),
    "reversed": (sc.parse("x: [N]; i < N; y[i] = x[N-1-i] * sum[a]([a < i] * x[a]**2)"),
                 {"x": (1,)}),
}


def harness(definition, shapes, run_time):
    """A program that calls every pass."""
    values = bind(definition, shapes)
    free = [size.name for size in definition.sizes if size.value is None] if run_time else []
    sizes = f"&(k_sizes){{{', '.join(str(values[size]) for size in free)}}}" if free else ""
    blocks = []
    for item in {item.name: item for item in (
            *all_passes(definition), *emitted_passes(definition))}.values():
        tensors = [*item.program.inputs, *map(item.program.tensor, item.program.outputs)]
        blocks.append([line for tensor in tensors for line in array(
            tensor.name, None if tensor.kind == "integer" else "float",
            math.prod(stored_shape(tensor, values)))] + called(
                f"k_{item.name}", [f"a_{tensor.name}" for tensor in tensors], sizes))
    return program(blocks, [f"if (k_check({sizes}) != 0) return 3;"])


@pytest.fixture(scope="module")
def compiler(tmp_path_factory):
    return compiler_with_sanitizers(tmp_path_factory.mktemp("probe"))


@pytest.mark.parametrize("fixed", [False, True], ids=["run-time sizes", "fixed shapes"])
@pytest.mark.parametrize("case", CASES)
def test_no_pass_leaves_its_arrays(compiler, case, fixed, tmp_path):
    operator, shapes = CASES[case]
    files = emit(operator, targets=["c"], name="k", shapes=shapes if fixed else None)
    files["main.c"] = harness(operator.definition, shapes, not fixed)
    done = finished(compiler, files, tmp_path)
    assert done.returncode == 0, done.stderr[:3000]


def test_the_sanitizers_see_a_read_outside(compiler, tmp_path):
    """What makes the test above mean something."""
    operator, shapes = sc.ops.conv1d(bias=False), {"x": (1, 1, 4), "w": (1, 1, 2)}
    files = emit(operator, targets=["c"], name="k", shapes=shapes)
    files["main.c"] = harness(operator.definition, {"x": (1, 1, 3), "w": (1, 1, 2)}, False)
    assert "heap-buffer-overflow" in finished(compiler, files, tmp_path).stderr

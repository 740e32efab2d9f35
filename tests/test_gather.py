"""Gather form never changes what is computed, and solves what can be solved."""

import itertools

import numpy as np
import pytest

import symconv as sc
from symconv.differentiate import jacobian, vjp
from symconv.evaluate import evaluate
from symconv.gather import MOST_CLASSES, gather, solved
from symconv.ir import Divides, Equal
from symconv.sampling import example_shapes
from symconv.shapes import bind, stored_shape

CONV = """x: [H]
w: [K]
i < (H + 2*p - d*(K-1) - 1)//s + 1
y[i] = sum[a](x[s*i + d*a - p] * w[a])
"""


def same_values(before, after, values):
    random = np.random.default_rng(0)
    inputs = {tensor.name: random.integers(-5, 6, stored_shape(tensor, values))
              for tensor in before.inputs}
    found, expected = (evaluate(program, inputs, values) for program in (after, before))
    for name, array in expected.items():
        assert (array == found[name]).all(), name


@pytest.mark.parametrize("s", [1, 2, 3, 4])
@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_every_residue_class_gives_the_unsolved_sum(s, d):
    for taps, p, extra in itertools.product((1, 2, 3, 5), (0, 1, 3), (0, 1, 2)):
        extent = max(d * (taps - 1) + 1 - 2 * p, 1) + s + extra
        numbers = {"s": s, "d": d, "p": p}
        for params, values in ((numbers, {}), ({}, numbers)):
            program = sc.parse(CONV, params=params).definition
            sizes = bind(program, {"x": (extent,), "w": (taps,)}, values)
            for derivation in (vjp(program, ("x",)), jacobian(program, "x")):
                same_values(derivation.result, solved(derivation).steps[-1].program, sizes)


@pytest.mark.parametrize("op", [
    sc.ops.conv2d(stride=2, padding=1, dilation=3, groups=2),
    sc.ops.conv2d(stride=(3, 2), padding=((1, 0), (0, 2)), flip=True, kernel_size=3),
    sc.ops.conv2d(stride=2, padding=1, padding_mode="reflect"),
    sc.ops.conv1d(input_dilation=2, stride=3),
    sc.ops.conv_transpose1d(stride=3, padding=1),
    sc.ops.max_pool2d(3, stride=2, padding=1),
    sc.ops.max_pool1d(3, stride=2, ties="even"),
    sc.ops.avg_pool2d(3, stride=2, padding=1),
    sc.ops.convolve(),
    sc.parse("x: [H]; i < 7; y[a] = x[a]*x[a]; z[i,j] = sum[a]([i == 2*a] * y[a] * x[j])"),
], ids=str)
def test_gather_keeps_the_value_of_gradients(op):
    values = bind(op.definition, example_shapes(op.definition))
    first = vjp(op.definition)
    second = vjp(first.result, (first.result.inputs[0].name,))
    for derivation in (first, second):
        same_values(derivation.result, solved(derivation).steps[-1].program, values)


def test_only_the_step_is_solved_and_the_result_stays_a_relation():
    derivation = vjp(sc.ops.conv1d(stride=2).definition, ("x",))
    told = solved(derivation)
    assert [step.rule for step in told.steps] == ["definition", "chain", "contract", "gather"]
    assert told.result == derivation.result
    assert told.steps[:-1] == derivation.steps
    rows = [row for term in told.steps[-1].program.definition("dx").terms for row in term.rows]
    assert not any(isinstance(row, Equal) for row in rows)
    assert solved(told) == told
    assert sc.ops.conv1d(stride=2).vjp("x").steps == told.steps


def test_nothing_to_solve_adds_no_step():
    derivation = vjp(sc.ops.linear().definition)
    assert solved(derivation) == derivation


@pytest.mark.parametrize(("stride", "dilation", "classes"), [
    (2, 1, 2), (3, 1, 3), (3, 2, 3), (4, 2, 2), (2, 2, 1), (4, 6, 2)])
def test_there_is_one_term_for_each_class_that_has_solutions(stride, dilation, classes):
    derivation = vjp(sc.ops.conv1d(stride=stride, dilation=dilation).definition, ("x",))
    assert len(solved(derivation).steps[-1].program.definition("dx").terms) == classes


def test_classes_without_taps_are_left_out():
    derivation = vjp(sc.ops.conv1d(stride=3, kernel_size=2).definition, ("x",))
    assert len(solved(derivation).steps[-1].program.definition("dx").terms) == 2


def test_too_many_classes_keep_the_divisibility():
    program = sc.ops.conv3d(stride=4).definition
    derivation = vjp(program, ("x",))
    terms = gather(derivation.result, ["dx"]).definition("dx").terms
    assert len(terms) == MOST_CLASSES
    local = {index.name for index in terms[0].bound}
    assert any(isinstance(row, Divides) and row.expression.names() & local
               for row in terms[0].rows)

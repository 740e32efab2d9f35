"""The operator that users hold: it prints, tells shapes, and derives again and again."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy

import symconv as sc
from symconv.evaluate import evaluate
from symconv.shapes import bind

SHAPES = {"x": (1, 1, 3, 3), "w": (1, 1, 2, 2)}


def test_importing_the_package_loads_neither_sympy_nor_numpy() -> None:
    code = ("import sys, symconv; "
            "print([m for m in ('sympy', 'numpy', 'ast') if m in sys.modules])")
    environment = {**os.environ, "PYTHONPATH": str(Path(sc.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True,
                          check=True, timeout=60, env=environment)
    assert done.stdout.strip() == "[]"


def test_version_is_that_of_the_distribution() -> None:
    assert sc.__version__ == importlib.metadata.version("symconv")


def test_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="convolution"):
        sc.convolution  # noqa: B018  # the access is the test


def test_output_shape_without_a_batch_and_without_a_shape_that_follows() -> None:
    op = sc.ops.conv2d(stride=2, padding=1)
    assert op.output_shape(x=(1, 3, 32, 32), w=(8, 3, 3, 3), b=(8,)) == {"y": (1, 8, 16, 16)}
    assert op.output_shape(x=(3, 32, 32), w=(8, 3, 3, 3)) == {"y": (8, 16, 16)}
    assert op.output_shape(x=(0, 3, 32, 32), w=(8, 3, 3, 3)) == {"y": (0, 8, 16, 16)}
    assert op.output_shape(x=list(map(np.int64, (1, 3, 9, 9))),
                           w=(8, 3, 3, 3)) == {"y": (1, 8, 5, 5)}


@pytest.mark.parametrize("shapes", [
    {"x": (1, 3, 8, 8)}, {"x": 3, "w": (1, 1, 1, 1)}, {"x": (1.5, 1, 1, 1), "w": (1, 1, 1, 1)},
    {"z": (1,)}, {}])
def test_shapes_that_say_too_little_are_refused(shapes: dict[str, object]) -> None:
    with pytest.raises(sc.ShapeError):
        sc.ops.conv2d(bias=False).output_shape(**shapes)


def test_an_open_rank_comes_from_the_shapes_or_asks_for_ndim() -> None:
    op = sc.ops.relu()
    assert op.inputs == ("x",)
    assert op.output_shape(x=(2, 3)) == {"y": (2, 3)}
    assert sc.ops.add().output_shape(a=(4,), b=(4,)) == {"y": (4,)}
    for ask in (lambda: op.definition, lambda: op.vjp("x"), lambda: sc.ops.relu().jvp()):
        with pytest.raises(sc.ParameterError, match="ndim"):
            ask()
    with pytest.raises(sc.ShapeError, match="x"):
        op.output_shape()
    assert "x" in str(op)


def test_symbolic_parameters_print_and_derive_but_have_no_shape() -> None:
    op = sc.ops.conv1d(stride="s", padding="p", dilation="d")
    assert "s*i + d*a - p" in str(op)
    assert op.vjp("x").result.outputs == ("dx",)
    with pytest.raises(sc.ParameterError, match="parameter"):
        op.output_shape(x=(1, 1, 3), w=(1, 1, 1), b=(1,))


def test_a_printed_operator_is_read_back() -> None:
    for op in (sc.ops.conv2d(stride=2, groups=2), sc.ops.max_pool1d(3, ties="even"),
               sc.ops.reduce_mean(ndim=2, axes=0), sc.ops.abs(at_zero=0.5, ndim=1)):
        again = sc.parse(str(op))
        assert str(again) == str(op)
        assert again.definition.definitions == op.definition.definitions


def test_names() -> None:
    assert (sc.ops.conv2d().name, sc.ops.conv2d().named) == ("conv2d", False)
    assert (sc.ops.conv2d(name="c1").name, sc.ops.conv2d(name="c1").named) == ("c1", True)
    assert sc.ops.conv2d().vjp("x", "w").result.name == "conv2d_vjp_x_w"
    assert sc.ops.conv2d().jvp().result.name == "conv2d_jvp"


def test_vjp_of_all_operands_and_again() -> None:
    op = sc.ops.conv1d(stride=2)
    gradient = op.vjp()
    assert gradient.result.inputs == ("dy", "x", "w", "b")
    assert gradient.result.outputs == ("dx", "dw", "db")
    assert gradient.steps[0].program.outputs == ("y",)
    assert gradient.steps[-1].program.outputs == gradient.result.outputs
    again = op.vjp("w").result.vjp("dy", "x")
    assert again.result.outputs == ("ddy", "dx")
    assert op.jvp().result.inputs == ("tx", "tw", "tb", "x", "w", "b")


@pytest.mark.parametrize("wrt", [("z",), ("x", "x"), ("y",)])
def test_wrt_must_name_operands_once(wrt: tuple[str, ...]) -> None:
    with pytest.raises(sc.ParameterError, match="wrt"):
        sc.ops.conv2d().vjp(*wrt)


def test_jacobian_matrix_of_a_convolution_is_its_toeplitz_matrix() -> None:
    jacobian = sc.ops.conv2d(bias=False).jacobian("x")
    matrix = jacobian.matrix(**SHAPES)
    w = sympy.IndexedBase("w")
    assert matrix.shape == (4, 9)
    first = [w[0, 0, 0, 0], w[0, 0, 0, 1], 0, w[0, 0, 1, 0], w[0, 0, 1, 1], 0, 0, 0, 0]
    assert list(matrix.row(0)) == first
    assert list(matrix.row(3)) == [0] * 4 + first[:5]
    assert jacobian.matrix(x=(1, 3, 3), w=(1, 1, 2, 2)) == matrix


def test_jacobian_matrix_of_a_maximum_takes_numbers() -> None:
    jacobian = sc.ops.max_pool1d(2, stride=1).jacobian("x")
    assert jacobian.matrix(x=np.array([[3, 3, 1]])).tolist() == [[1, 0, 0], [0, 1, 0]]
    with pytest.raises(sc.ParameterError, match="numbers"):
        jacobian.matrix(x=(1, 1, 3))


def test_jacobian_times_tangent_is_the_jvp() -> None:
    rng = np.random.default_rng(0)
    op = sc.ops.conv1d(stride=2, padding=1, dilation=2, bias=False)
    x, w, tx = (rng.integers(-5, 6, shape) for shape in ((1, 2, 6), (2, 2, 2), (1, 2, 6)))
    tangent = op.jvp().result.definition
    inputs = {"tx": tx, "tw": np.zeros_like(w), "x": x, "w": w}
    expected = evaluate(tangent, inputs, bind(op.definition, {"x": x.shape, "w": w.shape}))["ty"]
    found = op.jacobian("x").matrix(x=x, w=w) * sympy.Matrix(tx.ravel().tolist())
    assert list(found) == expected.ravel().tolist()


def test_params_are_finite_numbers_and_integers_where_they_count() -> None:
    strided = "x: [H]; i < H//s; y[i] = x[s*i]"
    for odd in (None, True, float("nan"), (2,)):
        with pytest.raises(sc.ParameterError, match="parameter s is"):
            sc.parse(strided, params={"s": odd})
    with pytest.raises(sc.ParseError, match="s = 3/2 is no integer"):
        sc.parse(strided, params={"s": 1.5})
    assert str(sc.parse("y[i] = s*x[i]", {"s": 0.1})) == "x: [I]\ny[i] = 1/10*x[i]\n"

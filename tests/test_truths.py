"""Values recorded from outside symconv: textbooks, SciPy, and counting by hand.

A wrong definition passes every check of a kernel against its own definition, so these come from
elsewhere. Every value is asked of the reference interpreter and of the kernels of both targets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal

import symconv as sc
from symconv.evaluate import evaluate
from symconv.shapes import bind


class Interpreter:
    """The reference interpreter: exact on integers."""

    def __call__(self, op: sc.Operator, **arrays: object) -> np.ndarray:
        """The only output."""
        values = {name: np.asarray(array) for name, array in arrays.items()}
        shapes = {name: value.shape for name, value in values.items()}
        program = op.for_shapes(shapes).definition
        results = evaluate(program, values, bind(program, shapes))
        return np.asarray(results[program.outputs[0]])

    def gradient(self, op: sc.Operator, wrt: str, dy: object, **arrays: object) -> np.ndarray:
        return self(op.vjp(wrt).result, dy=dy, **arrays)


@dataclass(frozen=True)
class Kernels:
    """Emitted and built kernels in float64."""

    target: str

    def __call__(self, op: sc.Operator, **arrays: object) -> np.ndarray:
        """The only output."""
        return np.asarray(self._built(op).forward(**self._floats(arrays)))

    def gradient(self, op: sc.Operator, wrt: str, dy: object, **arrays: object) -> np.ndarray:
        cotangent = np.asarray(dy, dtype=float)
        return self._built(op).vjp(cotangent, wrt=wrt, **self._floats(arrays))[wrt]

    def _built(self, op: sc.Operator) -> Any:
        return sc.build(op, target=self.target, dtype="float64")

    def _floats(self, arrays: Mapping[str, object]) -> dict[str, np.ndarray]:
        return {name: np.asarray(array, dtype=float) for name, array in arrays.items()}


Engine = Interpreter | Kernels


@pytest.fixture(params=[Interpreter(), Kernels("c"), Kernels("numpy")],
                ids=["interpreter", "c", "numpy"])
def run(request: pytest.FixtureRequest) -> Engine:
    return request.param


def counted(*shape: int, start: int = 0) -> np.ndarray:
    return np.arange(start, start + int(np.prod(shape))).reshape(shape)


def test_polynomial_product_is_a_convolution(run: Engine) -> None:
    assert run(sc.ops.convolve(), a=[1, 2, 3, 4], b=[1, 2, 3]).tolist() == [1, 4, 10, 16, 17, 12]


def test_corr2d_of_the_textbook(run: Engine) -> None:
    op = sc.ops.correlate(ndim=2, mode="valid")
    assert run(op, a=counted(3, 3), b=counted(2, 2)).tolist() == [[19, 25], [37, 43]]
    y = run(sc.ops.conv2d(bias=False), x=counted(1, 1, 3, 3), w=counted(1, 1, 2, 2))
    assert y[0, 0].tolist() == [[19, 25], [37, 43]]


def test_two_channels_add_up(run: Engine) -> None:
    x = np.stack([counted(3, 3), counted(3, 3, start=1)])[None]
    w = np.stack([counted(2, 2), counted(2, 2, start=1)])[None]
    y = run(sc.ops.conv2d(bias=False), x=x, w=w)
    assert y[0, 0].tolist() == [[56, 72], [104, 120]]


def test_three_kernels_give_three_channels(run: Engine) -> None:
    x = np.stack([counted(3, 3), counted(3, 3, start=1)])[None]
    kernel = np.stack([counted(2, 2), counted(2, 2, start=1)])
    w = np.stack([kernel, kernel + 1, kernel + 2])
    y = run(sc.ops.conv2d(bias=False), x=x, w=w)
    assert y[0].tolist() == [[[56, 72], [104, 120]], [[76, 100], [148, 172]],
                             [[96, 128], [192, 224]]]


@pytest.mark.parametrize(("kernel", "padding", "stride", "expected"), [
    ((3, 3), 1, 1, (8, 8)),
    ((5, 3), (2, 1), 1, (8, 8)),
    ((3, 3), 1, 2, (4, 4)),
    ((3, 5), (0, 1), (3, 4), (2, 2)),
])
def test_output_shapes_of_an_8x8_image(run: Engine, kernel: tuple[int, int], padding: object,
                                       stride: object, expected: tuple[int, int]) -> None:
    op = sc.ops.conv2d(padding=padding, stride=stride)
    assert op.output_shape(x=(1, 1, 8, 8), w=(1, 1, *kernel), b=(1,)) == {"y": (1, 1, *expected)}
    y = run(op, x=counted(1, 1, 8, 8), w=counted(1, 1, *kernel), b=[0])
    assert y.shape == (1, 1, *expected)


@pytest.mark.parametrize("target", ["c", "numpy"])
def test_output_shape_of_a_strided_image(target: str) -> None:
    op = sc.ops.conv2d(stride=2, padding=1)
    assert op.output_shape(x=(3, 64, 64), w=(16, 3, 3, 3), b=(16,)) == {"y": (16, 32, 32)}
    ones = [np.ones(shape, dtype="float32") for shape in ((3, 64, 64), (16, 3, 3, 3), (16,))]
    y = sc.build(op, target=target).forward(**dict(zip("xwb", ones, strict=True)))
    assert y.shape == (16, 32, 32)
    assert (y[:, 1:, 1:] == 28).all()
    assert (y[:, 0, 0] == 13).all()


def test_1x1_convolution_is_a_matrix_product_per_pixel(run: Engine) -> None:
    rng = np.random.default_rng(1)
    x, w = rng.integers(-5, 6, (2, 3, 4, 5)), rng.integers(-5, 6, (6, 3))
    expected = np.einsum("oc,nchw->nohw", w, x)
    assert np.array_equal(run(sc.ops.conv1x1(bias=False), x=x, w=w), expected)
    assert np.array_equal(run(sc.ops.conv2d(bias=False), x=x, w=w[:, :, None, None]), expected)


def test_twice_the_square_of_a_vector(run: Engine) -> None:
    op = sc.parse("y = 2*sum[i](x[i]*x[i])")
    x = np.arange(4)
    assert run(op, x=x).tolist() == 28
    assert run.gradient(op, "x", 1, x=x).tolist() == [0, 4, 8, 12]


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("left", "right"), [((7,), (3,)), ((3,), (6,)), ((5,), (5,)),
                                             ((5, 6), (2, 3)), ((2, 3), (4, 4)),
                                             ((3, 4, 3), (2, 3, 1))])
def test_convolve_and_correlate_agree_with_scipy(run: Engine, mode: str, left: tuple[int, ...],
                                                 right: tuple[int, ...]) -> None:
    rng = np.random.default_rng(2)
    a, b = rng.integers(-9, 10, left), rng.integers(-9, 10, right)
    for ours, theirs in ((sc.ops.convolve, scipy.signal.convolve),
                         (sc.ops.correlate, scipy.signal.correlate)):
        expected = theirs(a, b, mode, method="direct")
        assert np.array_equal(run(ours(ndim=len(left), mode=mode), a=a, b=b), expected)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(("stride", "dilation", "kernel"), [(1, 1, 3), (2, 1, 2), (3, 2, 3),
                                                            (2, 3, 2)])
def test_conv2d_agrees_with_scipy(run: Engine, stride: int, dilation: int, kernel: int,
                                  flip: bool) -> None:
    rng = np.random.default_rng(3)
    x, w = rng.integers(-5, 6, (2, 2, 7, 8)), rng.integers(-5, 6, (3, 2, kernel, kernel))
    b = rng.integers(-5, 6, 3)
    spread = np.zeros((3, 2, *[dilation * (kernel - 1) + 1] * 2), dtype=x.dtype)
    spread[:, :, ::dilation, ::dilation] = w
    slide = scipy.signal.convolve2d if flip else scipy.signal.correlate2d
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (2, 2)))
    expected = np.array([[b[o] + sum(slide(padded[n, c], spread[o, c], "valid")
                                     for c in range(2))[::stride, ::stride]
                          for o in range(3)] for n in range(2)])
    op = sc.ops.conv2d(stride=stride, dilation=dilation, padding=(1, 2), flip=flip)
    assert np.array_equal(run(op, x=x, w=w, b=b), expected)


@pytest.mark.parametrize("size", [4, 5])
def test_pools_of_whole_windows_agree_with_scipy(run: Engine, size: int) -> None:
    rng = np.random.default_rng(4)
    x = rng.integers(-9, 10, (1, 2, size, 6))
    window = {"size": (1, 1, 3, 3), "mode": "constant"}
    highest = scipy.ndimage.maximum_filter(x, cval=-99, **window)
    lowest = scipy.ndimage.minimum_filter(x, cval=99, **window)
    options = {"kernel_size": 3, "stride": 1, "padding": 1}
    assert np.array_equal(run(sc.ops.max_pool2d(**options), x=x), highest)
    assert np.array_equal(run(sc.ops.min_pool2d(**options), x=x), lowest)
    mean = scipy.ndimage.uniform_filter(x.astype(float), cval=0.0, **window)
    np.testing.assert_allclose(run(sc.ops.avg_pool2d(**options), x=x).astype(float), mean,
                               rtol=0, atol=1e-14 * 9)


def test_average_counts_of_a_padded_row(run: Engine) -> None:
    x = np.full((1, 1, 3), 6)
    options = {"kernel_size": 3, "stride": 1, "padding": 1}
    assert run(sc.ops.avg_pool1d(**options), x=x)[0, 0].tolist() == [4, 6, 4]
    assert run(sc.ops.avg_pool1d(count_include_pad=False, **options), x=x)[0, 0].tolist() == [
        6, 6, 6]
    assert run(sc.ops.avg_pool1d(divisor_override=2, **options), x=x)[0, 0].tolist() == [6, 9, 6]
    assert run(sc.ops.sum_pool1d(**options), x=x)[0, 0].tolist() == [12, 18, 12]


@pytest.mark.parametrize(("options", "expected"), [
    # H = 5: windows at 0 and 3 hold 3 and 2 elements; the overhang is not counted
    ({"kernel_size": 3, "ceil_mode": True}, [2, 4.5]),
    # padded to 7 positions, windows at -1, 2, 5: the last would start behind the input
    ({"kernel_size": 3, "padding": 1, "ceil_mode": True}, [1, 4]),
    # stride 2: windows at -1, 1, 3; the last holds 4, 5 and one padded position
    ({"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}, [1, 3, 3]),
])
def test_ceil_mode_of_an_average(run: Engine, options: dict[str, object],
                                 expected: list[float]) -> None:
    y = run(sc.ops.avg_pool1d(**options), x=np.arange(1, 6)[None, None])
    assert [float(value) for value in y[0, 0]] == expected


@pytest.mark.parametrize(("mode", "theirs"), [
    ("reflect", "reflect"), ("replicate", "edge"), ("symmetric", "symmetric"),
    ("circular", "wrap")])
@pytest.mark.parametrize("pads", [((2, 1), (1, 2)), ((0, 2), (2, 0))])
def test_padding_modes_agree_with_numpy(run: Engine, mode: str, theirs: str,
                                        pads: tuple[tuple[int, int], ...]) -> None:
    rng = np.random.default_rng(5)
    x, w = rng.integers(-5, 6, (1, 2, 3, 4)), rng.integers(-5, 6, (2, 2, 2, 3))
    padded = np.pad(x, ((0, 0), (0, 0), *pads), mode=theirs)
    expected = run(sc.ops.conv2d(bias=False), x=padded, w=w)
    op = sc.ops.conv2d(padding=pads, padding_mode=mode, bias=False)
    assert np.array_equal(run(op, x=x, w=w), expected)


def test_circular_padding_wraps_up_to_the_size_and_crops_first(run: Engine) -> None:
    one = np.ones((1, 1, 1), dtype=int)
    op = sc.ops.conv1d(padding=((3, 2),), padding_mode="circular", bias=False)
    assert run(op, x=np.arange(3)[None, None], w=one)[0, 0].tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    wide = sc.ops.conv1d(padding=((4, 2),), padding_mode="circular", bias=False)
    with pytest.raises(sc.ShapeError, match="circular"):
        run(wide, x=np.arange(3)[None, None], w=one)
    op = sc.ops.conv1d(padding=((-1, 3),), padding_mode="circular", bias=False)
    assert run(op, x=np.arange(4)[None, None], w=one)[0, 0].tolist() == [1, 2, 3, 1, 2, 3]


def test_groups_are_convolutions_side_by_side(run: Engine) -> None:
    rng = np.random.default_rng(6)
    x, w, b = (rng.integers(-5, 6, shape) for shape in ((2, 4, 6), (6, 2, 3), (6,)))
    halves = [run(sc.ops.conv1d(stride=2), x=x[:, 2 * g:2 * g + 2], w=w[3 * g:3 * g + 3],
                  b=b[3 * g:3 * g + 3]) for g in range(2)]
    y = run(sc.ops.conv1d(stride=2, groups=2), x=x, w=w, b=b)
    assert np.array_equal(y, np.concatenate(halves, axis=1))


@pytest.mark.parametrize(("rule", "kernel", "stride", "pads"), [
    ("same", 3, 1, (1, 1)), ("same", 4, 1, (1, 2)), ("same_lower", 4, 1, (2, 1)),
    ("same_upper", 3, 2, (0, 1)), ("same_lower", 3, 2, (1, 0)), ("same_upper", 1, 3, (0, 0)),
    ("valid", 3, 2, (0, 0)),
])
def test_padding_rules_are_the_pads_of_tensorflow_and_onnx(run: Engine, rule: str, kernel: int,
                                                           stride: int,
                                                           pads: tuple[int, int]) -> None:
    rng = np.random.default_rng(7)
    x, w = rng.integers(-5, 6, (1, 1, 6)), rng.integers(-5, 6, (1, 1, kernel))
    ruled = sc.ops.conv1d(stride=stride, padding=rule, bias=False)
    given = sc.ops.conv1d(stride=stride, padding=(pads,), bias=False)
    assert np.array_equal(run(ruled, x=x, w=w), run(given, x=x, w=w))
    fixed = sc.ops.conv1d(stride=stride, padding=rule, bias=False, kernel_size=kernel)
    assert np.array_equal(run(fixed, x=x, w=w), run(given, x=x, w=w))


def test_input_dilation_inserts_zeros_before_padding(run: Engine) -> None:
    rng = np.random.default_rng(8)
    x, w = rng.integers(-5, 6, (1, 2, 3, 4)), rng.integers(-5, 6, (2, 2, 3, 2))
    wide = np.zeros((1, 2, 5, 10), dtype=x.dtype)
    wide[:, :, ::2, ::3] = x
    expected = run(sc.ops.conv2d(padding=1, stride=2, bias=False), x=wide, w=w)
    op = sc.ops.conv2d(padding=1, stride=2, bias=False, input_dilation=(2, 3))
    assert np.array_equal(run(op, x=x, w=w), expected)


@pytest.mark.parametrize("output_padding", [0, 1])
def test_transposed_convolution_is_the_adjoint_of_convolution(run: Engine,
                                                              output_padding: int) -> None:
    rng = np.random.default_rng(9)
    x, w = rng.integers(-5, 6, (1, 4, 3)), rng.integers(-5, 6, (4, 1, 3))
    options = {"stride": 2, "padding": 1, "groups": 2, "bias": False}
    y = run(sc.ops.conv_transpose1d(output_padding=output_padding, **options), x=x, w=w)
    assert y.shape == (1, 2, 5 + output_padding)
    z = rng.integers(-5, 6, y.shape)
    assert (y * z).sum() == (run(sc.ops.conv1d(**options), x=z, w=w) * x).sum()


@pytest.mark.parametrize("axes", [None, 0, -1, (0, 2), (1, -1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions_agree_with_numpy(run: Engine, axes: object, keepdims: bool) -> None:
    x = np.random.default_rng(10).integers(-9, 10, (2, 3, 4))
    for ours, theirs in ((sc.ops.reduce_sum, np.sum), (sc.ops.reduce_max, np.max),
                         (sc.ops.reduce_min, np.min)):
        expected = theirs(x, axis=axes, keepdims=keepdims)
        assert np.array_equal(run(ours(axes=axes, keepdims=keepdims), x=x), expected)
    mean = run(sc.ops.reduce_mean(axes=axes, keepdims=keepdims), x=x)
    np.testing.assert_allclose(mean.astype(float), x.mean(axis=axes, keepdims=keepdims),
                               rtol=1e-15)


def test_elementwise_functions_at_known_points(run: Engine) -> None:
    x = np.array([[-2, 0, 3]])
    assert run(sc.ops.abs(), x=x).tolist() == [[2, 0, 3]]
    assert run(sc.ops.relu(), x=x).tolist() == [[0, 0, 3]]
    assert run(sc.ops.leaky_relu(slope=0.5), x=x).tolist() == [[-1, 0, 3]]
    assert run(sc.ops.maximum(), a=x, b=-x).tolist() == [[2, 0, 3]]
    assert run(sc.ops.minimum(), a=x, b=-x).tolist() == [[-2, 0, -3]]
    assert run(sc.ops.add(), a=x, b=x).tolist() == [[-4, 0, 6]]
    assert run(sc.ops.mul(), a=x, b=x).tolist() == [[4, 0, 9]]


@pytest.mark.parametrize(("at_zero", "expected"), [(None, 0.25), (1, 1), (0.5, 0.5)])
def test_leaky_relu_has_the_slope_asked_for_at_zero(run: Engine, at_zero: object,
                                                    expected: float) -> None:
    op = sc.ops.leaky_relu(slope=0.25, at_zero=at_zero, ndim=1)
    assert run.gradient(op, "x", [1, 1, 1], x=[-1, 0, 1]).tolist() == [0.25, expected, 1]


def test_linear_dot_and_flatten(run: Engine) -> None:
    rng = np.random.default_rng(11)
    x, w, b = (rng.integers(-5, 6, shape) for shape in ((2, 3), (4, 3), (4,)))
    assert np.array_equal(run(sc.ops.linear(), x=x, w=w, b=b), x @ w.T + b)
    assert run(sc.ops.dot(), a=x[0], b=x[1]).tolist() == int(x[0] @ x[1])
    image = counted(2, 3, 2, 2)
    assert np.array_equal(run(sc.ops.flatten(), x=image), image.reshape(2, 12))

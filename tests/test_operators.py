"""What each operator means, beside values worked out by hand or by another library."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symconv as sc

ops = sc.ops
TARGETS = ("c", "numpy")


def run(op: sc.Operator, **operands: Any) -> list[Any]:
    """The forward pass of both targets in float64."""
    return [sc.build(op, target, "float64").forward(**operands) for target in TARGETS]


def everywhere(op: sc.Operator, wanted: np.ndarray, **operands: Any) -> None:
    for found in run(op, **operands):
        np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-13)


def gradients(op: sc.Operator, dy: Any, **operands: Any) -> list[dict[str, np.ndarray]]:
    return [sc.build(op, target, "float64").vjp(dy, **operands) for target in TARGETS]


X = np.arange(1.0, 13).reshape(1, 1, 3, 4)

# --- padding ----------------------------------------------------------------------------------

MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge",
         "symmetric": "symmetric", "circular": "wrap"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("pads", [((2, 1), (0, 2)), ((0, 0), (1, 1)), ((2, 2), (2, 2)),
                                  ((0, 0), (0, 0)), ((1, 0), (0, 0))])
def test_pad_is_numpys_pad(mode: str, pads: Any) -> None:
    x = np.arange(12.0).reshape(3, 4) + 1
    everywhere(ops.pad(pads, mode=mode), np.pad(x, pads, mode=MODES[mode]), x=x)


def test_the_limits_of_every_mode() -> None:
    """Both sides at their limit at once: each input is read by several images."""
    x = np.array([1.0, 2, 3])
    for mode, most in (("reflect", 2), ("symmetric", 3), ("circular", 3)):
        pads = ((most, most),)
        everywhere(ops.pad(pads, mode=mode), np.pad(x, pads, mode=MODES[mode]), x=x)
        with pytest.raises(sc.ShapeError, match=rf"axis D0.*{mode}.*larger input"):
            ops.pad(((most + 1, 0),), mode=mode).output_shape(x=(3,))
        with pytest.raises(sc.ShapeError, match=mode):
            ops.pad(((0, most + 1),), mode=mode).output_shape(x=(3,))
    for mode in ("constant", "replicate"):
        everywhere(ops.pad(((7, 9),), mode=mode), np.pad(x, (7, 9), mode=MODES[mode]), x=x)
    single = np.array([5.0])
    for mode in ("symmetric", "circular", "replicate"):
        everywhere(ops.pad(1, mode=mode), np.array([5.0] * 3), x=single)
    with pytest.raises(sc.ShapeError, match="reflect"):
        ops.pad(1, mode="reflect").output_shape(x=(1,))


def test_negative_padding_crops_and_circular_crops_first() -> None:
    x = np.arange(1.0, 7)
    everywhere(ops.pad(((-2, -1),)), x[2:-1], x=x)
    everywhere(ops.pad(((-1, 2),), value=9), np.array([2, 3, 4, 5, 6, 9, 9.]), x=x)
    for mode in ("reflect", "symmetric", "replicate"):
        full = np.pad(x, (0, 3), mode=MODES[mode])
        everywhere(ops.pad(((-2, 3),), mode=mode), full[2:], x=x)
    everywhere(ops.pad(((-2, 3),), mode="circular"), np.array([3, 4, 5, 6, 3, 4, 5.]), x=x)
    everywhere(ops.pad(((5, -4),), mode="circular"), np.array([2, 1, 2, 1, 2, 1, 2.]), x=x)
    with pytest.raises(sc.ShapeError, match="crop less"):
        ops.pad(((-3, -3),)).output_shape(x=(6,))


def test_the_gradient_of_padding_counts_how_often_each_element_is_read() -> None:
    x = np.array([1.0, 2, 3])
    for mode, counts in (("reflect", [2, 3, 2]), ("symmetric", [3, 3, 3]),
                         ("replicate", [4, 1, 4]), ("circular", [3, 3, 3])):
        most = 2 if mode == "reflect" else 3
        for found in gradients(ops.pad(((most, most),), mode=mode), np.ones(3 + 2 * most), x=x):
            np.testing.assert_array_equal(found["x"], counts)


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "symmetric", "circular"])
def test_input_dilation_comes_before_padding_of_every_mode(mode: str) -> None:
    x = np.arange(1.0, 7).reshape(1, 2, 3)
    spread = np.zeros((1, 2, 5))
    spread[:, :, ::2] = x
    w, b = np.array([[[1.0, 2], [3, -1]]]), np.array([0.5])
    padded = np.pad(spread, ((0, 0), (0, 0), (2, 1)),
                    mode=MODES.get(mode, "constant"))
    want = [[[0.5 + (padded[0, :, i:i + 2] * w[0]).sum() for i in range(7)]]]
    everywhere(ops.conv1d(padding=((2, 1),), padding_mode=mode, input_dilation=2),
               np.array(want), x=x, w=w, b=b)


# --- pools ------------------------------------------------------------------------------------


def test_lp_pools() -> None:
    x = np.array([[[3.0, -4, 0, 0, -1, 2]]])
    for p, want in ((1, [7, 0, 3]), (2, [5, 0, 5 ** 0.5]), (3.5, [
            (3 ** 3.5 + 4 ** 3.5) ** (1 / 3.5), 0, (1 + 2 ** 3.5) ** (1 / 3.5)]),
            (float("inf"), [4, 0, 2]), (0.5, [(3 ** 0.5 + 2) ** 2, 0, (1 + 2 ** 0.5) ** 2])):
        op = ops.lp_pool1d(2, norm_type=p)
        everywhere(op, np.array([[want]]), x=x)
        for found in gradients(op, np.ones((1, 1, 3)), x=x):
            assert np.isfinite(found["x"]).all()
            np.testing.assert_array_equal(found["x"][0, 0, 2:4], [0, 0])   # stated: 0 at sum 0
            assert np.sign(found["x"][0, 0, 1]) == -1


def test_partial_windows_of_an_lp_pool_are_not_rescaled() -> None:
    x = np.array([[[3.0, 4, 12]]])
    everywhere(ops.lp_pool1d(2, ceil_mode=True), np.array([[[5, 12.0]]]), x=x)
    everywhere(ops.lp_pool1d(2, padding=1), np.array([[[3, 160 ** 0.5]]]), x=x)


def test_adaptive_pools() -> None:
    x = np.array([[[1.0, 7, 3, 4, 5]]])
    everywhere(ops.adaptive_avg_pool1d(3), np.array([[[4, 14 / 3, 4.5]]]), x=x)
    everywhere(ops.adaptive_avg_pool1d(7), np.array([[[1, 4, 5, 3, 3.5, 4.5, 5]]]), x=x)
    everywhere(ops.adaptive_avg_pool2d((None, 2)), X.reshape(1, 1, 3, 2, 2).mean(-1), x=X)
    for y, indices in run(ops.adaptive_max_pool1d(3, return_indices=True), x=x):
        assert (y.tolist(), indices.tolist()) == ([[[7, 7, 5]]], [[[1, 1, 4]]])
        assert indices.dtype == np.int64
    for found in gradients(ops.adaptive_max_pool1d(3), np.array([[[1.0, 2, 4]]]), x=x):
        np.testing.assert_array_equal(found["x"], [[[0, 3, 0, 0, 4]]])
    with pytest.raises(sc.ShapeError, match="empty"):
        ops.adaptive_avg_pool1d(2).output_shape(x=(1, 1, 0))


def test_global_pools_keep_their_axes() -> None:
    everywhere(ops.global_avg_pool(), np.array([[[[6.5]]]]), x=X)
    everywhere(ops.global_max_pool(), np.array([[[[12.0]]]]), x=X)
    everywhere(ops.global_max_pool(ndim=1), np.array([[[4.0]]]), x=X[:, :, 0])


@pytest.mark.parametrize("ties", ["first", "last"])
def test_indices_are_flat_in_the_plane(ties: str) -> None:
    x = np.array([[[[1.0, 5, 5], [5, 2, 0], [5, 0, 7]]]])
    op = ops.max_pool2d(2, stride=1, ties=ties, return_indices=True)
    assert op.outputs == ("y", "indices")
    want = [[[[1, 1], [3, 8]]]] if ties == "first" else [[[[3, 2], [6, 8]]]]
    for y, indices in run(op, x=x):
        assert y.tolist() == [[[[5, 5], [5, 7]]]]
        assert indices.tolist() == want
    for found in gradients(op, {"y": np.ones((1, 1, 2, 2))}, x=x):
        np.testing.assert_array_equal(found["x"].ravel(),
                                      np.bincount(np.ravel(want), minlength=9))


def test_gaps_of_input_dilation_are_no_taps() -> None:
    x = np.array([[[-3.0, -1, -2]]])                 # spread: -3 . -1 . -2
    everywhere(ops.max_pool1d(2, stride=1, input_dilation=2), np.array([[[-3, -1, -1, -2.]]]), x=x)
    everywhere(ops.avg_pool1d(3, stride=1, input_dilation=2, count_include_pad=False),
               np.array([[[-2, -1, -1.5]]]), x=x)
    everywhere(ops.avg_pool1d(3, stride=1, input_dilation=2), np.array([[[-4, -1, -3]]]) / 3, x=x)
    for op in (ops.max_pool1d(1, input_dilation=2),
               ops.avg_pool1d(1, input_dilation=2, count_include_pad=False)):
        with pytest.raises(sc.ShapeError, match="no value inside"):
            op.output_shape(x=(1, 1, 3))
    assert ops.max_pool1d(1, stride=2, input_dilation=2).output_shape(x=(1, 1, 3)) == {
        "y": (1, 1, 3)}
    assert ops.avg_pool1d(1, input_dilation=2).output_shape(x=(1, 1, 3)) == {"y": (1, 1, 5)}


def test_the_divisor_of_a_partial_window() -> None:
    x = np.arange(1.0, 6).reshape(1, 1, 5)
    everywhere(ops.avg_pool1d(2, ceil_mode=True), np.array([[[1.5, 3.5, 5]]]), x=x)
    everywhere(ops.avg_pool1d(2, ceil_mode=True, divisor_override=3),
               np.array([[[1, 7 / 3, 5 / 3]]]), x=x)
    everywhere(ops.avg_pool1d(3, stride=2, padding=1), np.array([[[1, 3, 3]]]), x=x)
    everywhere(ops.avg_pool1d(3, stride=2, padding=1, count_include_pad=False),
               np.array([[[1.5, 3, 4.5]]]), x=x)


# --- places that are data -----------------------------------------------------------------------


def test_max_unpool_undoes_a_max_pool_and_adds_duplicates() -> None:
    y, indices = run(ops.max_pool2d((1, 2), return_indices=True), x=X)[0]
    want = X * (np.arange(4) % 2)
    everywhere(ops.max_unpool2d((1, 2)), want, x=y, indices=indices)
    same = np.full_like(indices, 5)
    total = np.zeros((1, 1, 3, 4))
    total[0, 0, 1, 1] = y.sum()
    everywhere(ops.max_unpool2d(output_size=(3, 4)), total, x=y, indices=same)
    for found in gradients(ops.max_unpool2d((1, 2)), X, x=y, indices=same):
        np.testing.assert_array_equal(found["x"], np.full(y.shape, 6.0))


@pytest.mark.parametrize("wrong", [-1, 12, 2**40])
@pytest.mark.parametrize("target", TARGETS)
def test_places_outside_are_refused(wrong: int, target: str) -> None:
    kernel = sc.build(ops.max_unpool2d((1, 2)), target, "float64")
    indices = np.zeros((1, 1, 3, 2), dtype=np.int64)
    indices[0, 0, 2, 1] = wrong
    x = np.ones(indices.shape)
    for call in (lambda: kernel.forward(x=x, indices=indices),
                 lambda: kernel.vjp(np.ones((1, 1, 3, 4)), x=x, indices=indices)):
        with pytest.raises(sc.ParameterError, match=rf"indices: element {wrong} at place "
                                                    r"\(0, 0, 2, 1\).* < 12 needed"):
            call()


def test_the_scatter_runs_over_the_data() -> None:
    from symconv.loops import show
    from symconv.lower import lower
    from symconv.passes import forward_passes

    (item,) = forward_passes(ops.max_unpool1d(2).definition)
    text = show(lower(item).body)
    assert "for u in 0 .. Ho:\n  y[n,c,u] = 0" in text
    assert "y[n,c, indices[n, c, i]] += x[n,c,i]" in text


# --- columns ----------------------------------------------------------------------------------


def test_unfold_and_fold_are_adjoint_and_laid_out_as_in_pytorch() -> None:
    x = np.arange(1.0, 13).reshape(1, 1, 3, 4)
    columns = run(ops.unfold((2, 3)), x=x)[0]
    assert columns.shape == (1, 6, 4)
    np.testing.assert_array_equal(columns[0, :, 1], [2, 3, 4, 6, 7, 8])
    rng = np.random.default_rng(0)
    for options in ({}, {"stride": 2, "padding": 1}, {"dilation": 2, "padding": ((1, 2), (0, 1))}):
        u = ops.unfold((2, 3), **options)
        f = ops.fold((2, 3), (5, 6), **options)
        x = rng.integers(-4, 5, (2, 3, 5, 6)).astype(float)
        dy = rng.integers(-4, 5, u.output_shape(x=x.shape)["y"]).astype(float)
        for folded, back in zip(run(f, x=dy), gradients(u, dy, x=x), strict=True):
            np.testing.assert_array_equal(folded, back["x"])
        for unfolded, back in zip(run(u, x=x), gradients(f, x, x=dy), strict=True):
            np.testing.assert_array_equal(unfolded, back["x"])
    with pytest.raises(sc.ShapeError, match=r"axis 2.*9.*split"):
        ops.fold((2, 3), (5, 6)).output_shape(x=(1, 6, 9))
    with pytest.raises(sc.ShapeError, match=r"axis 1.*7.*split"):
        ops.fold((2, 3), (5, 6)).output_shape(x=(1, 7, 16))


def test_a_transposed_convolution_is_the_adjoint_of_the_convolution() -> None:
    rng = np.random.default_rng(1)
    for options in ({"stride": 2, "padding": 1}, {"stride": 3, "dilation": 2}, {"groups": 2}):
        conv = ops.conv2d(bias=False, **options)
        w = rng.integers(-3, 4, (4, 6 // options.get("groups", 1), 2, 3)).astype(float)
        x = rng.integers(-3, 4, (2, 6, 8, 9)).astype(float)
        dy = rng.integers(-3, 4, conv.output_shape(x=x.shape, w=w.shape)["y"]).astype(float)
        plain = ops.conv_transpose2d(bias=False, **options).output_shape(x=dy.shape, w=w.shape)
        extra = tuple(np.subtract(x.shape[2:], plain["y"][2:]))
        back = ops.conv_transpose2d(bias=False, output_padding=extra, **options)
        for found, gradient in zip(run(back, x=dy, w=w), gradients(conv, dy, x=x, w=w),
                                   strict=True):
            np.testing.assert_array_equal(found, gradient["x"])
    assert ops.conv_transpose1d(stride=2, dilation=3, output_padding=2).output_shape(
        x=(1, 1, 4), w=(1, 1, 2), b=(1,)) == {"y": (1, 1, 12)}


# --- joining and normalising ------------------------------------------------------------------


def test_concat_takes_as_many_operands_as_are_given() -> None:
    parts = [np.arange(6.0).reshape(2, 3) + k for k in range(3)]
    for axis in (0, 1, -1):
        op = ops.concat(axis=axis)
        for count in (2, 3):
            given = dict(zip("abc", parts[:count], strict=False))
            everywhere(op, np.concatenate(parts[:count], axis), **given)
    dy = np.arange(12.0).reshape(2, 6)
    for found in gradients(ops.concat(), dy, a=parts[0], b=parts[1]):
        np.testing.assert_array_equal(found["b"], dy[:, 3:])
    with pytest.raises(sc.ShapeError, match="b, axis 0"):
        ops.concat().output_shape(a=(2, 3), b=(3, 3))


def test_batch_norm_and_a_batch_of_one() -> None:
    rng = np.random.default_rng(2)
    x, gamma, beta = rng.normal(size=(3, 2, 4)), np.array([2.0, -1]), np.array([0.5, 1])
    mean, var = x.mean((0, 2)), x.var((0, 2))
    want = (gamma / np.sqrt(var + 1e-5))[:, None] * (x - mean[:, None]) + beta[:, None]
    everywhere(ops.batch_norm(), want, x=x, gamma=gamma, beta=beta)
    one = x[:1, :, 0]
    everywhere(ops.batch_norm(), np.zeros((1, 2)), x=one, gamma=gamma, beta=0 * beta)
    for found in gradients(ops.batch_norm(), np.array([[3.0, 0.7]]), x=one, gamma=gamma,
                           beta=beta):
        np.testing.assert_array_equal(found["x"], [[0, 0]])
        np.testing.assert_array_equal(found["gamma"], [0, 0])
        np.testing.assert_array_equal(found["beta"], [3, 0.7])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cross_entropy_is_stable_for_large_logits(dtype: str) -> None:
    x = np.array([[1e4, -1e4, 0], [-1e4, -1e4, 1e4], [3, 1, 2]], dtype)
    labels = np.array([1, 2, 0])
    last = np.log(1 + np.exp(-1.0) + np.exp(-2.0))
    soft = np.exp([3.0, 1, 2]) / np.exp([3.0, 1, 2]).sum()
    for target in TARGETS:
        kernel = sc.build(ops.softmax_cross_entropy("none"), target, dtype)
        y = kernel.forward(x=x, labels=labels)
        np.testing.assert_allclose(y, [2e4, 0, last], rtol=1e-6)
        g = kernel.vjp(np.ones(3, dtype), x=x, labels=labels)["x"]
        np.testing.assert_allclose(g, [[1, -1, 0], [0, 0, 0], soft - [1, 0, 0]], rtol=1e-5,
                                   atol=1e-7)
        for wrong in (-1, 3):
            with pytest.raises(sc.ParameterError, match="labels: element"):
                kernel.forward(x=x, labels=np.array([0, wrong, 1]))


def test_the_shift_of_the_softmax_has_no_derivative() -> None:
    """The frozen maximum may be replaced by any shift: the loss does not depend on it."""
    op = sc.parse("x: [C]; s: []; k: int; z = sum[c](exp(x[c] - s));"
                  "y = log(z) + sum[c]([c == k] * (s - x[c]))")
    x = np.array([0.5, -1, 2])
    for found in gradients(op, 1.0, x=x, s=2.0, k=1):
        assert abs(float(found["s"])) < 1e-15


def test_empty_batches_follow_the_rules_of_empty_sums() -> None:
    labels = np.zeros(0, np.int64)
    for y in run(ops.softmax_cross_entropy(), x=np.zeros((0, 3)), labels=labels):
        assert y == 0
    for found in gradients(ops.batch_norm(), np.zeros((0, 2)), x=np.zeros((0, 2)),
                           gamma=np.ones(2), beta=np.ones(2)):
        np.testing.assert_array_equal(found["gamma"], [0, 0])
    assert ops.max_pool2d(2).output_shape(x=(0, 3, 4, 4)) == {"y": (0, 3, 2, 2)}
    with pytest.raises(sc.ShapeError, match="classes"):
        ops.softmax_cross_entropy().output_shape(x=(2, 0), labels=(2,))

"""Taps of the first axis of a window as shifts of rows: exact for every stride, dilation and block,
and taken where copies would outweigh the products."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from test_numpy_target import Shapes, compare, make_blocks

import symconv as sc
from symconv.bench.kernels import operator, shapes
from symconv.bench.layers import Layer, Pool
from symconv.emission import ordered, sources, specialised
from symconv.emit import numpy_matmul
from symconv.emit.numpy_shifts import Gather
from symconv.language.reader import parse
from symconv.passes import emitted_vjp, forward_passes

WINDOW = ("x: [N,C,H,W]; w: [O,C,K,L]; i < (H + {h} - {d}*(K-1))//{s} + 1; j < W-L+3; y[n,o,i,j] = "
          "sum[c,a,e](x[n,c,{s}*i+{d}*a-{p},j+e-1] * w[o,c,a,e])")
WINDOWS: list[tuple[str, Shapes]] = [
    *((WINDOW.format(s=s, d=d, p=p, h=2*p - 1), {"x": (2, 3, 9, 5), "w": (4, 3, k, 2)})
      for s, d, p, k in itertools.product((1, 2, 3), (1, 2), (0, 2), (2, 4))),
    ("x: [N,G,H,W]; w: [G,K,L]; i < H-K+3; j < W-L+3; y[n,g,i,j] = "
     "sum[a,e](x[n,g,i+a-1,j+e-1] * w[g,a,e])", {"x": (2, 3, 6, 5), "w": (3, 3, 3)}),
    ("x: [C,H]; w: [O,C,K]; i < H+K-1; y[o,i] = sum[c,a](x[c,i-a] * w[o,c,a])",
     {"x": (3, 7), "w": (2, 3, 4)}),
    ("x: [N,D,H,W]; w: [O,K,K,K]; u < D-K+3; i < H-K+3; j < W-K+3; y[n,o,u,i,j] = "
     "sum[b,a,e](x[n,u+b-1,i+a-1,j+e-1] * w[o,b,a,e])", {"x": (2, 4, 5, 4), "w": (2, 3, 3, 3)}),
]


@pytest.mark.parametrize(("text", "given"), WINDOWS)
@pytest.mark.parametrize("size", [18, 5, 2])
def test_shifted_rows_are_exact_in_blocks_of_any_size(
        text: str, given: Shapes, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    make_blocks(size, monkeypatch)
    monkeypatch.setattr(Gather, "_spares", lambda *_: True)
    compare(parse(text), given, dtype="float32", fixed=True)


@pytest.mark.parametrize(("channels", "outputs"), [(6, 2), (2, 16)])
def test_rows_of_an_axis_of_one_element_are_shifted_like_any(channels: int, outputs: int) -> None:
    """The gradient of x has an axis of extent 1 that has no index."""
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-4, 5, shape).astype(np.float32)
            for shape in ((64, channels, 1, 2048), (outputs, channels, 1, 5)))
    op = sc.ops.conv2d(padding=(0, 2), bias=False)
    fixed = sc.build(op, "numpy", shapes={"x": x.shape, "w": w.shape})
    free, dy = sc.build(op, "numpy"), fixed.forward(x=x, w=w)
    assert np.array_equal(fixed.vjp(dy, "x", x=x, w=w)["x"], free.vjp(dy, "x", x=x, w=w)["x"])


def test_a_batch_that_columns_lack_in_its_midst_is_spread() -> None:
    """A product for each output o, n and group g, of weights that have o and g alone."""
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-4, 5, shape).astype(np.float32)
            for shape in ((4, 64, 3, 3), (64, 2, 7, 7)))
    op = sc.ops.conv_transpose2d(stride=4, groups=64, bias=False)
    fixed = sc.build(op, "numpy", shapes={"x": x.shape, "w": w.shape})
    free, dy = sc.build(op, "numpy"), fixed.forward(x=x, w=w)
    found, wanted = (kernel.double_vjp({"x": x, "w": w}, dy, x=x, w=w) for kernel in (fixed, free))
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("is_fixed", [False, True])
@pytest.mark.parametrize(("op", "x", "w"), [
    (sc.ops.conv2d(padding=((-2, -2), (0, 0)), groups=2, bias=False), (0, 2, 10, 3), (4, 1, 1, 1)),
    (sc.ops.conv1d(padding=((3, 3),), input_dilation=2, flip=True, groups=2, bias=False),
     (0, 6, 7), (2, 3, 2))], ids=["cropped", "turned"])
def test_windows_of_an_empty_batch_begin_nowhere(op: sc.Operator, x: tuple[int, ...],
                                                 w: tuple[int, ...], is_fixed: bool) -> None:
    shapes = {"x": x, "w": w}
    kernel = sc.build(op, "numpy", shapes=shapes if is_fixed else None)
    given = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
    dy = kernel.forward(**given)
    found = kernel.vjp(dy, **given)
    assert found["x"].shape == x
    assert not found["w"].any()


def written(case: Layer | Pool) -> str:
    """The forward pass and the gradients of a case."""
    order = ordered(operator(case), None, case.dtype, shapes(case), "auto", "default", (), None)
    return "".join(sources("numpy", order, specialised(passes(order.program), order.fixed))[
        f"{order.name}.py"] for passes in (forward_passes, emitted_vjp))


@pytest.mark.parametrize(("case", "count"), [
    (Layer("few outputs, short rows", (64, 6, 14, 14), 16, 5), 3),
    (Layer("a gradient of few weights", (64, 1, 28, 28), 6, 5, 1, 2), 1),
    (Layer("more outputs than channels, scattered", (8, 3, 16, 16), 8, 5), 5),
    (Layer("many outputs use what is copied", (1, 64, 56, 56), 64, 3, 1, 1), 0),
    (Layer("two residues of three taps", (1, 96, 56, 56), 96, 3, 2, 1, 1, 96), 0),
    (Layer("few taps of one axis", (2, 64, 8000), 64, 3, 1, 4, 4), 1),
    (Layer("many taps of one axis", (8, 64, 16000), 64, 9, 1, 4), 0),
    (Layer("little to copy", (1, 4, 8, 8), 4, 3, 1, 1), 0)], ids=lambda one: str(one)[:40])
def test_rows_are_shifted_where_copies_would_outweigh_products(case: Layer, count: int) -> None:
    assert written(case).count("columns[..., ") == count


def test_a_residue_that_no_array_covers_is_padded() -> None:
    """With stride 2 the last row of a residue may lie behind the array."""
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-4, 5, shape).astype(np.float32)
            for shape in ((8, 4, 41, 41), (8, 4, 5, 5)))
    op = sc.ops.conv2d(stride=2, padding=1, bias=False)
    given = {"x": x.shape, "w": w.shape}
    fixed, free = sc.build(op, "numpy", shapes=given), sc.build(op, "numpy")
    y = fixed.forward(x=x, w=w)
    assert np.array_equal(y, free.forward(x=x, w=w))
    assert np.array_equal(fixed.vjp(y, "w", x=x, w=w)["w"], free.vjp(y, "w", x=x, w=w)["w"])


def test_a_mean_is_divided_once_behind_its_sums() -> None:
    source = written(Pool("mean", "average", (2, 3, 8, 8), 3, 2)).split("def vjp_x")[0]
    assert "    y /= 9\n" in source
    assert source.count("/") == 3 + source.split("def forward")[0].count("/")


def test_a_mean_of_a_power_of_two_is_multiplied_to_the_same_bits() -> None:
    pool = Pool("mean", "average", (2, 3, 8, 8), 2, 2)
    assert "    y *= 0.25\n" in written(pool)
    x = np.random.default_rng(0).standard_normal(pool.shape).astype(np.float32)
    x[0] *= np.float32(1e-41)                   # subnormal sums are rounded
    fixed = sc.build(operator(pool), "numpy", shapes=shapes(pool))
    sums = (x[..., ::2, :] + x[..., 1::2, :])
    assert np.array_equal(fixed.forward(x=x), (sums[..., ::2] + sums[..., 1::2]) / 4)


CUT: list[tuple[str, Shapes]] = [
    ("x: [N,L]; i < 3; a < 2; y[n,i] = sum[a](x[n,i+a]*x[n,a])", {"x": (2, 6)}),
    ("x: [N,L]; i < 2; a < 4; y[n,i] = sum[a](x[n,i+a]*x[n,a])", {"x": (2, 6)}),
    ("x: [C,L,M]; w: [O,C,2,2]; i < 2; j < 6; y[o,i,j] = "
     "sum[c,a,e](x[c,i+a,j+e-1]*w[o,c,a,e]*[2*a <= o])", {"x": (4, 3, 6), "w": (3, 4, 2, 2)}),
    ("x: [N,C,L]; w: [O,C,L]; i < 1; a < 3; "      # no tap at all where the shape is known
     "y[n,o,i] = sum[c,a](x[n,c,i+a-2]*w[o,c,a]*[c + a < 4])", {"x": (3, 3, 2), "w": (3, 3, 2)}),
]


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize(("text", "given"), CUT, ids=[text for text, _ in CUT])
def test_terms_left_out_inside_an_array_are_left_out(
        text: str, given: Shapes, fixed: bool) -> None:
    """Zeros around an array leave out what is outside of it, and nothing else."""
    compare(parse(text), given, fixed=fixed)


@pytest.mark.parametrize("size", [18, 9])
def test_a_long_sum_of_few_rows_is_transposed_behind_its_product(
        size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    make_blocks(size, monkeypatch)
    case = Layer("many terms", (1, 33, 24, 24), 3, 3, 2, 1)
    wide = Layer("few terms", (1, 33, 24, 24), 3, 3, 3, 1)
    monkeypatch.setattr(numpy_matmul, "_LONG", 100)
    assert "np.ascontiguousarray(dw.T)" in written(case)
    assert "np.ascontiguousarray(dw.T)" not in written(wide)
    fixed, free = (sc.build(operator(case), "numpy", shapes=given)
                   for given in (shapes(case), None))
    rng = np.random.default_rng(0)
    given = {name: rng.integers(-4, 5, shape).astype(np.float32)
             for name, shape in shapes(case).items()}
    dy = rng.integers(-4, 5, case.output_shape).astype(np.float32)
    found = fixed.vjp(dy, "w", **given)["w"]
    assert found.flags.c_contiguous
    assert np.array_equal(found, free.vjp(dy, "w", **given)["w"])

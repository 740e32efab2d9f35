"""Taps of all axes as shifts of one line: exact for strides, dilations, groups, batches and blocks
of any size, with data that are not finite, and taken where few channels meet."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from test_numpy_shifts import written
from test_numpy_target import make_blocks

import symconv as sc
from symconv.bench.layers import Layer
from symconv.kernel import Kernel


def both(op: sc.Operator, dtype: str, **shapes: tuple[int, ...]) -> tuple[Kernel, Kernel]:
    """A kernel for fixed shapes, and one for all sizes, which has no lines."""
    fixed, free = (sc.build(op, "numpy", dtype, shapes=given) for given in (shapes, None))
    assert isinstance(fixed, Kernel)
    assert isinstance(free, Kernel)
    return fixed, free


CASES = [(s, d, p, k, channels, batch) for s, d, p, k, (channels, batch) in itertools.product(
    (1, 2, 3), (1, 2), (0, 2), (2, 3), ((1, 1), (2, 3)))]


@pytest.mark.parametrize(("stride", "dilation", "padding", "window", "channels", "batch"), CASES)
@pytest.mark.parametrize("size", [18, 6])
def test_lines_are_exact_in_blocks_of_any_size(
        stride: int, dilation: int, padding: int, window: int, channels: int, batch: int,
        size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    make_blocks(size, monkeypatch)
    op = sc.ops.conv2d(stride=stride, dilation=dilation, padding=padding, groups=3, bias=False)
    shapes = {"x": (batch, 3 * channels, 9, 8), "w": (6, channels, window, 3)}
    fixed, free = both(op, "float32", **shapes)
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-4, 5, shape).astype(np.float32) for shape in shapes.values())
    dy = rng.integers(-4, 5, free.forward(x=x, w=w).shape).astype(np.float32)
    assert np.array_equal(fixed.vjp(dy, "w", x=x, w=w)["w"], free.vjp(dy, "w", x=x, w=w)["w"])


@pytest.mark.parametrize("operand", ["x", "dy"])
@pytest.mark.parametrize("wild", [np.nan, np.inf, 3e38])
@pytest.mark.parametrize("stride", [1, 2])
def test_what_is_not_finite_stays_where_it_belongs(stride: int, wild: float, operand: str) -> None:
    """A corner of x meets few taps, and no zeros between the rows."""
    op = sc.ops.conv2d(stride=stride, padding=1, groups=4, bias=False)
    fixed, free = both(op, "float32", x=(2, 4, 7, 7), w=(4, 1, 3, 3))
    rng = np.random.default_rng(0)
    given = {"x": rng.standard_normal((2, 4, 7, 7), dtype=np.float32),
             "w": np.ones((4, 1, 3, 3), np.float32)}
    given["dy"] = np.ones_like(free.forward(x=given["x"], w=given["w"]))
    for place in ((0, 0, 0, -1), (1, 2, 3, 4 // stride)):
        spoiled = given | {operand: given[operand].copy()}
        spoiled[operand][place] = wild
        dy = spoiled.pop("dy")
        found, wanted = (kernel.vjp(dy, "w", **spoiled)["w"] for kernel in (fixed, free))
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
        assert wild == 3e38 or np.isfinite(found).any()


@pytest.mark.parametrize(("shape", "groups"), [((1, 8, 3, 3), 8), ((0, 8, 6, 6), 8),
                                               ((2, 8, 6, 6), 4)])
def test_small_and_empty_maps(shape: tuple[int, ...], groups: int) -> None:
    op = sc.ops.conv2d(groups=groups, bias=False)
    shapes = {"x": shape, "w": (8, 8 // groups, 3, 3)}
    fixed, free = both(op, "float64", **shapes)
    given = {name: np.arange(np.prod(one), dtype=float).reshape(one)
             for name, one in shapes.items()}
    dy = fixed.forward(**given)
    assert np.array_equal(fixed.vjp(dy, "w", **given)["w"], free.vjp(dy, "w", **given)["w"])


@pytest.mark.parametrize(("case", "count"), [
    (Layer("depthwise", (1, 96, 56, 56), 96, 3, 1, 1, 1, 96), 1),
    (Layer("halving", (8, 144, 56, 56), 144, 5, 2, 2, 1, 144), 1),
    (Layer("in space", (1, 32, 16, 28, 28), 32, 3, 1, 1, 1, 32), 1),
    (Layer("groups of few channels", (1, 128, 28, 28), 128, 3, 1, 1, 1, 4), 1),
    (Layer("groups of many", (1, 256, 14, 14), 256, 3, 1, 1, 1, 2), 0),
    (Layer("no groups", (8, 16, 28, 28), 16, 3, 1, 1), 0),
    (Layer("one axis", (2, 256, 4000), 256, 7, 1, 3, 1, 256), 0)], ids=lambda one: str(one)[:40])
def test_lines_are_multiplied_where_few_channels_meet(case: Layer, count: int) -> None:
    assert written(case).count("at : at + ") == count

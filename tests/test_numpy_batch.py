"""Batches of small maps: one product for all of them, exact in blocks of any size."""

from __future__ import annotations

import numpy as np
import pytest
from test_numpy_lines import both
from test_numpy_shifts import written
from test_numpy_target import make_blocks

import symconv as sc
from symconv.bench.layers import Layer


@pytest.mark.parametrize("size", [18, 8, 2])
@pytest.mark.parametrize(("batch", "groups", "stride", "padding"), [
    (3, 1, 1, 1), (2, 2, 1, 0), (3, 1, 2, 1), (1, 1, 1, 1), (0, 1, 1, 1)])
def test_a_batch_of_small_maps_is_one_product(
        batch: int, groups: int, stride: int, padding: int, size: int,
        monkeypatch: pytest.MonkeyPatch) -> None:
    make_blocks(size, monkeypatch)
    op = sc.ops.conv2d(stride=stride, padding=padding, groups=groups, bias=False)
    shapes = {"x": (batch, 32 * groups, 5, 4), "w": (70 * groups, 32, 3, 2)}
    fixed, free = both(op, "float32", **shapes)
    rng = np.random.default_rng(0)
    given = {name: rng.integers(-4, 5, shape).astype(np.float32) for name, shape in shapes.items()}
    y = free.forward(**given)
    assert isinstance(y, np.ndarray)
    assert np.array_equal(fixed.forward(**given), y)
    dy = rng.integers(-4, 5, y.shape).astype(np.float32)
    found, wanted = (kernel.vjp(dy, **given) for kernel in (fixed, free))
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


def test_an_infinite_weight_meets_no_padding() -> None:
    op = sc.ops.conv2d(padding=1, bias=False)
    fixed, free = both(op, "float32", x=(2, 2, 3, 3), w=(70, 2, 3, 3))
    x, w = np.ones((2, 2, 3, 3), np.float32), np.ones((70, 2, 3, 3), np.float32)
    w[5, 1, 0, 0] = np.inf
    y = free.forward(x=x, w=w)
    assert np.array_equal(fixed.forward(x=x, w=w), y)
    assert np.isfinite(y).any()


@pytest.mark.parametrize(("case", "forward", "gradient"), [
    (Layer("small maps", (8, 512, 7, 7), 512, 3, 1, 1), True, True),
    (Layer("maps of some rows", (8, 256, 14, 14), 256, 3, 1, 1), False, True),
    (Layer("one map", (1, 512, 7, 7), 512, 3, 1, 1), False, False),
    (Layer("large maps", (8, 64, 56, 56), 64, 3, 1, 1), False, False),
    (Layer("few outputs", (8, 64, 7, 7), 8, 3, 1, 1), False, True)], ids=lambda one: str(one)[:30])
def test_maps_are_joined_where_each_would_read_many_weights(case: Layer, forward: bool,
                                                            gradient: bool) -> None:
    text = written(case)
    first, second = text.split("def vjp_x")
    assert ("np.ascontiguousarray(np.matmul(" in first) == forward
    assert ("dy.transpose(1, 0, 2, 3)" in second.split("def vjp_w")[0]) == gradient

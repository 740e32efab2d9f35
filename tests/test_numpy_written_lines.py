"""Scatters as sums over lines of products: exact for strides, dilations, groups, batches and blocks
of any size, with data that are not finite, and taken where taps meet often."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from test_numpy_lines import both
from test_numpy_shifts import written

import symconv as sc
from symconv.bench.layers import Layer
from symconv.emit import numpy_written_lines
from symconv.emit.numpy_written_lines import WrittenLines

GEOMETRIES = [*itertools.product((1, 2, 3), (1, 2), (0, 2), (2, 5))]


def agree(op: sc.Operator, x: tuple[int, ...], w: tuple[int, ...], is_scatter: bool) -> None:
    """Both kernels give the same gradients, or the same result where this is the scatter."""
    fixed, free = both(op, "float32", x=x, w=w)
    rng = np.random.default_rng(0)
    given = {name: rng.integers(-4, 5, shape).astype(np.float32)
             for name, shape in (("x", x), ("w", w))}
    y = free.forward(**given)
    assert isinstance(y, np.ndarray)
    if is_scatter:
        assert np.array_equal(fixed.forward(**given), y)
    dy = rng.integers(-4, 5, y.shape).astype(np.float32)
    assert np.array_equal(fixed.vjp(dy, "x", **given)["x"], free.vjp(dy, "x", **given)["x"])


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[WrittenLines]:
    """Lines wherever there may be any; the list tells those that were written."""
    found, original = list[WrittenLines](), WrittenLines.written

    def noted(self: WrittenLines, taps: list[str]) -> list[str]:
        found.append(self)
        return original(self, taps)

    monkeypatch.setattr(WrittenLines, "_spares", lambda *_: True)
    monkeypatch.setattr(WrittenLines, "written", noted)
    return found


@pytest.mark.parametrize(("stride", "dilation", "padding", "window"), GEOMETRIES)
@pytest.mark.parametrize("size", [17, 8])
def test_gradients_are_exact_in_blocks_of_any_size(
        stride: int, dilation: int, padding: int, window: int, size: int,
        lines: list[WrittenLines], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numpy_written_lines, "_BLOCK", 1 << size)
    monkeypatch.setattr(numpy_written_lines, "_PART", 1 << size)
    op = sc.ops.conv2d(stride=stride, dilation=dilation, padding=padding, groups=2, bias=False)
    agree(op, (5, 4, 14, 12), (6, 2, window, 3), False)
    if stride > 1 and window == 2:              # what is a scatter over the taps
        assert lines
        assert all((one.part < one.axes[0].count) == (size == 8) for one in lines)


@pytest.mark.parametrize(("op", "x", "w"), [
    (sc.ops.conv1d(stride=3, padding=2, bias=False), (70, 2, 40), (3, 2, 7)),
    (sc.ops.conv3d(stride=2, padding=1, bias=False), (2, 2, 5, 6, 7), (3, 2, 3, 3, 3)),
    (sc.ops.conv2d(stride=(1, 2), padding=(0, 3), bias=False), (3, 2, 9, 9), (3, 2, 1, 4))],
    ids=["line", "volume", "one axis"])
def test_gradients_of_any_number_of_axes_are_exact(
        op: sc.Operator, x: tuple[int, ...], w: tuple[int, ...],
        lines: list[WrittenLines]) -> None:
    agree(op, x, w, False)


@pytest.mark.parametrize(("stride", "more"), [(1, 0), (2, 1), (3, 2)])
def test_places_that_no_tap_reaches_are_zero(stride: int, more: int,
                                             lines: list[WrittenLines]) -> None:
    op = sc.ops.conv_transpose2d(stride=stride, padding=1, output_padding=more, bias=False)
    agree(op, (2, 3, 7, 6), (3, 4, 2, 3), True)
    assert lines or stride == 1


def test_an_infinite_weight_meets_no_zeros(lines: list[WrittenLines]) -> None:
    """Between the rows 0 * inf would be NaN."""
    op = sc.ops.conv2d(stride=2, padding=1, bias=False)
    fixed, free = both(op, "float32", x=(2, 2, 9, 9), w=(3, 2, 3, 3))
    x, w = np.ones((2, 2, 9, 9), np.float32), np.ones((3, 2, 3, 3), np.float32)
    dy = np.ones((2, 3, 5, 5), np.float32)
    for at, value in ((w, np.inf), (dy, np.inf), (dy, np.nan)):
        kept, at[1, 1, 2, 0] = at[1, 1, 2, 0], value
        wanted = free.vjp(dy, "x", x=x, w=w)["x"]
        assert np.array_equal(fixed.vjp(dy, "x", x=x, w=w)["x"], wanted, equal_nan=True)
        assert np.isfinite(wanted).any()
        assert not np.isfinite(wanted).all()
        at[1, 1, 2, 0] = kept
    assert lines


@pytest.mark.parametrize(("case", "count"), [
    (Layer("a batch of small maps", (64, 1, 28, 28), 6, 5, 1, 2), 1),
    (Layer("fewer products than copies", (32, 1, 32, 32), 6, 5), 1),
    (Layer("fewer copies than products", (8, 3, 64, 64), 6, 7, 1, 3), 0),
    (Layer("three channels, four residues", (1, 3, 224, 224), 64, 7, 2, 3), 4),
    (Layer("one axis", (1, 32, 4000), 32, 8, 2), 2),
    (Layer("large rows", (1, 1, 16, 128, 128), 4, 5, 1, 2), 0),
    (Layer("no taps meet", (1, 8, 64, 64), 8, 3, 3, 1), 0),
    (Layer("many products of a place", (1, 128, 56, 56), 128, 3, 2, 1), 0),
    (Layer("a copy of many channels", (1, 3, 224, 224), 32, 3, 2, 1), 0),
    (Layer("lines that are short", (64, 16, 10, 10), 16, 3, 2, 1), 0)],
    ids=lambda one: str(one)[:40])
def test_lines_are_written_where_they_spare_additions(case: Layer, count: int) -> None:
    gradient = written(case).split("def vjp_x")[1].split("def vjp_w")[0]
    assert gradient.count(" = np.ndarray(") - gradient.count("windows = ") == count

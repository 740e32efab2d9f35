"""What is written once is assigned, without zeros before it: every element of the target still gets
its value, where taps meet, leave gaps or leave a border; and sums that lie where the data do."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from test_numpy_shifts import written
from test_numpy_target import Shapes, compare

from symconv.bench.layers import Layer
from symconv.emit import numpy_columns
from symconv.language.reader import parse

WINDOW = ("x: [N,C,H,W]; w: [O,C,K,L]; i < (H + {p} - {d}*(K-1) - 1)//{s} + 1; j < (W-L)//{s} + 1; "
          "y[n,o,i,j] = sum[c,a,e]({test}x[n,c,{s}*i+{d}*a-{p},{s}*j+e] * w[o,c,a,e])")


@pytest.fixture(autouse=True)
def _poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """An array that is not filled holds NaN."""
    monkeypatch.setattr(np, "empty", lambda shape, dtype=float: np.full(
        shape, np.nan if np.dtype(dtype).kind == "f" else 99, dtype))


@pytest.mark.parametrize(("s", "d", "p", "k", "test"), [
    *((s, d, p, k, "") for s, d, p, k in itertools.product((1, 2, 3), (1, 2), (0, 1), (1, 2, 3))),
    (2, 1, 0, 2, "[i <= 1] * ")])
@pytest.mark.parametrize("channels", [(3, 2), (2, 5)])
def test_every_element_is_written(s: int, d: int, p: int, k: int, test: str,
                                  channels: tuple[int, int]) -> None:
    source = WINDOW.format(s=s, d=d, p=p, test=test)
    compare(parse(source), {"x": (2, channels[0], 6, 6), "w": (channels[1], channels[0], k, 2)},
            dtype="float32", fixed=True)


@pytest.mark.parametrize(("case", "wanted"), [
    (Layer("windows side by side", (1, 8, 16, 16), 4, 2, 2), "empty ="),
    (Layer("with places between", (1, 8, 16, 16), 4, 2, 3), "zeros ="),
    (Layer("with a border", (1, 8, 16, 16), 4, 2, 2, 1), "zeros ="),
    (Layer("with places behind", (1, 8, 17, 17), 4, 2, 2), "zeros ="),
    (Layer("windows that meet", (1, 8, 16, 16), 4, 3, 2, 1), "zeros +="),
    (Layer("each second place", (1, 8, 16, 16), 4, 1, 2), "zeros =")],
    ids=lambda one: str(one)[:30])
def test_windows_that_do_not_meet_are_assigned(case: Layer, wanted: str) -> None:
    source = written(case).split("def vjp_x")[1].split("def vjp_w")[0]
    fill, sign = wanted.split()
    assert f"dx = np.{fill}(" in source
    assert ("] += " in source) == (sign == "+=")


@pytest.mark.parametrize(("source", "shapes"), [
    ("x: [N,C,H,W]; w: [O,C,K,L]; i < H-K+1; j < W-L+1; y[n,o,i,j] = "
     "sum[c,a,e](x[n,c,i+a,j+e] * w[o,c,a,e])", {"x": (3, 1, 9, 9), "w": (4, 1, 2, 2)}),
    ("x: [N,C,H,W]; w: [O,C,K,L]; i < H-K+1; j < W-L+1; y[n,o,i,j] = "
     "sum[c,a,e](x[n,c,i+a,j+e] * w[o,c,a,e])", {"x": (3, 2, 9, 9), "w": (2, 2, 1, 1)}),
    ("x: [N,C,H,W]; y[c,u] = sum[n,i,j](x[n,c,i,j]/4); u < 1; i < H; j < W", {"x": (2, 3, 4, 4)})])
def test_products_of_a_batch_are_added_up_behind_it(source: str, shapes: Shapes) -> None:
    compare(parse(source), shapes, dtype="float32", fixed=True)


def test_a_batch_moves_its_axes_where_products_are_large() -> None:
    few, many = (written(Layer("pointwise", (8, 64, size, size), 384, 1)).split("def vjp_w")[1]
                 for size in (14, 7))
    assert ".sum(axis=0)" in few
    assert "einsum" in many


def test_a_few_sums_over_large_maps_copy_none(monkeypatch: pytest.MonkeyPatch) -> None:
    source = written(Layer("edges", (1, 1, 160, 160), 1, 3, 1, 1)).split("def vjp_w")[1]
    assert "columns" not in source
    assert "optimize" not in source
    monkeypatch.setattr(numpy_columns, "_LARGE", 1)
    window = ("x: [N,C,H,W]; w: [O,C,K,L]; i < H; j < W; y[n,o,i,j] = "
              "sum[c,a,e](x[n,c,i+a-1,j+e-1] * w[o,c,a,e])")
    compare(parse(window), {"x": (1, 1, 5, 6), "w": (1, 1, 3, 3)}, dtype="float32", fixed=True)

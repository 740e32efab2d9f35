"""Pooling in NumPy: windows along one axis at a time, places of maxima by rank, and gradients that
add each element once, where the place of the maximum picks it."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from test_numpy_target import Shapes, compare, module

from symconv.emission import specialised
from symconv.emit.numpy import emit_numpy
from symconv.language.reader import parse
from symconv.passes import emitted_passes
from symconv.shapes import bind

PLANE = "x: [N,C,H,W]; a < 3; e < 2; i < (H-1)//2 + 1; j < W//2 + 1; y[n,c,i,j] = "
READ = "x[n,c, 2*i+a-1, 2*j+e-1]"
POOLS: list[tuple[str, Shapes]] = [
    (PLANE + f"max[a,e]({READ})", {"x": (2, 2, 5, 6)}),
    (PLANE + f"min[a,e]({READ})", {"x": (1, 3, 6, 5)}),
    (PLANE + f"sum[a,e]({READ})", {"x": (2, 2, 5, 6)}),
    (PLANE + f"sum[a,e](2*{READ})", {"x": (2, 2, 5, 6)}),
    ("x: [C,H,W]; a<2; e<3; i<H-2; j<W-2; y[c,i,j] = max[a,e](x[c, i+2*a, j+2-e])",
     {"x": (2, 5, 6)}),
    ("x: [H,W,D]; a<2; e<2; b<3; i<H-1; j<W-1; k<(D-3)//2+1; "
     "y[i,j,k] = max[a,e,b](x[i+a, j+e, 2*k+b])", {"x": (3, 4, 7)}),
    ("x: [H,C]; a < 3; i < H-2; y[i,c] = max[a](x[i+a,c])", {"x": (7, 2)}),
    ("x: [C,H,W]; a<5; e<3; i<H; j<W; y[c,i,j] = max[a,e](x[c, i+a-2, j+1-e])", {"x": (2, 6, 5)}),
    ("x: [C,H,W]; a<3; e<5; i<H; j<W; y[c,i,j] = sum[a,e](x[c, i+a-1, j+e-2])", {"x": (2, 4, 3)}),
]
ALONE: list[tuple[str, Shapes]] = [               # windows at one place of an axis, or of two
    *((f"x: [C,H,W]; a<5; e<3; i<H-{h}; j<W-2; y[c,i,j] = {kind}[a,e](x[c, i+a-{p}, j+e])",
       {"x": (2, h + 1, w)}) for kind in ("max", "sum") for h, p, w in ((4, 0, 3), (2, 1, 4),
                                                                        (2, 1, 3))),
]


def text(source: str, shapes: Shapes, fixed: bool) -> dict[str, str]:
    """The text of every function of an emitted module."""
    program = parse(source)
    passes = emitted_passes(program)
    if fixed:
        passes = specialised(passes, bind(program, shapes))
    tree = ast.parse(emit_numpy("m", passes, "m"))
    return {node.name: ast.unparse(node) for node in tree.body if isinstance(node, ast.FunctionDef)}


def nested(source: str) -> bool:
    """Whether a loop stands in a loop."""
    return any(isinstance(inner, ast.For) for node in ast.walk(ast.parse(source))
               if isinstance(node, ast.For) for part in node.body for inner in ast.walk(part))


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize(("source", "shapes"), [*POOLS, *ALONE],
                         ids=[source for source, _ in (*POOLS, *ALONE)])
def test_windows_are_reduced_along_one_axis_at_a_time(
        source: str, shapes: Shapes, fixed: bool) -> None:
    compare(parse(source), shapes, fixed=fixed)
    assert not nested(text(source, shapes, fixed)["forward"])


def test_a_window_at_one_place_is_a_reduction_of_whole_axes() -> None:
    source = "x: [C,H,W]; a<5; e<3; i<H-4; j<W-2; y[c,i,j] = sum[a,e](x[c, i+a, j+e])"
    assert "x.sum(axis=(1, 2))" in text(source, {"x": (2, 5, 3)}, True)["forward"]


@pytest.mark.parametrize("step", [1, 2])
def test_the_gradient_of_a_mean_adds_along_one_axis_at_a_time(step: int) -> None:
    source = (f"x: [C,H,W]; a<3; e<3; i<(H-3)//{step} + 1; j<(W-3)//{step} + 1; "
              f"y[c,i,j] = sum[a,e](x[c, {step}*i+a, {step}*j+e]/9)")
    assert not nested(text(source, {"x": (2, 7, 9)}, True)["vjp_x"])


@pytest.mark.parametrize(("read", "start", "loop"), [
    ("x[i+a-1]", "y = x.copy()", "for a in (*range(1), *range(2, 3)):"),
    ("x[i+a]", "y = x.copy()", "for a in range(1, 3):"),
    ("x[2*i+a-1]", "y = np.maximum(x[::2], x[1:11:2])", "for a in range(1):"),
    ("x[i+2*a-1]", "y = np.full((10,), -np.inf, dtype=x.dtype)", "for a in range(3):")])
def test_a_window_begins_with_the_taps_that_leave_no_place_out(
        read: str, start: str, loop: str) -> None:
    extent = "(H-1)//2 + 1" if "2*i" in read else "H"
    source = f"x: [H]; a < 3; i < {extent}; y[i] = max[a]({read})"
    found = text(source, {"x": (10,)}, True)["forward"]
    assert start in found
    assert loop in found


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize(("source", "shapes"), [
    pool for pool in POOLS if "sum" not in pool[0]], ids=lambda value: str(value)[-30:])
def test_the_place_of_a_maximum_picks_what_the_gradient_adds(
        source: str, shapes: Shapes, fixed: bool) -> None:
    functions = text(source, shapes, fixed)
    assert "np.add.at(" in functions["vjp_x"]
    assert "tx.take(places)" in functions["jvp"]
    assert "rank.astype(np.int64)" in functions["jvp"]


def test_a_window_that_is_no_product_of_windows_stays_whole() -> None:
    """The taps of a diagonal share a row: no axis can be reduced alone."""
    source = ("x: [H,W]; a < 3; e < 3; i < H-2; j < W-2; "
              "y[i,j] = sum[a,e]([a <= e] * x[i+a, j+e])")
    compare(parse(source), {"x": (5, 6)})
    assert "rows" not in text(source, {"x": (5, 6)}, False)["forward"]


@pytest.mark.parametrize("taps", [7, 40])
def test_the_first_nan_wins_whatever_the_width_of_ranks(taps: int) -> None:
    source = f"x: [H]; a < {taps * 3}; i < 2; y[i] = max[a](x[i+a])"
    made = module(emitted_passes(parse(source)))
    x = np.arange(taps * 3 + 1, dtype=np.float32) % taps
    gradient = np.zeros_like(x)
    gradient[[taps - 1, taps - 1]] = 1
    np.testing.assert_array_equal(made.vjp_x(np.float32([1, 0]), x), gradient)
    x[[taps, 2 * taps]] = np.nan
    gradient[[taps - 1, taps]] = 0, 1
    np.testing.assert_array_equal(made.vjp_x(np.float32([1, 0]), x), gradient)
    assert np.isnan(made.forward(x)).all()


def test_a_gradient_that_is_not_finite_stays_where_it_is_picked() -> None:
    made = module(emitted_passes(parse(POOLS[0][0])))
    x = np.random.default_rng(3).standard_normal((1, 1, 6, 6)).astype(np.float32)
    dy = np.zeros((1, 1, 3, 4), np.float32)
    dy[0, 0, 1, 1] = np.inf
    assert np.sum(made.vjp_x(dy, x) != 0) == 1


def test_windows_of_one_program_have_names_of_their_own() -> None:
    """The first halves of two windows differ in shape and may be wanted at different times."""
    source = ("x: [H,W]; a < 2; e < 2; i < H-1; j < W-1; u < H-2; v < W-2; "
              "m[i,j] = sum[a,e](x[i+a, j+e]); y[u,v] = max[a,e](m[u+a, v+e])")
    compare(parse(source), {"x": (5, 6)})
    compare(parse(source), {"x": (5, 6)}, fixed=True)
    functions = text(source, {"x": (5, 6)}, False)
    assert "rows = " in functions["forward"]
    assert "rows1 = " in functions["forward"]

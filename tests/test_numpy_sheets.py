"""Windows of stride 1 as shifts of one line: exact at every border and in blocks of any size, with
data that are not finite and data that what surrounds an array looks like."""

from __future__ import annotations

import numpy as np
import pytest
from test_numpy_pools import text
from test_numpy_target import Shapes, compare, module

from symconv.emission import specialised
from symconv.emit import numpy_sheets
from symconv.language.reader import parse
from symconv.passes import emitted_passes
from symconv.shapes import bind

PLANE = "x: [N,C,H,W]; a < 3; e < 3; i < H; j < W; y[n,c,i,j] = "
CASES: list[tuple[str, Shapes]] = [
    *((PLANE + f"{kind}[a,e]({number}x[n,c, i+a-1, j+e-1])", {"x": (2, 3, 4, 5)})
      for kind, number in (("max", ""), ("min", ""), ("sum", ""), ("sum", "1/9*"))),
    ("x: [C,H,W]; a<2; e<5; i<H-1; j<W-4; y[c,i,j] = max[a,e](x[c, i+a, j+e])", {"x": (3, 4, 7)}),
    ("x: [C,H,W]; a<3; e<5; i<H; j<W; y[c,i,j] = max[a,e](x[c, i+2*a-2, j+2-e])", {"x": (2, 5, 6)}),
    ("x: [C,H,W]; a<4; e<3; i<H; j<W; y[c,i,j] = sum[a,e](x[c, i+1-a, j+2*e-1])", {"x": (2, 5, 6)}),
    ("x: [C,H,W]; a<2; e<2; i<H-3; j<W-4; y[c,i,j] = max[a,e](x[c, i+a+1, j+e+2])",
     {"x": (2, 5, 7)}),
    ("x: [C,H]; a<4; i<H+1; y[c,i] = max[a](x[c, i+a-2])", {"x": (3, 5)}),
    ("x: [H,W]; a<3; e<2; i<H; j<W-1; y[i,j] = max[a,e](x[i+a-1, j+e])", {"x": (5, 4)}),
    ("x: [C,H,D,W]; a<3; e<2; i<H; j<W-1; y[c,i,d,j] = sum[a,e](x[c,i+a-1,d,j+e])",
     {"x": (2, 4, 3, 5)}),
    ("x: [C,H,W]; a<9; e<15; i<H; j<W; y[c,i,j] = max[a,e](x[c, i+a-4, j+e-7])", {"x": (3, 2, 3)}),
]


@pytest.fixture(autouse=True, params=[60, 1 << 16])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few maps in a block, or all."""
    monkeypatch.setattr(numpy_sheets, "_LEAST", 0)
    monkeypatch.setattr(numpy_sheets, "_BLOCK", request.param)


@pytest.mark.parametrize(("source", "shapes"), CASES, ids=[source for source, _ in CASES])
def test_windows_are_exact(source: str, shapes: Shapes, size: None) -> None:
    compare(parse(source), shapes, fixed=True, exact="1/9" not in source)


@pytest.mark.parametrize("kind", ["max", "min", "sum"])
@pytest.mark.parametrize("wild", [[np.nan], [np.inf, -np.inf], [-np.inf], [np.inf]])
def test_what_is_not_finite_and_what_looks_like_a_border(kind: str, wild: list[float]) -> None:
    """The same as with sizes at run time, which have no lines; -inf alone fills whole windows."""
    source, shape = PLANE + f"{kind}[a,e](x[n,c, i+a-1, j+e-1])", (2, 2, 6, 7)
    free = emitted_passes(parse(source))
    fixed, other = module(specialised(free, bind(parse(source), {"x": shape}))), module(free)
    rng = np.random.default_rng(0)
    for share in (0.05, 0.5, 1.0):
        x = rng.integers(-2, 3, shape).astype(np.float32)
        x[rng.random(shape) < share] = wild[0]
        x[0, 1, 2, 3] = wild[-1]
        dy = rng.integers(-2, 3, shape).astype(np.float32)
        np.testing.assert_array_equal(fixed.forward(x), other.forward(x))
        gradients = [made.vjp_x(dy, x) for made in (fixed, other)]
        np.testing.assert_array_equal(*gradients)


def test_arguments_may_lie_in_memory_in_any_order() -> None:
    source = PLANE + "max[a,e](x[n,c, i+a-1, j+e-1])"
    made = module(specialised(emitted_passes(parse(source)),
                              bind(parse(source), {"x": (2, 3, 4, 5)})))
    x = np.random.default_rng(0).standard_normal((5, 4, 3, 2)).astype(np.float32)
    np.testing.assert_array_equal(made.forward(x.T), made.forward(np.ascontiguousarray(x.T)))


@pytest.mark.parametrize(("source", "count"), [
    (PLANE + "max[a,e](x[n,c, i+a-1, j+e-1])", 4),
    ("x: [C,H,W]; a<2; e<2; i<H//2; j<W//2; y[c,i,j] = max[a,e](x[c, 2*i+a, 2*j+e])", 0),
    ("x: [C,H,W]; a<4; i<H; j<W-3; y[c,i,j] = max[a](x[c,i,j+a])", 2)])
def test_lines_are_for_windows_of_stride_1(source: str, count: int) -> None:
    rank = 4 if "N" in source else 3
    found = text(source, {"x": (4, 2, 3, 9)[-rank:]}, True)["forward"]
    assert ("line" in found) == (count > 0)
    assert not count or found.count("np.maximum") == count

"""The NumPy target computes what the reference interpreter computes, exactly on integers.

Each case emits every pass of a definition, runs the module on small integers and compares with
rational arithmetic: forward, all gradients, JVP and double backward. NaN, infinities, empty
batches and the text itself have tests of their own.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from acceptance import ACCEPTANCE, Case

import symconv as sc
from symconv.bounded import bounded
from symconv.certainty import worst
from symconv.emission import specialised
from symconv.emit import numpy_batch, numpy_blocks, numpy_helpers, numpy_slices
from symconv.emit.numpy import emit_numpy
from symconv.evaluate import evaluate
from symconv.ir import Program
from symconv.language.reader import parse
from symconv.passes import Pass, all_passes, emitted_passes, forward_passes
from symconv.shapes import bind, stored_shape

CONVOLUTION = """
x: [N, C, H]; w: [O, C, K]; b: [O]
i < (H + 2*p - d*(K-1) - 1)//s + 1
y[n,o,i] = b[o] + sum[c,a](x[n,c, s*i+d*a-p] * w[o,c,a])
"""
POOLING = "x: [N,C,H,W]; a < 3; e < 2; i < (H-1)//2 + 1; j < W//2 + 1; y[n,c,i,j] = "

Shapes = Mapping[str, tuple[int, ...]]


def make_blocks(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Emitted products have blocks of 2**size elements, as the emitter counts with."""
    smaller = numpy_helpers.HELPERS["blocks"].replace("2**18", f"2**{size}")
    monkeypatch.setitem(numpy_helpers.HELPERS, "blocks", smaller)
    monkeypatch.setattr(numpy_blocks, "CACHE", size)


def module(passes: Sequence[Pass]) -> ModuleType:
    made = ModuleType("emitted")
    exec(compile(emit_numpy("emitted", passes, "test"), "emitted.py", "exec"), made.__dict__)
    return made


def compare(program: Program, shapes: Shapes, *, dtype: str = "float64", fixed: bool = False,
            labels: int = 1, given: Mapping[str, np.ndarray] | None = None,
            exact: bool = True) -> None:
    """Every pass against the interpreter; arguments must come back unchanged."""
    sizes = bind(program, shapes)
    passes, emitted = all_passes(program), emitted_passes(program)
    if fixed:
        passes, emitted = specialised(passes, sizes), specialised(emitted, sizes)
        sizes = {}
    made, rng = module(emitted), np.random.default_rng(7)
    arrays = {name: value.astype(dtype) if value.dtype.kind == "f" else value
              for name, value in (given or {}).items()}
    for item in passes:
        for tensor in item.program.inputs:
            shape = stored_shape(tensor, sizes)
            if tensor.name not in arrays and tensor.kind == "integer":
                arrays[tensor.name] = rng.integers(0, labels, shape)
            elif tensor.name not in arrays:
                arrays[tensor.name] = rng.integers(-4, 5, shape).astype(dtype)
        arguments = [arrays[tensor.name] for tensor in item.program.inputs]
        before = [argument.copy() for argument in arguments]
        results = getattr(made, item.name)(*arguments)
        assert all(np.array_equal(a, c) for a, c in zip(arguments, before, strict=True))
        expected = evaluate(item.program, {t.name: arrays[t.name] for t in item.program.inputs},
                            sizes, *(() if exact else (bounded(dtype),)))
        results = results if isinstance(results, tuple) else (results,)
        for name, result in zip(item.program.outputs, results, strict=True):
            real = item.program.tensor(name).kind == "real"
            assert result.dtype == (np.dtype(dtype) if real else np.int64), item.name
            assert result.shape == expected[name].shape, item.name
            if exact:
                wanted = np.array([float(v) for v in expected[name].ravel()]).reshape(result.shape)
                assert np.array_equal(result, wanted.astype(result.dtype)), (item.name, name)
            else:
                assert worst(result, expected[name]) <= 1, (item.name, name)


def windows() -> list[tuple[int, ...]]:
    """Strides, dilations, paddings, kernels and lengths, thinned evenly."""
    every = itertools.product((1, 2, 3, 4), (1, 2, 3, 4), (0, 1, 2, 3), (1, 2, 3, 4, 5), (7, 10))
    return [(s, d, p, k, h) for s, d, p, k, h in every
            if h + 2 * p > d * (k - 1) and (s * 7 + d * 5 + p * 3 + k + h) % 9 == 0]


@pytest.mark.parametrize(("s", "d", "p", "k", "h"), windows())
def test_strided_dilated_padded_convolution_is_exact(s: int, d: int, p: int, k: int,
                                                     h: int) -> None:
    program = parse(CONVOLUTION, {"s": s, "d": d, "p": p})
    shapes = {"x": (2, 3, h), "w": (2, 3, k), "b": (2,)}
    compare(program, shapes, dtype=("float32", "float64")[(s + d) % 2], fixed=(s + p) % 2 == 0)


EXACT: list[tuple[str, Shapes]] = [
    (POOLING + "max[a,e](x[n,c, 2*i+a-1, 2*j+e-1])", {"x": (2, 2, 5, 6)}),
    (POOLING + "max_last[a,e](x[n,c, 2*i+a-1, 2*j+e-1])", {"x": (2, 2, 5, 6)}),
    (POOLING + "min[a,e](x[n,c, 2*i+a-1, 2*j+e-1])", {"x": (2, 2, 6, 5)}),
    ("x: [N,H,W]; y[n] = max[h,w](x[n,h,w])", {"x": (2, 3, 4)}),
    ("x: [N,H,W]; y[w] = max_last[n,h](x[n,h,w])", {"x": (2, 3, 4)}),
    ("x: [H]; y = min[h](x[h])", {"x": (6,)}),
    ("x: [N,C,H]; a<3; i<H-2; y[n,i] = max[c,a](x[n,c,i+a])", {"x": (2, 3, 6)}),
    ("x: [N]; i<N; y[i] = x[N-1-i]", {"x": (5,)}),
    ("x: [N,M]; i<N; j<M; y[i,j] = x[N-1-i,M-1-j] * x[i,j]", {"x": (3, 4)}),
    ("x: [N,N]; y[i] = x[i,i] * x[N-1-i,i]", {"x": (4, 4)}),
    ("x: [N]; i<N; y[i] = sum[a]([a < i] * x[a])", {"x": (5,)}),
    ("x: [N,M]; y[i,m] = sum[a]([a <= i] * x[a,m] * x[i,m])", {"x": (4, 3)}),
    ("x: [N]; i<N-1; y[i] = x[i] * x[i+1]", {"x": (5,)}),
    ("x: [A]; b: [B]; i<A+B-1; y[i] = sum[k](x[k] * b[i-k])", {"x": (4,), "b": (3,)}),
    ("x: [N]; k: int[M]; y[i] = sum[a]([a == k[i]] * x[a])", {"x": (5,), "k": (4,)}),
    ("x: [N,M]; k: int[N]; y[i] = sum[j](x[i,k[i]] * x[i,j])", {"x": (4, 5), "k": (4,)}),
    ("x: [H,W]; y[j,i] = x[i,j]", {"x": (3, 4)}),
    ("x: [H]; i<2*H; y[i] = sum[u]([u == i//2] * x[u])", {"x": (4,)}),
    ("x: [H]; i<2*H; y[i] = sum[u]([2*u == i] * x[u])", {"x": (4,)}),
    ("x: [H]; i<H; y[i] = sum[a]([(a+i) % 2 == 0] * x[a] * x[i])", {"x": (5,)}),
    ("x: [H]; w: [K]; u<H; i<(2*H+2)//3-K+2; y[i] = sum[a,u]([2*u == 3*i+3*a-2] * x[u] * w[a])",
     {"x": (6,), "w": (3,)}),
    ("x: [H]; w: [K]; u<H; i<(4*H+3)//6-1; y[i] = sum[a,u]([4*u == 6*i+2*a-4] * x[u] * w[a])",
     {"x": (6,), "w": (3,)}),
    ("x: [H]; w: [K]; u<H; i<(4*H+3)//6; y[i] = sum[a,u]([4*u == 6*i+2*a-3] * x[u] * w[a])",
     {"x": (6,), "w": (3,)}),
    ("x: [H]; i<H; a<2; y[i] = sum[a](x[max(i-1,0)] * x[min(i+1,H-1)])", {"x": (5,)}),
    ("x: [H,W]; i<H*W; a<1; y[i] = sum[a](x[i//W, i % W])", {"x": (3, 4)}),
    ("x: [H]; y[i] = relu(x[i]) + x[i]*abs(x[i], at_zero=1/2)", {"x": (9,)}),
    ("x: [H]; z: [H]; y[i] = maximum(x[i],z[i]) * minimum(x[i],z[i],share=1)",
     {"x": (9,), "z": (9,)}),
    ("x: [H]; i<H; j<H; y[i,j] = [i == j] + x[i]*[i < j]", {"x": (4,)}),
    ("x: [H]; y[i] = i*x[i] + 2*i", {"x": (4,)}),
    ("x: [H]; i<H; y[i] = sum[a](x[a]*(a+1)*i)", {"x": (4,)}),
    ("x: [H]; y[i] = sum[a]([a < 3] * x[i] * x[a])", {"x": (5,)}),
    ("x: [H]; w: [K]; a<K; y[i] = w[0] * sum[a](x[i])", {"x": (5,), "w": (2,)}),
    ("x: [N,C,H]; k[n] = argmax[c,h](x[n,c,h], h*C+c); return k", {"x": (2, 3, 4)}),
    ("x: [H]; i<H-2; a<3; k[i] = argmin_last[a](x[i+a], i+a); "
     "y[i] = sum[q]([q == k[i]] * x[q]); return y, k", {"x": (7,)}),
    ("x: []; z: [N]; y[n] = x*z[n]; v = x*x + 1; return y, v", {"x": (), "z": (3,)}),
    ("x: [N, C == (2, Cg), H]; g<2; y[n,(g,c),h] = x[n,(1-g,c),h]", {"x": (2, 4, 3)}),
    ("np: [H]; range: [H]; y[i] = np[i]*range[i]", {"np": (3,), "range": (3,)}),
]


@pytest.mark.parametrize(("text", "shapes"), EXACT, ids=[text for text, _ in EXACT])
def test_definitions_are_exact(text: str, shapes: Shapes) -> None:
    program = parse(text)
    compare(program, shapes, labels=5)
    compare(program, shapes, labels=5, dtype="float32", fixed=True)


@pytest.mark.parametrize("case", ACCEPTANCE, ids=lambda case: case.name)
def test_acceptance_set(case: Case) -> None:
    given = case.sample()
    compare(case.program, case.shapes, given=given, exact=False)
    compare(case.program, case.shapes, given=given, fixed=True, exact=False)


def run(text: str, *arguments: np.ndarray, name: str = "forward") -> np.ndarray:
    program = parse(text)
    passes = forward_passes(program) if name == "forward" else all_passes(program)
    return getattr(module(passes), name)(*arguments)


def test_nothing_leaks_from_points_outside_the_relation() -> None:
    """Infinite and NaN weights never meet padding: only windows that touch x there see them."""
    program = parse(CONVOLUTION, {"s": 2, "d": 1, "p": 2})
    x, w, b = np.ones((1, 1, 5)), np.array([[[np.nan, 1.0, 2.0]]]), np.zeros(1)
    result = module(forward_passes(program)).forward(x, w, b)
    assert np.array_equal(result, [[[2.0, np.nan, np.nan, np.nan]]], equal_nan=True)
    gradient = module(all_passes(program)).vjp_x(np.ones((1, 1, 4)), x, w, b)
    assert np.array_equal(np.isnan(gradient[0, 0]), [True, False, True, False, True])


@pytest.mark.parametrize(("text", "wanted"), [
    ("s: [N]; x: [M]; y[n] = sum[m](s[n]*x[m])", [3.0, np.nan]),
    ("s: [N]; x: [M]; z: [M]; y[n] = sum[m](s[n]*x[m]*z[m])", [3.0, np.nan]),
    ("s: [N]; x: [M]; z: [K]; y[n] = sum[k,m](s[n]*x[m]*z[k])", [9.0, np.nan])])
def test_an_infinite_factor_stays_inside_of_its_sum(text: str, wanted: list[float]) -> None:
    """Its products are infinite, of both signs: it has no part in a sum of the others alone."""
    ones = np.ones(3)
    others = [np.array([-1.0, 2.0, 2.0]), ones][:text.count(": [") - 1]
    for dtype in ("float32", "float64"):
        result = run(text, *(array.astype(dtype) for array in (np.array([1.0, np.inf]), *others)))
        assert result.dtype == dtype
        assert np.array_equal(result, wanted, equal_nan=True)


def test_absent_points_take_no_part_in_a_maximum() -> None:
    text = "x: [H]; a < 3; i < H; y[i] = max[a](x[i+a-1])"
    x = np.array([-np.inf, -np.inf, -np.inf, 1.0])
    assert np.array_equal(run(text, x), [-np.inf, -np.inf, 1.0, 1.0])
    gradient = run(text, np.array([1.0, 2.0, 4.0, 8.0]), x, name="vjp_x")
    assert np.array_equal(gradient, [3.0, 0.0, 0.0, 12.0])      # the first of the present points


@pytest.mark.parametrize("ties", ["max", "max_last", "min"])
@pytest.mark.parametrize("body", ["{}[a](x[2*i+a])", "{}[a](x[a]*[i == 0])"])
def test_the_first_nan_counts(ties: str, body: str) -> None:
    text = f"x: [H]; a < 4; i < 1; y[i] = {body.format(ties)}"
    x = np.array([1.0, np.nan, 3.0, np.nan])
    assert np.isnan(run(text, x)).all()
    gradient = run(text, np.array([5.0]), x, name="vjp_x")
    assert np.array_equal(gradient, [0.0, 5.0, 0.0, 0.0])


FUNCTIONS: dict[str, tuple[list[float], list[float]]] = {
    "sigmoid(x[i])": ([-1000.0, 0.0, 1000.0], [0.0, 0.5, 1.0]),
    "relu(x[i])": ([-1.0, 0.0, np.nan], [0.0, 0.0, np.nan]),
    "log(x[i])": ([0.0, 1.0, -1.0], [-np.inf, 0.0, np.nan]),
    "1/x[i]": ([0.0, 2.0, np.inf], [np.inf, 0.5, 0.0]),
    "x[i]**(1/2)": ([4.0, 0.0, -1.0], [2.0, 0.0, np.nan]),
    "sign(x[i])": ([-3.0, 0.0, np.nan], [-1.0, 0.0, np.nan]),
}


@pytest.mark.parametrize("body", FUNCTIONS)
def test_functions_at_exceptional_points_without_warnings(body: str) -> None:
    x, expected = FUNCTIONS[body]
    result = run(f"x: [H]; y[i] = {body}", np.array(x, dtype=np.float32))
    assert result.dtype == np.float32
    assert np.array_equal(result, np.array(expected, dtype=np.float32), equal_nan=True)


@pytest.mark.parametrize(("body", "nan", "zero"), [
    ("abs(x[i], at_zero=1/4)", 0.0, 0.25), ("relu(x[i], at_zero=1/4)", 1.0, 0.25)])
def test_slopes_at_nan_and_zero(body: str, nan: float, zero: float) -> None:
    x = np.array([np.nan, 0.0])
    assert np.array_equal(run(f"x: [H]; y[i] = {body}", np.ones(2), x, name="vjp_x"), [nan, zero])


@pytest.mark.parametrize("text", [
    "x: [N,C,H]; y[n,c] = max[h](x[n,c,h])",
    "x: [N,C,H]; y[n,c] = mean[h](x[n,c,h])",
    "x: [N,C,H]; y[c,h] = mean[n](x[n,c,h])",
    "x: [N,C,H]; a < 2; i < H; y[n,c,i] = max[a](x[n,c,i+a-1])",
    "x: [N,C,H]; i < H; y[n,c,i] = sum[a]([a <= i] * x[n,c,a])"])
def test_an_empty_batch_is_fine(text: str) -> None:
    program = parse(text)
    made, sizes = module(all_passes(program)), {"N": 0, "C": 2, "H": 3}
    for item in all_passes(program):
        arguments = [np.zeros(tuple(sizes.get(str(axis.stored), 3) for axis in tensor.axes))
                     for tensor in item.program.inputs]
        result = getattr(made, item.name)(*arguments)
        assert np.array_equal(result, np.zeros(result.shape)), item.name


def loops(source: str) -> list[ast.For]:
    """The loops of the functions that a user calls, without those over blocks."""
    functions = [node for node in ast.parse(source).body
                 if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    return [node for function in functions for node in ast.walk(function)
            if isinstance(node, ast.For) and "_blocks(" not in ast.unparse(node.iter)]


@pytest.mark.parametrize("text", [
    "x: [N,C,H]; w: [O,C]; y[n,o,h] = sum[c](x[n,c,h] * w[o,c])",
    CONVOLUTION.replace("s*", "2*").replace("//s", "//2").replace("d*", "").replace("p", "1")])
def test_contractions_reach_blas_and_loops_run_over_taps_alone(text: str) -> None:
    source = emit_numpy("m", all_passes(parse(text)), "m")
    assert "np.matmul(" in source
    assert {ast.unparse(loop.target) for loop in loops(source)} <= {"a"}


def test_a_full_convolution_loops_over_the_kernel_alone() -> None:
    """The second operand is the short one: no loop over the places of the first."""
    text = ("a: [H,W]; b: [K,L]; i < H+K-1; j < W+L-1; "
            "y[i,j] = sum[k,l](a[k,l] * b[i-k,j-l])")
    program = parse(text)
    compare(program, {"a": (5, 4), "b": (2, 3)})
    source = emit_numpy("m", all_passes(program), "m")
    assert {ast.unparse(loop.iter) for loop in loops(source)} == {"range(K)", "range(L)"}


WINDOWS: list[tuple[str, Shapes]] = [
    ("x: [N,C,H,W]; w: [O,C,K,L]; i < (H-K)//2+2; j < W-L+3; y[n,o,i,j] = "
     "sum[c,a,e](x[n,c,2*i+a-1,j+e-1] * w[o,c,a,e])", {"x": (2, 3, 6, 5), "w": (4, 3, 3, 2)}),
    ("x: [N,C == (2, Cg),H]; w: [O == (2, Og),Cg,K]; i < H-K+3; y[n,(g,o),i] = "
     "sum[c,a](x[n,g,c,i+a-1] * w[g,o,c,a]/2)", {"x": (3, 4, 6), "w": (6, 2, 3)}),
    ("x: [N,H,C]; w: [K,C,O]; i < H-K+2; y[n,i,o] = sum[c,a](x[n,i+a-1,c] * w[a,c,o])",
     {"x": (2, 6, 3), "w": (3, 3, 4)}),
    ("x: [C,H]; w: [C,K]; i < H-K+1; y[c,i] = sum[a](x[c,i+a] * w[c,a])",
     {"x": (3, 7), "w": (3, 3)}),
]


@pytest.mark.parametrize(("text", "shapes"), WINDOWS, ids=[text for text, _ in WINDOWS])
@pytest.mark.parametrize("size", [18, 5, 2])
def test_windows_are_exact_as_matrices_in_blocks_of_any_size(
        text: str, shapes: Shapes, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    make_blocks(size, monkeypatch)
    compare(parse(text), shapes)
    compare(parse(text), shapes, dtype="float32", fixed=True)


@pytest.mark.parametrize(("text", "shapes"), WINDOWS, ids=[text for text, _ in WINDOWS])
def test_windows_are_exact_tap_by_tap(text: str, shapes: Shapes,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numpy_slices, "write_windows", lambda *_: None)
    compare(parse(text), shapes)
    compare(parse(text), shapes, dtype="float32", fixed=True)


@pytest.mark.parametrize(("text", "shapes"), WINDOWS, ids=[text for text, _ in WINDOWS])
@pytest.mark.parametrize("size", [18, 2])
def test_windows_are_exact_with_the_batch_last(text: str, shapes: Shapes, size: int,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    make_blocks(size, monkeypatch)
    monkeypatch.setattr(numpy_batch, "_LEAST", 2)
    compare(parse(text), shapes, dtype="float32", fixed=True)


def test_a_window_whose_result_is_one_number_is_exact() -> None:
    text = "x: [H]; w: [K]; i < H-K+1; y = sum[i,a](x[i+a] * w[a])"
    compare(parse(text), {"x": (7,), "w": (3,)}, dtype="float32", fixed=True)


def test_many_small_maps_are_added_with_the_batch_last() -> None:
    program = parse(CONVOLUTION, {"s": 2, "d": 1, "p": 1})
    for maps, wanted in ((64, True), (8, False)):
        sizes = bind(program, {"x": (maps, 6, 31), "w": (16, 6, 5), "b": (16,)})
        gradient = next(item for item in all_passes(program) if item.name == "vjp_x")
        (item,) = specialised((gradient,), sizes)
        assert ("moveaxis" in emit_numpy("m", (item,), "m")) == wanted


def test_blocks_cover_every_pair_of_places_once() -> None:
    scope: dict[str, Any] = {}
    exec(numpy_helpers.HELPERS["blocks"], scope)
    for outer, inner, rest, depth, least in itertools.product(
            (0, 1, 5), (0, 1, 7, 1000), (0, 1, 300), (0, 1, 900, 10**6), (0, 1, 3000)):
        seen, count = np.zeros((outer, inner), int), 0
        for n0, n1, start, stop in scope["_blocks"](outer, inner, rest, depth, least):
            seen[n0:n1, start:stop] += 1
            count += 1
            assert (n1 - n0)*(stop - start)*rest <= max(2**18 / max(depth, 1), least, rest, 1)
        assert np.all(seen == 1)
        assert count


def test_one_matrix_product_stands_in_place_of_the_taps() -> None:
    for text, _ in WINDOWS:
        (forward,) = forward_passes(parse(text))
        source = emit_numpy("m", (forward,), "m")
        assert "columns = windows[" in source
        assert "in _blocks(" in source


def test_a_scatter_with_stride_1_gathers_where_channels_are_grouped() -> None:
    """The gradient of a depthwise convolution by its input is one more product of windows."""
    program = parse("x: [N,C,H]; w: [C,K]; i < H-K+3; y[n,c,i] = sum[a](x[n,c,i+a-1] * w[c,a])")
    shapes = {"x": (2, 3, 10), "w": (3, 3)}
    compare(program, shapes)
    compare(program, shapes, fixed=True)
    gradient = next(item for item in all_passes(program) if item.name == "vjp_x")
    for item in (gradient, *specialised((gradient,), bind(program, shapes))):
        assert "columns = windows" in emit_numpy("m", (item,), "m")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_zeros_of_columns_meet_no_infinity(value: float) -> None:
    """An infinite weight or cotangent counts at the points of the relation alone."""
    text, x = "x: [H]; w: [K]; i<H-K+3; y[i] = sum[a](x[i+a-1]*w[a])", np.ones(4)
    w = np.array([value, 1.0, 2.0])
    assert np.array_equal(np.isfinite(run(text, x, w)), [True, False, False, False])
    dy = np.array([value, 1.0, 1.0, 1.0])
    assert np.array_equal(np.isfinite(run(text, dy, x, w, name="vjp_w")), [True, False, False])


def test_the_text_is_deterministic_and_needs_numpy_alone() -> None:
    first, second = (emit_numpy("m", all_passes(parse(CONVOLUTION, {"s": 2, "d": 3, "p": 1})),
                                "m") for _ in range(2))
    assert first == second
    imports = [node for node in ast.walk(ast.parse(first))
               if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in imports] == ["import numpy as np"]


def test_forward_convolution_reads_as_a_person_would_write_it() -> None:
    source = emit_numpy("m", forward_passes(parse(CONVOLUTION, {"s": 2, "d": 1, "p": 1})), "m")
    assert source.partition('    """\n    N')[2] == """, C, H = x.shape
    O, _, K = w.shape
    I = (H - K)//2 + 2
    y = np.zeros((N, O, I), dtype=x.dtype)
    y += b[:, None]
    if np.isfinite(np.vdot(w, w)):
        padded = np.zeros((N, C, max(2*I + K - 2, H + 1)), dtype=x.dtype)
        padded[:, :, 1 : H + 1] = x
        step = padded.strides
        # windows[n,c,a,i] = padded[n, c, a + 2*i]
        windows = np.ndarray(
            (N, C, K, I),
            padded.dtype,
            padded,
            0,
            (step[0], step[1], step[2], 2*step[2]))
        factors = w.reshape(O, C*K)
        for n0, n1, start, stop in _blocks(N, I, 1, C*K, 8*O):
            columns = windows[n0:n1, :, :, start:stop].reshape(n1 - n0, C*K, stop - start)
            y[n0:n1, :, start:stop] += np.matmul(
                factors,
                columns).reshape((n1 - n0, O, stop - start))
    else:
        for a in range(K):
            i0 = max(0, 1 - (a + 1)//2)
            i1 = max(i0, min((H - a)//2 + 1, I))
            y[:, :, i0:i1] += np.matmul(w[:, :, a], x[:, :, 2*i0 + a - 1 : 2*i1 + a - 1 : 2])
    return y
"""


@pytest.mark.parametrize("name", ["forward", "vjp_x", "vjp_w"])
def test_arrays_of_other_types_are_read_by_value(name: str) -> None:
    """A caller of the module itself may mix types and byte orders: views have the array's own."""
    program = parse("x: [N,C,H]; w: [O,C,K]; i < H-K+1; y[n,o,i] = sum[c,a](x[n,c,i+a] * w[o,c,a])")
    made = module(emitted_passes(program))
    random = np.random.default_rng(5)
    x, w, dy = (random.integers(-9, 9, shape).astype(float)
                for shape in ((2, 3, 10), (4, 3, 3), (2, 4, 8)))
    call = {"forward": lambda dy, x, w: made.forward(x, w),
            "vjp_x": lambda dy, x, w: made.vjp_x(dy, x, w),
            "vjp_w": lambda dy, x, w: made.vjp_w(dy, x, w)}[name]
    wanted = call(dy, x, w)
    for types in (("f4", "f8", "f8"), ("f8", "f4", "f8"), ("f8", ">f8", "f8"), ("f4", ">f4", "f8")):
        given = [array.astype(kind) for array, kind in zip((dy, x, w), types, strict=True)]
        np.testing.assert_array_equal(call(*given), wanted)


def test_taps_that_never_meet_the_input_have_no_gradient() -> None:
    """Of a flat volume one plane of the kernel is read: the others are zeros, of the same array."""
    op = sc.ops.conv3d(stride=2, padding=1, groups=3, bias=False)
    rng = np.random.default_rng(1)
    x, w = rng.integers(-3, 4, (1, 3, 1, 11, 10)) * 1.0, rng.integers(-3, 4, (3, 1, 3, 3, 3)) * 1.0
    kernel = sc.build(op, "numpy", "float64", shapes={"x": x.shape, "w": w.shape})
    dy = kernel.forward(x=x, w=w)
    found = kernel.double_vjp({"x": x}, dy, x=x, w=w)["w"]
    padded = np.pad(x[:, :, 0], ((0, 0), (0, 0), (1, 1), (1, 1)))
    wanted = np.zeros_like(w)
    for a, e in np.ndindex(3, 3):
        read = padded[:, :, a : a + 11 : 2, e : e + 9 : 2]
        wanted[:, 0, 1, a, e] = np.sum(read * dy[:, :, 0], axis=(0, 2, 3))
    np.testing.assert_array_equal(found, wanted)

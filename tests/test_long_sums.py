"""Long float32 sums are about as accurate as sums by pairs, however a pass adds them up, and stay
exact where the numbers allow it."""

from __future__ import annotations

import numpy as np
import pytest

import symconv as sc
from symconv.alongside import columns
from symconv.emit import c_cascade
from symconv.integers import Int, floor_div, largest, smallest
from symconv.lengths import longest, reach, terms
from symconv.loops import Loop
from symconv.lower import lower
from symconv.passes import all_passes
from symconv.shapes import bind, specialise

WORST = 6e-7        # of the largest result; sums one after the other reach 8e-7 to 1e-4 here

pytestmark = pytest.mark.usefixtures("separate_cache")


# each with the pass that has the long sum
CASES = {
    "along neighbouring axes": (sc.ops.conv2d(padding=1), {
        "x": (64, 1, 60, 60), "w": (2, 1, 3, 3), "b": (2,)}, "b"),
    "along rows of windows": (sc.ops.avg_pool2d(120), {"x": (1, 2, 240, 240)}, None),
    "in columns": (sc.ops.linear(), {"x": (100000, 1), "w": (5, 1), "b": (5,)}, "b"),
    "far apart": (sc.ops.reduce_sum(ndim=3, axes=1), {"x": (2, 60000, 3)}, None),
    "of functions": (sc.parse("x: [K]; y = sum[k](exp(x[k]))"), {"x": (200000,)}, None),
    "of one number": (sc.ops.reduce_sum(ndim=1), {"x": (1000000,)}, None),
    "dot products": (sc.ops.dot(), {"a": (1000000,), "b": (1000000,)}, None),
    "windows and turns": (sc.ops.conv2d(padding=1, groups=4), {
        "x": (64, 4, 56, 56), "w": (4, 1, 3, 3), "b": (4,)}, "w"),
    "tiles": (sc.ops.linear(), {"x": (100000, 8), "w": (16, 8), "b": (16,)}, "w"),
    "of a batch of two": (sc.ops.conv3d(stride=(1, 1, 3), bias=False), {
        "x": (2, 16, 8, 5, 143), "w": (8, 16, 1, 1, 2)}, "w"),
    "along taps in phases": (sc.ops.conv1d(dilation=2, bias=False), {
        "x": (1, 1, 20000), "w": (8, 1, 64)}, "w"),
    "rows of elements": (sc.ops.conv2d(), {"x": (1, 3000, 6, 30), "w": (2, 3000, 3, 3), "b": (2,)},
                         None),
}

# numbers of both signs, where those of one are too easy
BALANCED = {"windows and turns", "of a batch of two", "along taps in phases"}


def computed(op, shapes, wrt, dtype, fixed, values):
    kernel = sc.build(op, dtype=dtype, shapes=shapes if fixed else None, accuracy="strict")
    x = {name: value.astype(dtype) for name, value in values.items() if name in op.inputs}
    if wrt is None:
        return kernel.forward(**x)
    return kernel.vjp(values["dy"].astype(dtype), wrt=(wrt,), **x)[wrt]


@pytest.mark.parametrize("fixed", [True, False], ids=["fixed", "open"])
@pytest.mark.parametrize("name", CASES)
def test_long_sums_are_as_accurate_as_sums_by_pairs(name, fixed):
    op, shapes, wrt = CASES[name]
    rng = np.random.default_rng(0)
    (y,) = op.output_shape(**shapes).values()
    low = -1 if name in BALANCED else 0
    values = {each: rng.uniform(low, 1, shape).astype(np.float32)
              for each, shape in {**shapes, "dy": y}.items()}
    wanted = computed(op, shapes, wrt, "float64", fixed, values)
    found = computed(op, shapes, wrt, "float32", fixed, values)
    assert np.abs(found - wanted).max() < WORST * np.abs(wanted).max()


LENGTHS = (1, 7, 8, 9, 31, 33, 63, 65, 127, 129, 2049, 4500)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_sums_of_every_length_take_every_term_once(axis):
    """Integers: every order of the additions is exact."""
    kernel = sc.build(sc.ops.reduce_sum(ndim=3, axes=axis))
    rng = np.random.default_rng(1)
    for length in LENGTHS:
        for other in (1, 3, 130):
            shape = [other, 2, 2]
            shape.insert(axis, length)
            x = rng.integers(-8, 9, shape[:3]).astype(np.float32)
            assert np.array_equal(kernel.forward(x=x), x.sum(axis, dtype=np.float64))


@pytest.mark.parametrize("options", [{}, {"padding": 2}, {"stride": 2, "padding": 1},
                                     {"stride": (2, 3), "padding": 1}, {"dilation": 2}])
def test_windows_of_open_sizes_are_exact(options):
    """Rows that begin and end elsewhere in every round, strips that end within a row."""
    op = sc.ops.conv2d(**options)
    kernel, wide = sc.build(op), sc.build(op, dtype="float64", target="numpy")
    rng = np.random.default_rng(2)
    for channels, width in ((1, 5), (3, 131), (40, 140), (9, 260)):
        values = {"x": (2, channels, 7, width), "w": (2, channels, 3, 3), "b": (2,)}
        values = {name: rng.integers(-3, 4, shape).astype(np.float32)
                  for name, shape in values.items()}
        exact = {name: value.astype(float) for name, value in values.items()}
        y = wide.forward(**exact)
        assert np.array_equal(kernel.forward(**values), y)
        dy = rng.integers(-3, 4, y.shape).astype(np.float32)
        found, wanted = kernel.vjp(dy, **values), wide.vjp(dy.astype(float), **exact)
        for name in wanted:
            assert np.array_equal(found[name], wanted[name]), name


@pytest.mark.parametrize("fixed", [True, False], ids=["fixed", "open"])
def test_columns_have_the_same_bits_however_tasks_are_split(fixed):
    """An element of a strip of columns is the sum that it is alone."""
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 1, (1000, 300)).astype(np.float32)
    op = sc.ops.reduce_sum(ndim=2, axes=0)
    whole = sc.build(op, shapes={"x": x.shape} if fixed else None).forward(x=x)
    for low, high in ((0, 1), (0, 7), (100, 300), (127, 129), (299, 300)):
        part = np.ascontiguousarray(x[:, low:high])
        alone = sc.build(op).forward(x=part)
        assert alone.tobytes() == whole[low:high].tobytes()


@pytest.mark.parametrize("fixed", [True, False], ids=["fixed", "open"])
@pytest.mark.parametrize(("text", "row"), [
    ("x: [A, C]; b < C - 1; y = sum[a,b](x[a,b])", 8),
    ("x: [A, C]; b < C - 1; y = sum[a,b](x[a,b])", 32),
    ("x: [A, C]; b < C - 1; y = sum[a,b](sigmoid(x[a,b]))", 64)])
def test_what_is_left_of_many_rows_is_added_up_by_pairs_too(text, row, fixed):
    """Equal terms: all roundings of a sum of one after the other are alike."""
    op = sc.parse(text)
    values = {"x": np.full((3000, row), 0.3, np.float32)}
    wanted = computed(op, {"x": (3000, row)}, None, "float64", fixed, values)
    found = computed(op, {"x": (3000, row)}, None, "float32", fixed, values)
    assert np.abs(found - wanted) < WORST * wanted


def test_columns_are_found_where_all_reads_lie_side_by_side():
    op = sc.ops.linear()
    shapes = {"x": (100, 8), "w": (16, 8), "b": (16,)}
    program = specialise(op.definition, bind(op.definition, shapes))
    (bias,) = (item for item in all_passes(program) if item.name == "vjp_b")
    routine = lower(bias)
    assert columns(routine.body, routine.tasks[-1][0])
    turned = sc.parse("x: [O, N]; y[o] = sum[n](x[o,n])")
    program = specialise(turned.definition, bind(turned.definition, {"x": (100, 8)}))
    routine = lower(next(item for item in all_passes(program) if item.name == "forward"))
    assert not routine.tasks or not columns(routine.body, routine.tasks[-1][0])


def test_how_many_terms_a_sum_has_at_most():
    r, t = Int.of("r"), Int.of("t")
    box = {"r": (0, 2), "n": (None, None)}
    assert reach(floor_div(2 - r, 3) + 1, box) == (1, 1)
    assert reach(largest(r, "n"), box) == (0, None)
    assert reach(smallest(r, "n"), box) == (None, 2)
    loop = Loop("t", largest(0, Int.of("n") - 4), smallest(floor_div(8 - r, 3) + 1, "n"), ())
    assert longest(loop, box) == 3
    assert longest(Loop("t", Int.of("n"), Int.of("n") + 5, ()), box) == 5
    assert longest(Loop("t", Int.of(0), Int.of("n"), ()), box) is None
    assert terms((Loop("t", t, t + 2, ()),), box) == 0


def test_a_broken_join_is_found(monkeypatch):
    """Sabotage: sums that never join are as inaccurate as plain ones."""
    monkeypatch.setattr(c_cascade, "STEPS", 1 << 40)
    monkeypatch.setattr(c_cascade, "_LEVELS", 1)
    op, shapes, _ = CASES["in columns"]
    values = {name: np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)
              for name, shape in {**shapes, "dy": (100000, 5)}.items()}
    wanted = computed(op, shapes, "b", "float64", True, values)
    found = computed(op, shapes, "b", "float32", True, values)
    assert np.abs(found - wanted).max() > WORST * np.abs(wanted).max()

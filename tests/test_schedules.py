"""Fast schedules compute what the interpreter computes: exactly on integers, with NaN and infinity
where the definition has them, the same bits for any split of the tasks, and no byte outside."""

from __future__ import annotations

import ctypes
import itertools
import subprocess
import sys
import zlib
from functools import cache

import numpy as np
import pytest
from sanitizing import expect_no_byte_outside

import symconv as sc
from symconv import blocking, dotting, offers
from symconv.choice import Chosen
from symconv.compiler import find_compiler
from symconv.emission import emit
from symconv.emit.c import emit_c
from symconv.evaluate import evaluate
from symconv.libraries import compile_library
from symconv.loops import Tiled
from symconv.lower import lower
from symconv.passes import Pass, all_passes
from symconv.shapes import bind, specialise, stored_shape
from symconv.tiles import tiles_text

QUICK = ("-O1", "-march=native", "-std=gnu11", "-ffp-contract=fast")
STRICT = ("-std=c11", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")

pytestmark = pytest.mark.usefixtures("separate_cache")


def convolution(x, w, **options):
    """An operator and its shapes."""
    build = {1: sc.ops.conv1d, 2: sc.ops.conv2d, 3: sc.ops.conv3d}[len(x) - 2]
    return build(**options), {"x": x, "w": w, "b": (w[0],)}


# Ragged in every axis: channels, rows and lanes leave remainders in blocks of 6, 8 and 16.
CASES = {
    "plain": convolution((2, 3, 9, 21), (7, 3, 3, 3), padding=1),
    "bands": convolution((1, 150, 13, 30), (9, 150, 3, 3), padding=1),
    "groups of rows": convolution((1, 3, 5, 6), (61, 3, 2, 2)),
    "long sums": convolution((1, 95, 4, 7), (5, 95, 3, 2), padding=1),
    "in place": convolution((2, 5, 6, 8), (10, 5, 3, 2)),
    "one by one": convolution((1, 13, 5, 7), (11, 13, 1, 1)),
    "strides": convolution((2, 4, 14, 17), (6, 2, 3, 5), stride=(2, 3), padding=(1, 2), groups=2),
    "dilations": convolution((1, 3, 15, 16), (4, 3, 4, 3), dilation=(3, 2), padding=(3, 0)),
    "both": convolution((1, 2, 19, 18), (3, 2, 5, 4), stride=(3, 2), dilation=(2, 3), padding=2),
    "common factor": convolution((2, 2, 15, 14), (3, 2, 3, 3), stride=2, dilation=2, padding=1),
    "empty classes": convolution((1, 3, 11, 17), (4, 3, 1, 2), stride=(3, 3), padding=(0, 1)),
    "depthwise": convolution((2, 5, 11, 13), (5, 1, 3, 3), padding=1, groups=5),
    "one row only": convolution((1, 4, 1, 29), (7, 4, 1, 3), padding=(2, 1)),
    "audio": convolution((2, 3, 53), (8, 3, 5), stride=2, padding=2),
    "few sums": convolution((2, 3, 9, 37), (5, 3, 3, 3), padding=1, stride=(1, 2)),
    "small maps": convolution((1, 200, 5, 6), (40, 200, 3, 3), padding=1),
    "patches": convolution((2, 5, 12, 21), (7, 5, 4, 3), stride=(4, 3)),
    "frames": convolution((2, 1, 98), (37, 1, 10), stride=5, padding=3),
    "volume": convolution((1, 2, 5, 6, 7), (5, 2, 3, 2, 3), stride=(1, 2, 1), padding=1),
    "long maps": convolution((1, 12, 12, 48), (10, 12, 1, 1)),
    "thin sums": convolution((1, 9, 48, 49), (130, 9, 1, 1)),
    "one lane left": convolution((1, 96, 7, 7), (61, 96, 1, 1)),
    "one column": convolution((1, 96, 1, 1), (37, 96, 1, 1)),
    "numbers apart": convolution((1, 96, 10, 20), (130, 96, 1, 1)),
}
USERS = {
    "outer product": ("y[i,j] = a[i] * b[j]", {"a": (19,), "b": (37,)}),
    "matrices": ("y[i,j] = sum[k](a[i,k] * b[k,j])", {"a": (11, 9), "b": (9, 35)}),
    "half": ("y[n,i] = sum[c,a](x[n,c,i+a] * w[c,a] / 2) + z[n,i]",
             {"x": (2, 3, 44), "w": (3, 5), "z": (2, 40)}),
    "backwards": ("y[o,i] = sum[a](x[i-a+4] * w[o,a]); i < 40; w: [O, 5]",
                  {"x": (44,), "w": (5, 5)}),
    "taps in phases, a clipped sum": (
        "j < 5; i < 40; a < 18; y[o,j,a] = sum[i](x[i+2*a] * w[o,i-3*j+1])",
        {"x": (74,), "w": (3, 25)}),
    "two terms": ("y[o,i] = sum[a](x[i+a] * w[o,a]) + sum[a](z[i+a] * v[o,a]); i < 40",
                  {"x": (43,), "w": (7, 4), "z": (42,), "v": (7, 3)}),
}


class Compiled:
    """The passes of an operator for fixed shapes, compiled with a schedule; `choices` by the name
    of a pass decide among its plans."""

    def __init__(self, op, shapes, dtype, schedule, choices=None):
        op = op.for_shapes(shapes)
        values = bind(op.definition, shapes)
        self.dtype = dtype
        self.passes = [Pass(item.name, specialise(item.program, values))
                       for item in all_passes(op.definition)]
        self.sources = emit_c("k", specialise(op.definition, values), self.passes, dtype, schedule,
                              "strict", choices=choices)
        self.library = ctypes.CDLL(str(compile_library(self.sources, flags=QUICK)))

    def run(self, item, inputs, cuts=()):
        """The outputs of a pass, whose tasks are cut at the given fractions of their number."""
        tasks, room = (getattr(self.library, f"k_{item.name}_{what}")
                       for what in ("tasks", "workspace"))
        tasks.restype, room.restype = ctypes.c_ssize_t, ctypes.c_size_t
        outputs = [np.full(stored_shape(item.program.tensor(name), {}), 77, self.dtype)
                   for name in item.program.outputs]
        ends = sorted({0, tasks(), *(int(cut * tasks()) for cut in cuts)})
        for begin, end in itertools.pairwise(ends):
            workspace = np.full(room() + 64, 0xFF, np.uint8)       # NaN wherever it is read unset
            workspace = workspace[-workspace.ctypes.data % 64:]
            pointers = [ctypes.c_void_p(array.ctypes.data)
                        for array in (*inputs, *outputs, workspace)]
            getattr(self.library, f"k_{item.name}")(
                *pointers, ctypes.c_ssize_t(begin), ctypes.c_ssize_t(end))
        return outputs


@cache
def compiled(name, dtype, schedule):
    op, shapes = CASES[name] if name in CASES else (sc.parse(USERS[name][0]), USERS[name][1])
    return Compiled(op, shapes, dtype, schedule)


def is_tiled(item):
    return any(isinstance(node, Tiled) for node in lower(item).body)


def integers(item, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(-4, 5, stored_shape(tensor, {})).astype(dtype)
            for tensor in item.program.inputs]


def dtype_of(name):
    """Both element types occur, each case has one: compilers are slow."""
    return "float64" if (*CASES, *USERS).index(name) % 3 == 1 else "float32"


def points(program):
    """How many points the terms of a program have at most."""
    return sum(np.prod([float(index.extent.constant) for index in (*definition.free, *term.bound)])
               for definition in program.definitions for term in definition.terms)


@pytest.mark.parametrize("name", [*CASES, *USERS])
def test_tiles_are_exact_on_integers(name):
    dtype = dtype_of(name)
    fast, plain = compiled(name, dtype, "auto"), compiled(name, dtype, "reference")
    assert any(is_tiled(item) for item in fast.passes)
    assert "_step" not in plain.sources["k.c"]
    for item in fast.passes:
        inputs = integers(item, dtype)
        found, wanted = fast.run(item, inputs), plain.run(item, inputs)
        for left, right in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(left, right, err_msg=item.name)


def model(monkeypatch, effort):
    """Another model of time, for searches that nobody keeps."""
    monkeypatch.setattr(offers, "effort", effort)
    monkeypatch.setattr(offers, "_tiles", offers._tiles.__wrapped__)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["plain", "strides", "both", "few sums", "small maps", "audio",
                                  "one by one", "frames", "one lane left"])
def test_every_plan_is_exact_not_only_the_cheapest(monkeypatch, name, seed):
    """Plans chosen at random, in a cache so small that reductions fall into parts."""
    def effort(plan):
        return zlib.crc32(f"{seed} {tiles_text(plan)}".encode()) / 2**32

    model(monkeypatch, effort)
    for module in (blocking, dotting):
        monkeypatch.setattr(module, "most_copied", lambda element: 700 << 2 * seed)
    dtype = dtype_of(name)
    fast, plain = Compiled(*CASES[name], dtype, "auto"), compiled(name, dtype, "reference")
    for item in fast.passes:
        inputs = integers(item, dtype)
        for left, right in zip(fast.run(item, inputs, (0.3, 0.7)), plain.run(item, inputs),
                               strict=True):
            np.testing.assert_array_equal(left, right, err_msg=item.name)


@pytest.mark.parametrize("name", ["bands", "in place", "thin sums", "patches"])
def test_low_tiles_are_exact(monkeypatch, name):
    """Wherever they may stand: they are usual for large operands alone, which no test here has."""
    monkeypatch.setattr(blocking, "_may_be_low", lambda tiling: True)
    model(monkeypatch, lambda plan: 2 - plan.low - 1 / plan.part_count)
    dtype = dtype_of(name)
    fast, plain = Compiled(*CASES[name], dtype, "auto"), compiled(name, dtype, "reference")
    assert "k_low(" in fast.sources["k.c"]
    for item in fast.passes:
        inputs = integers(item, dtype)
        wanted = plain.run(item, inputs)
        for cuts in ((), (0.3, 0.7)):
            for left, right in zip(fast.run(item, inputs, cuts), wanted, strict=True):
                np.testing.assert_array_equal(left, right, err_msg=item.name)


@pytest.mark.parametrize("name", ["thin sums", "long maps"])
def test_bands_follow_the_cache_lines_of_an_operand_in_place(monkeypatch, name):
    """Wherever an array begins, the bits are the same."""
    model(monkeypatch, lambda plan: (plan.packing is not None) - 0.001 * plan.bands)
    fast = Compiled(*CASES[name], "float32", "auto")
    assert "% k_LANES);" in fast.sources["k.c"]
    rng = np.random.default_rng(7)
    for item in fast.passes:
        inputs = [rng.standard_normal(stored_shape(tensor, {}), np.float32)
                  for tensor in item.program.inputs]
        wanted = compiled(name, "float32", "reference").run(item, inputs)
        seen = set()
        for offset in (0, 1, 5, 15):
            moved = [behind_a_line(array, offset * (3 * place + 1) % 16)    # each elsewhere
                     for place, array in enumerate(inputs)]
            for cuts in ((), (0.3, 0.7)):
                found = fast.run(item, moved, cuts)
                seen.add(b"".join(array.tobytes() for array in found))
                for left, right in zip(found, wanted, strict=True):
                    np.testing.assert_allclose(left, right, rtol=0, atol=1e-5 * np.abs(right).max())
        assert len(seen) == 1


def behind_a_line(array, offset):
    """A copy that begins so many elements behind a cache line."""
    room = np.zeros(array.size + 32, array.dtype)
    begin = -room.ctypes.data % 64 // array.itemsize + offset
    copy = room[begin:begin + array.size].reshape(array.shape)
    copy[...] = array
    return copy


@pytest.mark.parametrize("crop", [0, 1])
def test_classes_without_points_have_their_own_extent(monkeypatch, crop):
    """As a class beside them has five values or four, they have four or five: a task that is set
    one value of the one must not take it for one of the other."""
    model(monkeypatch, lambda plan: -len(plan.slices))
    op, shapes = convolution((1, 2, 9, 9), (3, 2, 1, 1), stride=2,
                             padding=((-crop, -crop),) * 2)
    fast, plain = (Compiled(op, shapes, "float32", kind) for kind in ("auto", "reference"))
    item = next(item for item in fast.passes if item.name == "vjp_x")
    assert any(node.empty and max(len(plan.slices) for plan in node.plans[0])
               for node in lower(item).body if isinstance(node, Tiled))
    inputs = integers(item, "float32")
    for cuts in ((), (0.3, 0.7)):
        np.testing.assert_array_equal(fast.run(item, inputs, cuts)[0],
                                      plain.run(item, inputs)[0])


def test_every_kind_of_plan_occurs():
    """Otherwise the tests above would not see some of them."""
    texts = "".join(tiles_text(plan) for name in CASES
                    for item in compiled(name, dtype_of(name), "auto").passes
                    for node in lower(item).body if isinstance(node, Tiled)
                    for term in node.plans for plan in term)
    for kind in ("in place", "packed,", "packed along the sum", "gathered", "parts", "clipped",
                 "lanes ij (1 of 1), x packed along the sum, w in place",
                 "w in place along the sum, x in place"):
        assert kind in texts
    sources = "".join(compiled(name, dtype_of(name), "auto").sources["k.c"] for name in CASES)
    for function in ("_turn(", "_spread(", "_fold(", "_gather(", "_regular(", "_scattered(",
                     "_dots("):
        assert f"k{function}" in sources


@pytest.mark.parametrize("name", ["groups of rows", "in place", "strides", "empty classes",
                                  "one row only", "audio", *USERS])
def test_tiles_agree_with_the_interpreter(name):
    dtype = dtype_of(name)
    fast = compiled(name, dtype, "auto")
    for item in fast.passes:
        if points(item.program) > 6e4:
            continue
        inputs = integers(item, dtype)
        named = {tensor.name: array.astype(int)
                 for tensor, array in zip(item.program.inputs, inputs, strict=True)}
        wanted = evaluate(item.program, named, {})
        for output, found in zip(item.program.outputs, fast.run(item, inputs), strict=True):
            np.testing.assert_array_equal(found, wanted[output].astype(float), err_msg=item.name)


@pytest.mark.parametrize("name", ["plain", "bands", "strides", "both", "one row only", "volume"])
def test_a_padded_zero_meets_no_infinity(name):
    dtype = dtype_of(name)
    fast, plain = compiled(name, dtype, "auto"), compiled(name, dtype, "reference")
    rng = np.random.default_rng(3)
    for item in fast.passes:
        for value in (np.inf, np.nan):
            inputs = integers(item, dtype)
            for array in inputs:
                array.reshape(-1)[rng.integers(array.size)] = value
            with np.errstate(all="ignore"):
                for left, right in zip(fast.run(item, inputs), plain.run(item, inputs),
                                       strict=True):
                    np.testing.assert_array_equal(left, right, err_msg=item.name)


@pytest.mark.parametrize("name", ["plain", "bands", "groups of rows", "both", "depthwise",
                                  "volume", "one lane left", "one column"])
def test_tasks_give_the_same_bits_however_they_are_split(name):
    dtype = dtype_of(name)
    fast = compiled(name, dtype, "auto")
    rng = np.random.default_rng(5)
    for item in fast.passes:
        inputs = [rng.standard_normal(stored_shape(tensor, {})).astype(dtype)
                  for tensor in item.program.inputs]
        whole = fast.run(item, inputs)
        for cuts in ((0.5,), (0.2, 0.4, 0.9), tuple(np.arange(0, 1, 0.01))):
            for left, right in zip(whole, fast.run(item, inputs, cuts), strict=True):
                assert left.tobytes() == right.tobytes(), item.name


def test_sums_round_like_split_ones():
    """4608 products per element: a plain sum would be several times less accurate."""
    op, shapes = convolution((1, 512, 7, 7), (16, 512, 3, 3), padding=1)
    kernel = sc.build(op, shapes=shapes, accuracy="strict")
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(shapes[name]).astype(np.float32) for name in "xw")
    found = kernel.forward(x=x, w=w, b=np.zeros(16, np.float32))
    padded = np.pad(x[0].astype(float), ((0, 0), (1, 1), (1, 1)))
    views = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    wanted = np.einsum("cijae,ocae->oij", views, w.astype(float))
    assert np.abs(found[0] - wanted).max() < 8e-7 * np.abs(wanted).max()


def test_schedules_are_chosen_by_name():
    op, shapes = CASES["plain"]
    fast = emit(op, targets=("c",), name="k", shapes=shapes)["k.c"]
    assert fast == emit(op, targets=("c",), name="k", shapes=shapes, schedule="auto")["k.c"]
    assert "k_step" in fast
    assert "k_step" not in emit(op, targets=("c",), name="k", shapes=shapes,
                                schedule="reference")["k.c"]
    assert "k_step" not in emit(op, targets=("c",), name="k")["k.c"]
    with pytest.raises(sc.ParameterError, match="schedule='fastest'"):
        emit(op, targets=("c",), name="k", schedule="fastest")
    with pytest.raises(sc.ParameterError, match="schedule='fastest'"):
        sc.build(op, schedule="fastest")


def other_compilers():
    """The compiler in use, and zig (clang) where it is installed."""
    yield list(find_compiler().command)
    if subprocess.run([sys.executable, "-m", "ziglang", "version"], capture_output=True,
                      check=False).returncode == 0:
        yield [sys.executable, "-m", "ziglang", "cc"]


def expect_no_warning(files, directory):
    """The texts of a kernel k are written to a directory and compiled there."""
    for file, text in files.items():
        (directory / file).write_text(text)
    for command in other_compilers():
        done = subprocess.run([*command, *STRICT, "-c", "k.c", "-o", "k.o"], cwd=directory,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["strides", "in place"])
def test_tiles_compile_without_a_warning(tmp_path, name):
    expect_no_warning(compiled(name, dtype_of(name), "auto").sources, tmp_path)


@pytest.mark.parametrize(("text", "shapes", "function"), [
    # no other tile needs what tells how wide tiles are, and operands lie where they are read
    ("y[n,o] = sum[k](x[n,k]*w[o,k])", {"x": (3, 256), "w": (5, 256)}, "_dots("),
    # every block of rows is one task, and needs no smaller one of two numbers
    ("y[n,g,o] = sum[k](x[n,g,k]*w[g,o,k])", {"x": (3, 4, 256), "w": (4, 5, 256)}, "_dots("),
    # no row of a stencil ends earlier than others
    ("y[g,k] = sum[n](x[n,g,k]*w[g,n])", {"x": (5, 4, 144), "w": (4, 5)}, "_forward("),
    # bands begin where lines do
    ("y[k] = sum[n](x[n,k]*w[n])", {"x": (5, 1440), "w": (5,)}, "_max("),
    # sums are turned, no operand is
    ("a < 3; i < 40; y[o,c,a] = sum[i](x[o,i]*w[i+a,c])", {"x": (5, 40), "w": (42, 48)},
     "_spread(")])
def test_what_is_needed_alone_compiles_without_a_warning(text, shapes, function, tmp_path):
    program = sc.parse(text).definition
    program = specialise(program, bind(program, shapes))
    files = emit_c("k", program, [Pass("forward", program)], "float32")
    assert f"k{function}" in files["k.c"]
    expect_no_warning(files, tmp_path)


def test_transforms_without_padding_compile_without_a_warning(tmp_path):
    op, shapes = convolution((1, 48, 34, 15), (80, 48, 3, 3), bias=False)
    sizes = bind(op.definition, {name: shapes[name] for name in "xw"})
    program = specialise(op.definition, sizes)
    (item,) = (Pass(one.name, specialise(one.program, sizes))
               for one in all_passes(op.definition) if one.name == "vjp_w")
    files = emit_c("k", program, [item], "float32", "winograd")
    assert "k_turn(" in files["k.c"]
    expect_no_warning(files, tmp_path)


def test_bands_that_stay_where_they_are_compile_alone(tmp_path):
    """No block of rows is cut: the last band alone takes the smaller one of two numbers."""
    program = sc.parse("y[g,o,k] = sum[n](d[n,g,o]*x[n,g,k])").definition
    program = specialise(program, bind(program, {"d": (5, 4, 1), "x": (5, 4, 144)}))
    chosen = Chosen().having("y", (
        "tiles: rows row (1 of 1), lanes k (16 of 144), x in place, sum over n (5 at a time)",))
    files = emit_c("k", program, [Pass("forward", program)], "float32",
                   choices={"forward": chosen})
    expect_no_warning(files, tmp_path)


@pytest.mark.parametrize("name", ["bands", "in place", "long maps", "both", "empty classes",
                                  "matrices", "one lane left", "one column"])
def test_tiles_stay_inside_their_arrays(tmp_path, name):
    expect_no_byte_outside(compiled(name, dtype_of(name), "auto"), tmp_path)

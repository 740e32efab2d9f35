"""Packed operands: a pass that takes one computes the same bits as the pass that packs in each
call, for any split of its tasks, and neither packing nor reading leaves the memory that is told."""

from __future__ import annotations

import ctypes
import itertools
import math
import re
import subprocess
import threading
from functools import cache

import numpy as np
import pytest
from sanitizing import array, called, compiler_with_sanitizers, finished, program

import symconv as sc
from symconv.compiler import find_compiler
from symconv.emission import emit, ordered, sources, specialised
from symconv.libraries import compile_library
from symconv.passes import emitted_vjp, forward_passes
from symconv.shapes import stored_shape

QUICK = ("-O1", "-march=native", "-std=gnu11", "-ffp-contract=fast")
STRICT = ("-std=c11", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")

pytestmark = pytest.mark.usefixtures("separate_cache")


def layer(x, w, **options):
    """A convolution and its shapes."""
    build = {1: sc.ops.conv1d, 2: sc.ops.conv2d, 3: sc.ops.conv3d}[len(x) - 2]
    return build(**options), {"x": x, "w": w, "b": (w[0],)}


def drawn(seed):
    """A random convolution with a batch, strides, dilations and groups."""
    rng = np.random.default_rng(seed)
    axes, groups = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    kernel = tuple(int(k) for k in rng.integers(1, 5, axes))
    size = tuple(int(n) for n in rng.integers(9, 21, axes))
    inside, outside = (int(c) for c in rng.integers(1, 24, 2))
    options = {name: tuple(int(k) for k in rng.integers(low, 3, axes))
               for name, low in (("stride", 1), ("dilation", 1), ("padding", 0))}
    return layer((int(rng.integers(1, 3)), groups * inside, *size),
                 (groups * outside, inside, *kernel), groups=groups, **options)


# The lanes of w, of x and of both, in one task and in several, whole and in parts.
CASES = {
    "lanes of x": layer((2, 3, 9, 21), (7, 3, 3, 3), padding=1),
    "lanes of w": layer((2, 6, 9, 9), (40, 6, 3, 3), stride=2, padding=1),
    "parts": layer((1, 96, 8, 8), (100, 96, 3, 3), stride=2, padding=1),
    "classes": layer((2, 4, 14, 17), (6, 2, 3, 5), stride=(2, 3), padding=(1, 2), groups=2),
    "dots": (sc.ops.linear(), {"x": (3, 405), "w": (50, 405), "b": (50,)}),
    "two terms": (sc.parse("y[o,i] = sum[a](x[2*i+a] * w[o,a]) + sum[a](z[i+a] * v[o,a]); i < 9"),
                  {"x": (21,), "w": (37, 4), "z": (11,), "v": (37, 3)}),
    "program": (sc.ops.conv2d(stride=2) >> sc.ops.relu() >> sc.ops.conv2d(),
                {"x": (2, 3, 13, 13), "w": (32, 3, 3, 3), "b": (32,), "w_2": (24, 32, 2, 2),
                 "b_2": (24,)}),
    **{f"drawn {seed}": drawn(seed) for seed in (2, 4, 5)},
}
WINDOWS = {
    "groups": layer((1, 300, 6, 6), (48, 300, 3, 3), padding=1),
    "slices": layer((2, 4, 9, 9), (6, 2, 3, 3), padding=1, groups=2),
    "strands": layer((2, 20, 13, 14), (18, 20, 3, 3), padding=2, dilation=2),
    "phases": layer((2, 18, 70), (20, 18, 9), padding=4),
    "strides": layer((1, 18, 15, 14), (20, 18, 3, 4), stride=2),
}
ALL = [*((name, "float32", "auto") for name in CASES), ("lanes of w", "float64", "auto"),
       *((name, "float32", "winograd") for name in WINDOWS)]


class Library:
    """The passes of an operator, compiled for all real operands packed or for some."""

    def __init__(self, op, shapes, dtype, schedule, pack=None):
        real = [t.name for t in op.for_shapes(shapes).definition.inputs if t.kind == "real"]
        order = ordered(op, "k", dtype, shapes, schedule, "default", pack or real)
        self.dtype, self.pack = dtype, order.packed
        self.passes = specialised((*forward_passes(order.program), *emitted_vjp(order.program)),
                                  order.fixed)
        self.sources = sources("c", order, self.passes)
        self.library = ctypes.CDLL(str(compile_library(self.sources, flags=QUICK)))

    def size(self, name):
        function = self.library[f"k_{name}"]
        function.restype = ctypes.c_size_t
        return function()

    def packs(self, item):
        """The operands of a pass that it takes packed."""
        return [name for name in self.pack if f"k_{item.name}_pack_{name}(" in self.sources["k.h"]]

    def packed(self, item, name, array):
        memory = filled(self.size(f"{item.name}_pack_{name}_size"))
        self.library[f"k_{item.name}_pack_{name}"](pointer(array), pointer(memory))
        return memory

    def run(self, item, inputs, ending="", cuts=(), outputs=None):
        """The outputs of a pass, whose tasks are cut at the given fractions of their number."""
        outputs = [np.full(stored_shape(item.program.tensor(name), {}), 77, self.dtype)
                   for name in item.program.outputs] if outputs is None else outputs
        tasks = self.size(f"{item.name}{ending}_tasks")
        for begin, end in itertools.pairwise(sorted({0, tasks, *(int(c * tasks) for c in cuts)})):
            workspace = filled(self.size(f"{item.name}{ending}_workspace"))
            code = self.library[f"k_{item.name}{ending}"](
                *map(pointer, (*inputs, *outputs, workspace)),
                ctypes.c_ssize_t(begin), ctypes.c_ssize_t(end))
            if code:
                return code
        return outputs


def filled(count):
    """Aligned bytes that are NaN wherever they are read before they are written."""
    memory = np.full(count + 64, 0xFF, np.uint8)
    return memory[-memory.ctypes.data % 64:][:count]


def pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


@cache
def library(name, dtype, schedule):
    return Library(*(CASES | WINDOWS)[name], dtype, schedule)


def numbers(item, dtype, seed=0, wild=False):
    """Operands of a pass; with `wild`, an infinity and a NaN in the largest one."""
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(stored_shape(t, {})).astype(dtype) for t in item.program.inputs]
    if wild:
        largest = max(arrays, key=lambda array: array.size)
        largest.flat[1], largest.flat[largest.size // 2] = np.inf, np.nan
    return arrays


def exchanged(made, item, inputs):
    """The operands, in packed form where there is one."""
    copied = made.packs(item)
    return [made.packed(item, tensor.name, array) if tensor.name in copied else array
            for tensor, array in zip(item.program.inputs, inputs, strict=True)]


@pytest.mark.parametrize("wild", [False, True], ids=["finite", "wild"])
@pytest.mark.parametrize(("name", "dtype", "schedule"), ALL)
def test_packed_operands_change_no_bit(name, dtype, schedule, wild):
    made = library(name, dtype, schedule)
    for item in filter(made.packs, made.passes):
        inputs = numbers(item, dtype, wild=wild)
        expected = made.run(item, inputs)
        packed = exchanged(made, item, inputs)
        for cuts in ((), (0.5,), np.random.default_rng(1).random(5)):
            for one, two in zip(expected, made.run(item, packed, "_packed", cuts), strict=True):
                assert one.tobytes() == two.tobytes(), (item.name, cuts)


def test_the_cases_reach_every_kind_of_copy():
    made = [(name, library(name, dtype, schedule)) for name, dtype, schedule in ALL]
    copied = {(name, item.name, operand) for name, one in made
              for item in one.passes for operand in one.packs(item)}
    for wanted in (("lanes of x", "forward", "x"), ("lanes of w", "forward", "w"),
                   ("parts", "forward", "w"), ("dots", "forward", "w"), ("dots", "forward", "x"),
                   ("two terms", "forward", "w"), ("classes", "vjp_w", "x"),
                   ("program", "forward", "w"), ("program", "vjp", "w_2"),
                   ("groups", "forward", "w"), ("slices", "vjp_x", "w")):
        assert wanted in copied
    bodies = [body for _, one in made for body in re.findall(
        r"void k_\w+_pack_\w+\(const.*?\n}", one.sources["k.c"], re.S)]
    loops = set(re.findall(r"\n +for \(ptrdiff_t (\w+)", "".join(bodies)))
    assert {"band", "group", "part", "g"} <= loops


@pytest.mark.parametrize("name", ["lanes of w", "parts"])
def test_a_packed_operand_is_all_that_is_read(name):
    """The test above means something: other packed numbers give other results, and no call makes
    the copies anew."""
    made = library(name, "float32", "auto")
    item = next(item for item in made.passes if item.name == "forward")
    inputs = numbers(item, "float32")
    other = [array if tensor.name != "w" else -array
             for tensor, array in zip(item.program.inputs, inputs, strict=True)]
    (one,), (two,) = (made.run(item, exchanged(made, item, given), "_packed")
                      for given in (inputs, other))
    assert np.any(one != two)
    assert made.size("forward_packed_workspace") < made.size("forward_workspace")


def test_an_operand_of_another_pass_is_refused():
    made = library("lanes of w", "float32", "auto")
    item, other = (next(item for item in one.passes if item.name == "forward")
                   for one in (made, library("parts", "float32", "auto")))
    inputs = numbers(item, "float32")
    packed = exchanged(made, item, inputs)
    packed[1] = library("parts", "float32", "auto").packed(
        other, "w", np.zeros((100, 96, 3, 3), np.float32))
    code = made.run(item, packed, "_packed")
    assert isinstance(code, int)
    made.library.k_error.restype = ctypes.c_char_p
    assert b"pack it anew" in made.library.k_error(code)


def test_two_threads_share_a_packed_operand():
    made = library("parts", "float32", "auto")
    item = next(item for item in made.passes if item.name == "forward")
    inputs = numbers(item, "float32")
    packed, expected = exchanged(made, item, inputs), made.run(item, inputs)
    found: dict[int, list[np.ndarray]] = {}

    def run(number):
        found[number] = made.run(item, packed, "_packed", np.random.default_rng(number).random(9))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(found[n][0].tobytes() == expected[0].tobytes() for n in range(2))


def harness(made):
    """A program that packs and runs."""
    real = {"float32": "float", "float64": "double"}[made.dtype]
    blocks = []
    for item in filter(made.packs, made.passes):
        tensors = [*item.program.inputs, *map(item.program.tensor, item.program.outputs)]
        copied = made.packs(item)
        lines = [line for tensor in tensors for line in array(
            tensor.name, real, math.prod(stored_shape(tensor, {})))]
        for name in copied:
            pack = f"k_{item.name}_pack_{name}"
            lines += [f"void *p_{name} = aligned_alloc(64, {pack}_size());",
                      f"{pack}(a_{name}, p_{name});", f"free(a_{name});"]
        blocks.append(lines + called(f"k_{item.name}_packed", [
            f"{'p' if tensor.name in copied else 'a'}_{tensor.name}" for tensor in tensors]))
    return program(blocks)


@pytest.fixture(scope="module")
def compiler(tmp_path_factory):
    return compiler_with_sanitizers(tmp_path_factory.mktemp("probe"))


@pytest.mark.parametrize(("name", "dtype", "schedule", "machine"), [
    ("lanes of w", "float64", "auto", ()), ("lanes of x", "float32", "auto", ("-march=native",)),
    ("dots", "float32", "auto", ("-march=native",)), ("classes", "float32", "auto", ()),
    ("slices", "float32", "winograd", ("-march=native",))])
def test_no_byte_outside_is_touched(compiler, name, dtype, schedule, machine, tmp_path):
    made = library(name, dtype, schedule)
    done = finished(compiler, {**made.sources, "main.c": harness(made)}, tmp_path, machine)
    assert done.returncode == 0, done.stderr[:3000]


@pytest.mark.parametrize(("name", "schedule"), [
    ("lanes of w", "auto"), ("dots", "auto"), ("program", "auto"), ("slices", "winograd")])
def test_no_warning(name, schedule, tmp_path):
    made = library(name, "float32", schedule)
    for file, text in made.sources.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    for flags in (("-O1",), ("-O2", "-march=native")):
        done = subprocess.run([*find_compiler().command, *STRICT, *flags, "-c", "k.c"],
                              cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[:3000]


# --- from Python ------------------------------------------------------------------------------

@pytest.mark.parametrize("target", ["c", "numpy"])
def test_a_kernel_takes_a_packed_operand_in_place_of_the_array(target):
    op, shapes = CASES["lanes of w"]
    kernel = sc.build(op, target, shapes=shapes, pack="w")
    rng = np.random.default_rng(3)
    given = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    y = kernel.forward(**given)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    gradients, tangent = kernel.vjp(dy, **given), kernel.jvp({"w": given["w"]}, **given)
    packed = kernel.pack(w=given["w"])
    with_packed = {**given, "w": packed}
    assert np.array_equal(packed, given["w"])
    given["w"][:] = np.nan                                  # it is as it was when it was packed
    for _ in range(2):
        assert kernel.forward(**with_packed).tobytes() == y.tobytes()
        out = np.empty_like(y)
        assert kernel.forward(out=out, **with_packed).tobytes() == y.tobytes()
        found = kernel.vjp(dy, **with_packed)
        assert {name: array.tobytes() for name, array in found.items()} == {
            name: array.tobytes() for name, array in gradients.items()}
    assert kernel.jvp({"w": packed}, **with_packed).tobytes() == tangent.tobytes()


def test_a_program_takes_packed_operands_where_all_are_given():
    op, shapes = CASES["program"]
    kernel = sc.build(op, shapes=shapes, pack=["w", "w_2"])
    rng = np.random.default_rng(3)
    given = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    y = kernel.forward(**given)
    packed = {name: kernel.pack(**{name: given[name]}) for name in ("w", "w_2")}
    for some in ({"w": packed["w"]}, {"w_2": packed["w_2"]}, packed):
        operands = given | some
        assert kernel.forward(**operands).tobytes() == y.tobytes()
        for name, gradient in kernel.vjp(y, **operands).items():
            assert gradient.tobytes() == kernel.vjp(y, **given)[name].tobytes()


def test_to_another_kernel_it_is_an_array():
    op, shapes = CASES["lanes of w"]
    one, two = (sc.build(op, shapes=shapes, pack="w") for _ in range(2))
    given = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
    packed = one.pack(w=given["w"])
    assert np.array_equal(two.forward(**{**given, "w": packed}), two.forward(**given))
    assert np.array_equal(sc.build(op).forward(**{**given, "w": packed}), two.forward(**given))


def test_wrong_requests_are_refused():
    op, shapes = CASES["lanes of w"]
    with pytest.raises(sc.ParameterError, match="give shapes"):
        sc.build(op, pack="w")
    with pytest.raises(sc.ParameterError, match="give shapes"):
        sc.build(sc.ops.reduce_sum(), pack="x")
    with pytest.raises(sc.ParameterError, match="no operand that can be packed"):
        sc.build(op, shapes=shapes, pack="v")
    with pytest.raises(sc.ParameterError, match="no operand that can be packed"):
        emit(op, shapes=shapes, pack=3)
    kernel = sc.build(op, shapes=shapes)
    with pytest.raises(sc.ParameterError, match="build it with pack='w'"):
        kernel.pack(w=np.ones(shapes["w"], np.float32))
    kernel = sc.build(op, shapes=shapes, pack="w")
    with pytest.raises(sc.DTypeError, match="float64"):
        kernel.pack(w=np.ones(shapes["w"]))
    with pytest.raises(sc.ShapeError, match="w"):
        kernel.pack(w=np.ones((1, 2, 3, 4), np.float32))
    with pytest.raises(sc.ParameterError, match="one is needed"):
        kernel.pack()


def test_names_that_would_meet_are_refused():
    """The gradient of an operand x_packed, and the gradient of x for packed operands."""
    op = sc.parse("y[n,o,i] = x_packed[o] + sum[c,a](x[n,c,i+a] * w[o,c,a]); w: [O, C, 3]")
    shapes = {"x": (1, 40, 20), "w": (33, 40, 3), "x_packed": (33,)}
    with pytest.raises(sc.ParameterError, match="k_vjp_x_packed"):
        emit(op, name="k", shapes=shapes, targets=["c"], schedule="winograd", pack="w")


def test_nothing_is_emitted_that_was_not_asked_for():
    op, shapes = CASES["dots"]
    assert "pack_w" not in emit(op, name="k", shapes=shapes, targets=["c"])["k.h"]
    one, two = (emit(op, name="k", shapes=shapes, targets=["c"], pack="w") for _ in range(2))
    assert one == two
    pooled = emit(sc.ops.max_pool2d(2), name="k", shapes={"x": (1, 2, 8, 8)}, pack="x")
    assert "_packed" not in pooled["k.h"]

"""How work is shared out: tasks are even, and those that are done at once give the bits of each
alone, whatever they share."""

from __future__ import annotations

import ctypes
import itertools
import math

import numpy as np
import pytest
from sanitizing import array, called, compiler_with_sanitizers, finished, program

import symconv as sc
from symconv.emission import ordered, specialised
from symconv.emit.c import emit_c
from symconv.libraries import compile_library
from symconv.loops import Tiled, Transformed
from symconv.lower import lower
from symconv.passes import forward_passes, vjp_passes
from symconv.shapes import specialise, stored_shape
from symconv.sharing import grain, largest_share, uneven

QUICK = ("-O1", "-march=native", "-std=gnu11", "-ffp-contract=fast")

pytestmark = pytest.mark.usefixtures("separate_cache")


@pytest.mark.parametrize(("extent", "size", "others", "threads", "share"), [
    (64, 64, 1, 2, 2.0), (64, 16, 1, 2, 1.0), (64, 16, 1, 4, 1.0), (14, 2, 1, 2, 8 / 7),
    (14, 1, 1, 2, 1.0), (196, 196, 11, 2, 12 / 11), (196, 98, 11, 2, 1.0), (5, 4, 3, 2, 18 / 15)])
def test_the_largest_share_is_counted_in_rows(extent, size, others, threads, share):
    assert uneven(extent, size, others, threads) == pytest.approx(share)


def test_the_largest_share_may_be_of_tasks_that_differ():
    sizes = [48, 48, 48, 48, 48, 16]
    assert largest_share(6, lambda task: sum(sizes[:task])) == 2 * 144 / 256
    assert largest_share(12, lambda task: 256 * (task // 6) + sum(sizes[:task % 6])) == 1.0


@pytest.mark.parametrize("others", [1, 2, 3, 5, 8, 11])
@pytest.mark.parametrize("extent", [1, 7, 12, 28, 49, 64, 100, 196, 1024])
def test_blocks_consist_of_whole_tasks_and_shares_are_even_where_there_are_rows(extent, others):
    for blocks in (1, 2, 4):
        block = -(-extent // blocks)
        size = grain(extent, block, others, 6)
        assert size == block or (6 <= size < block and (block >= extent or block % size == 0))
    whole = grain(extent, extent, others, 6)
    assert uneven(extent, whole, others) <= (1.05 if extent >= 24 else 2.0)


def convolution(x, w, **options):
    build = {1: sc.ops.conv1d, 2: sc.ops.conv2d, 3: sc.ops.conv3d}[len(x) - 2]
    return build(bias=False, **options), {"x": x, "w": w}


# What is done at once: tiles, rows of transforms, rows of a reduction in parts or with clips.
CASES = {
    "bands of tiles": (*convolution((1, 40, 56, 30), (40, 40, 3, 3), padding=1), "forward"),
    "one band": (*convolution((1, 64, 27, 27), (48, 64, 3, 3), padding=1), "vjp_x"),
    "rows of transforms": (*convolution((1, 40, 30, 30), (32, 40, 3, 3), padding=1), "vjp_w"),
    "rows of phases": (*convolution((1, 40, 3001), (44, 40, 9), padding=4), "vjp_w"),
    "strips of transforms": (*convolution((1, 64, 40, 38), (36, 64, 3, 3), padding=2, dilation=2),
                             "forward"),
    "strips of slabs": (*convolution((1, 128, 60, 38), (36, 128, 3, 3), padding=1), "forward"),
    "clipped parts": (*convolution((1, 64, 30, 30), (48, 64, 3, 3), padding=1, stride=2),
                      "forward"),
    "classes": (*convolution((1, 64, 28, 28), (64, 64, 3, 3), padding=1, stride=2), "vjp_x"),
    "parts in place": (*convolution((1, 256, 13, 15), (240, 256, 1, 1)), "vjp_x"),
    "rows of dots": (*convolution((5, 1, 60, 50), (3, 1, 9, 9), padding=2, dilation=2), "vjp_w"),
    "columns of dots": (*convolution((21, 1, 27, 26), (7, 1, 5, 5), padding=2), "vjp_w"),
    "strips": (*convolution((3, 1, 9001), (1, 1, 155), padding=70), "vjp_w"),
    "strips in place": (*convolution((1, 1, 9001), (1, 1, 200)), "vjp_w"),
    "strips of a block": (*convolution((1, 250, 7, 7), (140, 250, 3, 3), padding=1), "vjp_x"),
    "strips of bands": (*convolution((1, 500, 4, 4), (90, 500, 3, 3), padding=1), "vjp_x"),
    "strips of two lanes": (*convolution((1, 5, 40, 41), (20, 5, 5, 5), padding=2), "vjp_x"),
    "strips of classes": (*convolution((1, 3, 60, 62), (30, 3, 7, 7), padding=3, stride=2),
                          "vjp_x"),
    "strips of short rows": (*convolution((1, 17, 30, 14), (130, 17, 5, 5), padding=2, stride=3),
                             "vjp_x"),
    "blocks": (*convolution((1, 1, 20000), (48, 1, 10), stride=5), "forward"),
}


class Compiled:
    """One pass; its operands may be `packed`."""

    def __init__(self, op, shapes, name, packed=()):
        order = ordered(op, "k", "float32", shapes, "auto", "default")
        (self.item,) = (item for item in specialised(
            (*forward_passes(order.program), *vjp_passes(order.program)), order.fixed)
            if item.name == name)
        self.routine = lower(self.item, "auto", True)
        self.sources = emit_c("k", specialise(op.definition, order.fixed), [self.item],
                              "float32", packed=packed)
        self.library = ctypes.CDLL(str(compile_library(self.sources, flags=QUICK)))

    def size(self, name):
        function = getattr(self.library, f"k_{self.item.name}{name}")
        function.restype = ctypes.c_size_t
        return function()

    def inputs(self):
        rng = np.random.default_rng(3)
        return [rng.normal(size=stored_shape(tensor, {})).astype(np.float32)
                for tensor in self.item.program.inputs]

    def run(self, inputs, ends, ending=""):
        """The output, of calls for the tasks between two ends each."""
        (name,) = self.item.program.outputs
        output = np.full(stored_shape(self.item.program.tensor(name), {}), 77, np.float32)
        for begin, end in itertools.pairwise(ends):
            work = aligned(self.size(f"{ending}_workspace"))
            work[:] = 0xFF                                  # NaN wherever it is read unset
            code = getattr(self.library, f"k_{self.item.name}{ending}")(
                *(ctypes.c_void_p(array.ctypes.data) for array in (*inputs, output, work)),
                ctypes.c_ssize_t(begin), ctypes.c_ssize_t(end))
            assert code == 0
        return output


def aligned(size):
    raw = np.zeros(size + 64, np.uint8)
    return raw[-raw.ctypes.data % 64:][:size]


@pytest.mark.parametrize("name", CASES)
def test_tasks_that_are_done_at_once_give_the_bits_of_each_alone(name):
    op, shapes, which = CASES[name]
    made = Compiled(op, shapes, which)
    (node,) = made.routine.body
    assert isinstance(node, Tiled | Transformed)
    assert node.joined is not None
    assert node.joined.most > 1
    count, inputs = made.size("_tasks"), made.inputs()
    assert count == math.prod(extent.constant for _, extent in made.routine.tasks)
    whole = made.run(inputs, (0, count))
    assert np.isfinite(whole).all()
    for ends in (range(count + 1), (0, count // 2, count), (0, 1, count - 1, count),
                 (0, count // 3, 2 * count // 3, count)):
        assert np.array_equal(made.run(inputs, ends), whole), ends


def test_strips_beside_classes_of_other_tasks_have_copies_of_their_own():
    op, shapes = convolution((5, 130, 22, 15), (1, 130, 4, 4), padding=1, stride=3)
    made = Compiled(op, shapes, "vjp_x")
    (node,) = made.routine.body
    assert isinstance(node, Tiled)
    assert node.joined is None
    assert any(plan.strip for term in node.plans for plan in term)
    count, inputs = made.size("_tasks"), made.inputs()
    assert np.array_equal(made.run(inputs, range(count + 1)), made.run(inputs, (0, count)))


@pytest.mark.parametrize(("name", "operand"), [
    ("bands of tiles", "x"), ("bands of tiles", "w"), ("one band", "w"),
    ("clipped parts", "w"), ("rows of transforms", "x"), ("rows of phases", "x"),
    ("strips of transforms", "x"), ("strips of transforms", "w"), ("strips of slabs", "x"),
    ("strips of slabs", "w"), ("strips of a block", "w"), ("strips of bands", "w"),
    ("columns of dots", "x")])
def test_tasks_that_are_done_at_once_find_their_share_of_what_is_packed(name, operand):
    op, shapes, which = CASES[name]
    made = Compiled(op, shapes, which, packed=(operand,))
    place = [tensor.name for tensor in made.item.program.inputs].index(operand)
    pack = getattr(made.library, f"k_{which}_pack_{operand}")
    inputs, count = made.inputs(), made.size("_packed_tasks")
    packed = aligned(made.size(f"_pack_{operand}_size"))
    pack(ctypes.c_void_p(inputs[place].ctypes.data), ctypes.c_void_p(packed.ctypes.data))
    whole = made.run(inputs, (0, made.size("_tasks")))
    given = [packed if number == place else array for number, array in enumerate(inputs)]
    for ends in ((0, count), range(count + 1), (0, count // 2, count)):
        assert np.array_equal(made.run(given, ends, "_packed"), whole), ends


@pytest.mark.parametrize("name", [
    "bands of tiles", "rows of transforms", "rows of phases", "strips of transforms",
    "clipped parts", "rows of dots",
    "columns of dots", "strips", "strips in place", "strips of bands", "strips of two lanes",
    "strips of classes", "blocks"])
def test_no_byte_outside_is_touched(name, tmp_path):
    op, shapes, which = CASES[name]
    made = Compiled(op, shapes, which)
    tensors = [*made.item.program.inputs, *map(made.item.program.tensor,
                                               made.item.program.outputs)]
    text = program([[line for tensor in tensors for line in array(
        tensor.name, "float", math.prod(stored_shape(tensor, {})))] + called(
            f"k_{which}", [f"a_{tensor.name}" for tensor in tensors])])
    done = finished(compiler_with_sanitizers(tmp_path), {**made.sources, "main.c": text}, tmp_path,
                    ("-march=native",))
    assert done.returncode == 0, done.stderr[:3000]

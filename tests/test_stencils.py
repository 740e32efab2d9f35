"""Windows computed row by row are what the interpreter computes: values, ties, NaN, infinities,
the zero's sign, the same bits for any split of the tasks, and no byte outside of the arrays."""

from __future__ import annotations

import ctypes
import itertools
from functools import cache

import numpy as np
import pytest
from sanitizing import expect_no_byte_outside
from test_schedules import Compiled, expect_no_warning, integers

import symconv as sc
from symconv import stencil_bands, stencilling
from symconv.cli import run
from symconv.emission import emit
from symconv.evaluate import evaluate
from symconv.loops import Stenciled
from symconv.lower import lower
from symconv.passes import Pass, emitted_passes
from symconv.shapes import bind, specialise, stored_shape

pytestmark = pytest.mark.usefixtures("separate_cache")


def depthwise(x, kernel, **options):
    channels = x[1]
    build = {3: sc.ops.conv1d, 4: sc.ops.conv2d, 5: sc.ops.conv3d}[len(x)]
    return (build(groups=channels, **options),
            {"x": x, "w": (channels, 1, *kernel), "b": (channels,)})


def pool(kind, x, **options):
    build = getattr(sc.ops, f"{kind}_pool{len(x) - 2}d")
    return build(**options), {"x": x}


# Ragged on purpose: widths around 8 and 16, rows that no block divides, odd strided targets.
CASES = {
    "depthwise": depthwise((2, 3, 9, 21), (3, 3), padding=1),
    "wide kernel": depthwise((1, 2, 13, 17), (5, 7), padding=(2, 3)),
    "strided": depthwise((1, 3, 11, 19), (3, 3), stride=2, padding=1),
    "strides": depthwise((1, 2, 12, 23), (4, 5), stride=(2, 3), padding=(1, 2)),
    "dilated": depthwise((1, 2, 14, 18), (3, 3), dilation=(2, 3), padding=2),
    "stride and dilation": depthwise((1, 2, 13, 16), (3, 2), stride=(3, 2), dilation=2, padding=3),
    "cropped": depthwise((1, 2, 9, 20), (3, 3), padding=((-1, 1), (-2, 0))),
    "without padding": depthwise((1, 3, 10, 18), (3, 3)),
    "tiny": depthwise((1, 1, 8, 8), (3, 3)),
    "maps abreast": depthwise((2, 32, 7, 7), (3, 3), padding=1),
    "some maps over": depthwise((1, 19, 9, 6), (3, 3), padding=(1, 0), dilation=2),
    "halved maps": depthwise((1, 18, 12, 10), (5, 5), stride=2, padding=2),
    "short signals": depthwise((2, 21, 24), (4,), stride=2, padding=1),
    "small volumes": depthwise((1, 16, 4, 5, 6), (1, 3, 3), padding=(0, 1, 1)),
    "signal": depthwise((2, 3, 41), (5,), padding=2),
    "volume": depthwise((1, 2, 5, 6, 9), (3, 3, 3), padding=1),
    "max": pool("max", (2, 2, 13, 21), kernel_size=3, stride=2, padding=1, return_indices=True),
    "max last": pool("max", (1, 2, 9, 11), kernel_size=3, stride=1, padding=1, ties="last",
                     return_indices=True),
    "min": pool("min", (1, 2, 10, 17), kernel_size=(2, 3), stride=(1, 2), padding=(1, 1),
                return_indices=True),
    "max in place": pool("max", (3, 2, 12, 28), kernel_size=2, return_indices=True),
    "max of three": pool("max", (1, 2, 9, 27), kernel_size=3, dilation=(1, 2)),
    "max with ceiling": pool("max", (1, 2, 8, 13), kernel_size=3, stride=2, ceil_mode=True,
                             padding=1),
    "max of a signal": pool("max", (2, 3, 37), kernel_size=4, stride=3, padding=2,
                            return_indices=True),
    "max of small maps": pool("max", (2, 18, 9, 9), kernel_size=3, stride=1, padding=1),
    "max of halves": pool("max", (1, 35, 12, 10), kernel_size=(3, 2), stride=2, padding=1,
                          ties="last"),
    "min of small maps": pool("min", (3, 16, 8, 8), kernel_size=2),
    "max of a volume": pool("max", (1, 2, 6, 5, 9), kernel_size=3, stride=2, padding=1),
    "max in bands": pool("max", (1, 1, 23, 290), kernel_size=3, stride=2, padding=1),
    "last max in bands": pool("max", (1, 2, 19, 310), kernel_size=(5, 3), stride=1, padding=(2, 1),
                              ties="last"),
    "min in bands": pool("min", (2, 1, 21, 300), kernel_size=(4, 2), stride=(1, 2),
                         padding=(1, 0)),
    "far windows": depthwise((1, 3, 14, 37), (3, 3), padding=1),
    "far strides": depthwise((1, 2, 21, 34), (3, 5), stride=2, padding=(1, 2)),
    "far max": pool("max", (2, 1, 17, 45), kernel_size=3, stride=2, padding=1,
                    return_indices=True),
    "far max in bands": pool("max", (1, 2, 13, 33), kernel_size=3, stride=1, padding=1),
    "even": pool("max", (1, 2, 8, 12), kernel_size=2, ties="even"),
    "mean": pool("avg", (2, 3, 12, 20), kernel_size=2),
    "mean with padding": pool("avg", (1, 2, 11, 19), kernel_size=3, stride=2, padding=1),
    "mean without padding": pool("avg", (1, 2, 11, 18), kernel_size=4, stride=2, padding=1,
                                 count_include_pad=False),
    "gaps": pool("avg", (1, 2, 9, 12), kernel_size=2, stride=3),
}
USERS = {
    "smoothing": ("y[i,j] = sum[a,e](x[i+a-1, j+e-1] * k[a,e]); i < 9; j < 21; x: [9, 21]; "
                  "k: [3, 3]", {"x": (9, 21), "k": (3, 3)}),
    "second difference": ("y[c,i] = x[c,i] - 2*x[c,i+1] + x[c,i+2]; i < 28; x: [5, 30]",
                          {"x": (5, 30)}),
    "erosion": ("y[c,i,j] = min[a,e](x[c, i+a-2, j+e-2]); i < 11; j < 18; a < 5; e < 5; "
                "x: [3, 11, 18]", {"x": (3, 11, 18)}),
    "weighted": ("y[c,i] = b[c] + sum[a](x[c, 2*i+a-1] * z[c, 2*i+a-1] * w[a]); i < 17; "
                 "x: [2, 33]; z: [2, 33]; w: [3]; b: [2]",
                 {"x": (2, 33), "z": (2, 33), "w": (3,), "b": (2,)}),
    "crossed": ("y[c,i] = sum[a](x[c, i+a-1] * z[c,i] * w[a]); i < 20; x: [2, 20]; z: [2, 20]; "
                "w: [3]", {"x": (2, 20), "z": (2, 20), "w": (3,)}),
    "largest": ("y = max[a](x[a])", {"x": (3,)}),
    "spread": ("i < 20; y[i] = max[a](x[a])", {"x": (4,)}),
}
ROUNDED = {"even", "mean with padding", "mean without padding"}     # quotients by 3, 6 and 9
PLAIN = {"second difference",       # one point: its loops are good as they are
         "largest", "spread"}       # no read moves along the lanes


class Windows(Compiled):
    """Compiled passes, some of whose outputs are places."""

    def run(self, item, inputs, cuts=()):
        tasks, room = (getattr(self.library, f"k_{item.name}_{what}")
                       for what in ("tasks", "workspace"))
        tasks.restype, room.restype = ctypes.c_ssize_t, ctypes.c_size_t
        tensors = [item.program.tensor(name) for name in item.program.outputs]
        outputs = [np.full(stored_shape(tensor, {}), 77, np.int64 if tensor.kind == "integer"
                           else self.dtype) for tensor in tensors]
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
def compiled(name, schedule="auto"):
    """The passes of a case; arrays of the "far" ones are taken for larger than the caches."""
    with pytest.MonkeyPatch.context() as patch:
        if name.startswith("far"):
            patch.setattr(stencil_bands, "_NEAR", 0)
        return built(name, schedule)


def built(name, schedule):
    op, shapes = CASES[name] if name in CASES else (sc.parse(USERS[name][0]), USERS[name][1])
    number = (*CASES, *USERS).index(name)
    return Windows(op, shapes, "float64" if number % 4 == 1 else "float32", schedule)


def stencils(item):
    return [node for node in lower(item).body if isinstance(node, Stenciled)]


def agree(found, wanted, message, rounded=False):
    for left, right in zip(found, wanted, strict=True):
        np.testing.assert_allclose(left, right, 1e-6 if rounded else 0, 1e-6 if rounded else 0,
                                   err_msg=message)


def interpreted(item, inputs):
    named = {tensor.name: array if array.dtype.kind == "i" else array.astype(float)
             for tensor, array in zip(item.program.inputs, inputs, strict=True)}
    wanted = evaluate(item.program, named, {})
    return [np.asarray(wanted[output]).astype(float) for output in item.program.outputs]


def points(program):
    return sum(np.prod([float(index.extent.constant) for index in (*definition.free, *term.bound)])
               for definition in program.definitions for term in definition.terms)


@pytest.mark.parametrize("name", [*CASES, *USERS])
def test_windows_agree_with_the_interpreter(name):
    made = compiled(name)
    assert bool(stencils(made.passes[0])) == (name not in PLAIN)
    for item in made.passes:
        inputs = integers(item, made.dtype)
        if points(item.program) < 2e5:
            agree(made.run(item, inputs), interpreted(item, inputs), item.name, name in ROUNDED)
        plain = compiled(name, "reference")
        agree(made.run(item, inputs), plain.run(item, inputs), item.name, name in ROUNDED)


@pytest.mark.parametrize("name", [*CASES, *USERS])
def test_special_values_are_those_of_the_definition(name):
    made, plain = compiled(name), compiled(name, "reference")
    rng = np.random.default_rng(7)
    for item, value in itertools.product(made.passes, (np.nan, np.inf, -np.inf, -0.0)):
        if item.name.startswith("double"):
            continue
        inputs = integers(item, made.dtype)
        for array in inputs:
            if array.dtype.kind == "f":
                array[rng.random(array.shape) < 0.2] = value
        with np.errstate(all="ignore"):
            agree(made.run(item, inputs), plain.run(item, inputs), f"{item.name} {value}",
                  name in ROUNDED)


@pytest.mark.parametrize("name", ["max", "max last", "min", "max in place", "max of a signal"])
@pytest.mark.parametrize("value", [-np.inf, np.inf, 0.0])
def test_padding_never_wins(name, value):
    """An operand that is constant, and as bad as what stands around it."""
    made = compiled(name)
    item = made.passes[0]
    x = np.full(stored_shape(item.program.inputs[0], {}), value, made.dtype)
    y, indices = made.run(item, [x])
    wanted = evaluate(item.program, {"x": np.zeros(x.shape)}, {})       # ties are ties
    assert (y == value).all()
    np.testing.assert_array_equal(indices, wanted["indices"])


def test_the_zero_that_wins_is_the_first_or_last_one():
    for name, keep in (("max in place", 0), ("max last", -1)):
        made = compiled(name)
        item = made.passes[0]
        x = np.zeros(stored_shape(item.program.inputs[0], {}), made.dtype)
        x[..., ::2] = -0.0
        y, indices = made.run(item, [x])
        flat = x.reshape(*x.shape[:2], -1)
        taken = np.take_along_axis(flat, indices.reshape(*flat.shape[:2], -1), 2)
        np.testing.assert_array_equal(np.signbit(y).ravel(), np.signbit(taken).ravel(), str(keep))


@pytest.mark.parametrize("name", ["depthwise", "strided", "max", "mean", "volume", "smoothing",
                                  "maps abreast", "some maps over", "max of halves"])
def test_tasks_give_the_same_bits_however_they_are_split(name):
    made = compiled(name)
    rng = np.random.default_rng(5)
    for item in made.passes:
        inputs = [rng.standard_normal(stored_shape(tensor, {})).astype(made.dtype)
                  for tensor in item.program.inputs]
        whole = made.run(item, inputs)
        for cuts in ((0.5,), tuple(np.arange(0, 1, 0.07))):
            for left, right in zip(whole, made.run(item, inputs, cuts), strict=True):
                assert left.tobytes() == right.tobytes(), item.name


def random_case(rng):
    """A depthwise convolution or a pool with parameters that fit each other."""
    while True:
        kernel, stride, dilation = (tuple(int(n) for n in rng.integers(1, most, 2))
                                    for most in (5, 4, 3))
        low, high = rng.integers(-1, 3, 2), rng.integers(-1, 3, 2)
        padding = tuple((int(a), int(b)) for a, b in zip(low, high, strict=True))
        x = (int(rng.integers(1, 3)), int(rng.integers(1, 4)), *map(int, rng.integers(3, 26, 2)))
        options = {"stride": stride, "dilation": dilation, "padding": padding}
        kind = ("depthwise", "max", "min", "avg")[rng.integers(4)]
        try:
            if kind == "depthwise":
                op, shapes = depthwise(x, kernel, **options)
            else:
                if kind == "avg":
                    options["count_include_pad"] = bool(rng.integers(2))
                else:
                    options["ties"] = ("first", "last", "even")[rng.integers(3)]
                op, shapes = pool(kind, x, kernel_size=kernel, **options)
            op.output_shape(**shapes)
        except sc.SymconvError:
            continue
        return op, shapes


@pytest.mark.parametrize("seed", range(10))
def test_any_parameters_agree_with_the_interpreter(seed):
    rng = np.random.default_rng(seed)
    op, shapes = random_case(rng)
    made = Windows(op, shapes, ("float32", "float64")[seed % 2], "auto")
    for item in made.passes:
        if item.name.startswith("double"):
            continue
        inputs = integers(item, made.dtype, seed)
        found, wanted = made.run(item, inputs), interpreted(item, inputs)
        agree(found, wanted, f"{item.name} of {op} for {shapes}", rounded=True)


@pytest.mark.parametrize("name", ["depthwise", "strides", "without padding", "signal"])
def test_gradients_of_a_window_are_windows(name):
    windows = {item.name: bool(stencils(item)) for item in compiled(name).passes}
    assert all(windows[name] for name in ("forward", "vjp_x", "vjp_w"))


@pytest.mark.parametrize("name", ["max in bands", "last max in bands", "min in bands"])
def test_places_are_kept_for_the_bands_that_read_them(name):
    for item in compiled(name).passes:
        if item.name in ("vjp_x", "jvp"):
            (node,) = stencils(item)
            (first,) = node.before
            assert node.plan.band < node.plan.rows / 2
            assert first.places in {sheet.tensor for sheet in node.plan.sheets}


def test_lines_behind_a_row_are_fetched_where_arrays_come_from_far():
    for name, wanted in (("far windows", True), ("far max", True), ("depthwise", False)):
        assert any("_ahead(" in text for text in compiled(name).sources.values()) == wanted


def test_small_maps_stand_abreast():
    """All three passes of a depthwise layer, where rows are short and maps are many."""
    for name, wanted in (("maps abreast", True), ("halved maps", True), ("depthwise", False)):
        plans = {item.name: stencils(item)[0].plan for item in compiled(name).passes
                 if item.name in ("forward", "vjp_x", "vjp_w")}
        assert len(plans) == 3
        assert all(bool(plan.abreast) == wanted for plan in plans.values()), name


def test_the_loops_of_constant_extents_are_proved(tmp_path, capsys):
    """A definition without sizes has a fast schedule too; what is proved are its loops."""
    pytest.importorskip("z3")
    pytest.importorskip("islpy")
    file = tmp_path / "smoothing.sym"
    file.write_text(USERS["smoothing"][0].replace("; ", "\n"))
    assert run(["prove", str(file)]) == 0
    assert "NOT PROVED" not in capsys.readouterr().out


def test_rows_that_a_test_has_filled_are_not_lost():
    """GCC 12 vectorises the loop around rows of three elements, and loses them without a fence."""
    op = sc.ops.conv3d(stride=(3, 3, 1), padding=(3, 1, 1), padding_mode="circular", bias=False)
    rng = np.random.default_rng(0)
    x = rng.integers(-5, 6, (2, 2, 5, 3, 3)).astype(float)
    w = rng.integers(-5, 6, (1, 2, 1, 1, 1)).astype(float)
    kernel = sc.build(op, dtype="float64", shapes={"x": x.shape, "w": w.shape})
    wrapped = np.pad(x, ((0, 0), (0, 0), (3, 3), (1, 1), (1, 1)), mode="wrap")[:, :, ::3, ::3]
    np.testing.assert_array_equal(kernel.forward(x=x, w=w),
                                  np.einsum("ncdhw,ocabe->nodhw", wrapped, w))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_of_sixteen_that_a_test_has_filled_are_not_lost(dtype):
    """GCC 12 unrolls the loop along such a row, vectorises the one around it, and loses rows."""
    op = sc.ops.max_pool2d(kernel_size=(3, 1), stride=1, padding=(1, 0))
    x = np.random.default_rng(0).integers(1, 9, (1, 2, 6, 16)).astype(dtype)
    rows = np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0)))
    wanted = np.maximum(np.maximum(rows[:, :, :-2], x), rows[:, :, 2:])
    kernel = sc.build(op, dtype=dtype, shapes={"x": x.shape})
    np.testing.assert_array_equal(kernel.forward(x=x), wanted)


def test_a_convolution_of_many_channels_is_left_to_tiles():
    op = sc.ops.conv2d(padding=1)
    shapes = {"x": (1, 4, 9, 17), "w": (5, 4, 3, 3), "b": (5,)}
    made = emit(op, targets=("c",), name="k", shapes=shapes)["k.c"]
    assert "k_step" in made


def test_factors_that_do_not_exist_everywhere_are_not_read_everywhere(monkeypatch):
    """dy has fewer rows than the gradient: where a row lacks, so do all taps with it."""
    op = sc.parse("x: [A, B]; w: [C, D]; j < 5; y[i,j,k] = sum[a](x[i+j, a]**2 * w[k, i])")
    op = op.for_shapes({"x": (7, 2), "w": (1, 1)})
    (item,) = (item for item in emitted_passes(op.definition) if item.name == "double_vjp_x")
    item = Pass(item.name, specialise(item.program, bind(op.definition, {"x": (7, 2),
                                                                         "w": (1, 1)})))

    def scalars():
        return [scalar for node in lower(item).body if isinstance(node, Stenciled)
                for scalar in node.plan.scalars if scalar.tensor == "dy"]

    assert not scalars()
    monkeypatch.setattr(stencilling, "_is_inside", lambda *arguments: True)
    assert scalars()


@pytest.mark.parametrize("name", ["strided", "max", "max last", "mean without padding",
                                  "some maps over", "max of halves", "max in bands",
                                  "far strides", "far max"])
def test_windows_compile_without_a_warning(tmp_path, name):
    expect_no_warning(compiled(name).sources, tmp_path)


@pytest.mark.parametrize("name", ["strides", "cropped", "without padding", "signal", "volume",
                                  "max", "max in place", "mean", "gaps", "max with ceiling",
                                  "some maps over", "halved maps", "short signals", "max of halves",
                                  "min of small maps", "max in bands", "min in bands",
                                  "far windows", "far max"])
def test_windows_stay_inside_their_arrays(tmp_path, name):
    expect_no_byte_outside(compiled(name), tmp_path, "-O0")

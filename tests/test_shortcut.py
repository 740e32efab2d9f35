"""The short way of a repeated call: the checks and the results of the first call, to the bit."""


import numpy as np
import pytest
from together import together

import symconv as sc
from symconv.c_backend import _CEntry
from symconv.errors import DTypeError, ParameterError, ShapeError
from symconv.jobs import Jobs

SHAPES = {"x": (2, 3, 9, 8), "w": (4, 3, 3, 3), "b": (4,)}
OUTPUT = (2, 4, 4, 3)


class Subclass(np.ndarray):
    """An array that is no plain one."""


def random(shape, seed):
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def operands(seed=0):
    return {name: random(shape, seed + place) for place, (name, shape) in enumerate(SHAPES.items())}


@pytest.fixture
def kernel():
    """A kernel whose calls are short from now on: without `wrt`, and for x."""
    found = sc.build(sc.ops.conv2d(stride=2), shapes=SHAPES)
    found.forward(**operands())
    for wrt in (None, "x", ("x",), ("w", "x")):
        found.vjp(random(OUTPUT, 9), wrt, **operands())
    return found


def noted(name, way, calls):
    def call(self, *given):
        calls.append(name)
        return way(self, *given)
    return call


@pytest.fixture
def general(monkeypatch):
    """The calls that take the general way."""
    calls = []
    for name in ("forward", "vjp"):
        monkeypatch.setattr(Jobs, name, noted(name, getattr(Jobs, name), calls))
    return calls


@pytest.fixture
def runs(monkeypatch):
    """The passes that compiled code has run, for kernels whose calls are not short yet."""
    found, at = [], _CEntry.at

    def run(self, places):
        found.append(self.name)
        at(self, places)

    monkeypatch.setattr(_CEntry, "at", run)
    return found


def layouts(array):
    """The same values in other memory; the first two have a short way."""
    read_only = array.copy()
    read_only.setflags(write=False)
    strided = np.repeat(array, 2, axis=-1)[..., ::2]
    raw = np.empty(array.nbytes + 1, np.uint8)
    misaligned = raw[1:].view(array.dtype).reshape(array.shape)
    misaligned[...] = array
    return {"plain": array, "read-only": read_only, "strided": strided, "misaligned": misaligned,
            "swapped": array.astype(array.dtype.newbyteorder()),
            "fortran": np.asfortranarray(array), "subclass": array.view(Subclass)}


def same(found, wanted):
    assert list(found) == list(wanted)
    for key, array in wanted.items():
        assert type(found[key]) is np.ndarray
        assert found[key].tobytes() == array.tobytes()
        assert (found[key].shape, found[key].dtype) == (array.shape, array.dtype)


def test_repeated_calls_are_short_and_their_results_new(kernel, general):
    arrays, dy = operands(5), random(OUTPUT, 7)
    fresh = sc.build(sc.ops.conv2d(stride=2), shapes=SHAPES)
    wanted = fresh.forward(**arrays)
    first, second = kernel.forward(**arrays), kernel.forward(**arrays)
    assert first.tobytes() == second.tobytes() == wanted.tobytes()
    assert not np.may_share_memory(first, second)
    assert first.flags.owndata
    assert general.count("forward") == 1
    general.clear()
    found = {wrt: kernel.vjp(dy, wrt, **arrays) for wrt in (None, "x", ("x",), ("w", "x"))}
    found["list"] = kernel.vjp(dy, ["w", "x"], **arrays)
    assert not general
    for wrt, gradients in found.items():
        same(gradients, fresh.vjp(dy, ("w", "x") if wrt == "list" else wrt, **arrays))
    assert general


@pytest.mark.parametrize("layout", ["plain", "read-only", "strided", "misaligned", "swapped",
                                    "fortran", "subclass"])
@pytest.mark.parametrize("which", ["x", "w", "b", "dy"])
def test_other_layouts_are_taken(kernel, general, which, layout):
    arrays, dy = operands(5), random(OUTPUT, 7)
    forward, backward = kernel.forward(**arrays), kernel.vjp(dy, **arrays)
    assert not general
    given = {**arrays, "dy": dy}
    given[which] = layouts(given[which])[layout]
    dy = given.pop("dy")
    same(kernel.vjp(dy, **given), backward)
    assert kernel.forward(**given).tobytes() == forward.tobytes()
    plain = layout in ("plain", "read-only") or (which == "b" and layout == "fortran")
    assert ("vjp" in general) != plain


@pytest.mark.parametrize(("which", "wrong", "error"), [
    ("x", np.zeros(SHAPES["x"]), DTypeError), ("x", np.zeros(SHAPES["x"], np.int32), DTypeError),
    ("x", np.zeros((2, 3, 9, 9), np.float32), ShapeError),
    ("x", np.zeros((3, 3, 9, 8), np.float32), ShapeError),
    ("w", np.zeros((4, 3, 9), np.float32), ShapeError), ("b", np.float32(1), ShapeError),
    ("b", np.zeros(5, np.float32), ShapeError), ("b", None, DTypeError),
    ("b", np.ma.masked_array(np.zeros(4, np.float32)), DTypeError),
    ("dy", np.zeros(OUTPUT), DTypeError), ("dy", np.zeros((2, 4, 4, 4), np.float32), ShapeError),
    ("dy", np.zeros(96, np.float32), ShapeError), ("c", np.zeros(4, np.float32), ParameterError)])
def test_what_is_wrong_raises_before_compiled_code_runs(runs, kernel, which, wrong, error):
    runs.clear()
    given = {**operands(), "dy": random(OUTPUT, 9), which: wrong}
    dy = given.pop("dy")
    for wrt in (None, "x", ("x",)):
        with pytest.raises(error):
            kernel.vjp(dy, wrt, **given)
    if which != "dy":
        with pytest.raises(error):
            kernel.forward(**given)
    assert not runs
    kernel.forward(**operands())
    assert runs == ["forward"]


@pytest.mark.parametrize("given", [{}, {"x": 0}, {"x": 0, "w": 1, "c": 2}])
def test_wrong_names_raise(runs, kernel, given):
    runs.clear()
    arrays = [*operands().values()]
    with pytest.raises(ParameterError):
        kernel.forward(**{name: arrays[place] for name, place in given.items()})
    assert not runs


@pytest.mark.parametrize("wrt", [3, ("x", "y"), [["x"]], {"z"}, object(), ("x", 3), "", b"x",
                                 memoryview(np.zeros(1))])
def test_wrong_names_of_gradients_raise(runs, kernel, wrt):
    runs.clear()
    with pytest.raises(ParameterError):
        kernel.vjp(random(OUTPUT, 9), wrt, **operands())
    assert not runs


def test_any_iterable_of_names_is_taken_and_few_are_kept(kernel):
    dy, arrays = random(OUTPUT, 9), operands()
    kept = len(kernel._operands.last.shortcuts)
    wanted = kernel.vjp(dy, ("x",), **arrays)
    for wrt in ({"x"}, frozenset("x"), {"x": 1}, *(("x",) * count for count in range(2, 9))):
        same(kernel.vjp(dy, wrt, **arrays), wanted)
    assert len(kernel._operands.last.shortcuts) == kept
    assert kernel.vjp(dy, (), **arrays) == kernel.vjp(dy, (), **arrays) == {}


def test_cotangents_by_name_are_taken(kernel):
    dy, arrays = random(OUTPUT, 9), operands()
    same(kernel.vjp({"y": dy}, **arrays), kernel.vjp(dy, **arrays))
    assert not any(gradient.any() for gradient in kernel.vjp({}, **arrays).values())


def test_packed_operands_are_taken_beside_arrays():
    kernel = sc.build(sc.ops.conv2d(stride=2), shapes=SHAPES, pack="w")
    arrays, dy = operands(), random(OUTPUT, 9)
    packed = {**arrays, "w": kernel.pack(w=arrays["w"])}
    for given in (packed, arrays, arrays, packed, arrays):
        same({"y": kernel.forward(**given)}, {"y": kernel.forward(**packed)})
        same(kernel.vjp(dy, **given), kernel.vjp(dy, **packed))
    other = {**arrays, "w": arrays["w"] + 1}
    assert kernel.forward(**other).tobytes() != kernel.forward(**packed).tobytes()


def test_sizes_read_from_the_arrays_of_each_call_may_change():
    kernel = sc.build(sc.ops.conv2d(bias=False))
    for batch in (1, 1, 2, 0, 0, 2, 1):
        x, w = random((batch, 1, 8, 8), batch), random((1, 1, 3, 3), 9)
        found = kernel.forward(x=x, w=w)
        assert found.shape == (batch, 1, 6, 6)
        windows = np.lib.stride_tricks.sliding_window_view(x[:, 0], (3, 3), (1, 2))
        np.testing.assert_allclose(found[:, 0], (windows * w[0, 0]).sum((-2, -1)), atol=1e-5)
        gradient = kernel.vjp(np.ones_like(found), "w", x=x, w=w)["w"]
        np.testing.assert_allclose(gradient[0, 0], windows.sum((0, 1, 2)), atol=1e-4)


def test_unbatched_inputs_stay_unbatched():
    kernel = sc.build(sc.ops.conv2d(bias=False))
    x, w = random((1, 8, 8), 0), random((1, 1, 3, 3), 9)
    for _ in range(3):
        alone, batch = kernel.forward(x=x, w=w), kernel.forward(x=x[np.newaxis], w=w)
        assert alone.shape == (1, 6, 6)
        assert batch.shape == (1, 1, 6, 6)
        assert alone.tobytes() == batch.tobytes()
        assert kernel.vjp(alone, x=x, w=w)["x"].shape == (1, 8, 8)
        assert kernel.vjp(batch, x=x[np.newaxis], w=w)["x"].shape == (1, 1, 8, 8)
        with pytest.raises(ShapeError):
            kernel.vjp(alone, x=x[np.newaxis], w=w)


def test_threads_share_a_short_way(kernel, general):
    given = [(operands(10 * seed), random(OUTPUT, seed)) for seed in range(4)]
    wanted = [(kernel.forward(**arrays), kernel.vjp(dy, **arrays)) for arrays, dy in given]
    wrong = []

    def work(seed):
        (arrays, dy), (forward, backward) = given[seed], wanted[seed]
        for _ in range(200):
            if kernel.forward(**arrays).tobytes() != forward.tobytes() or any(
                    array.tobytes() != backward[name].tobytes()
                    for name, array in kernel.vjp(dy, **arrays).items()):
                wrong.append(seed)

    together(work)
    assert not wrong
    assert not general


def test_without_memory_the_general_way_says_so(kernel, monkeypatch):
    def none(*given):
        raise MemoryError

    arrays = operands()
    monkeypatch.setattr("symconv.shortcut.empty", none)
    monkeypatch.setattr(np, "empty", none)
    with pytest.raises(ShapeError, match="no memory"):
        kernel.forward(**arrays)


def test_what_a_numpy_module_makes_is_returned_as_it_is():
    kernel = sc.build(sc.ops.conv2d(stride=2), "numpy", shapes=SHAPES)
    arrays = operands()
    first = kernel.forward(**arrays)
    module = next(iter(kernel._operands.last.shortcuts.values())).passes[0].__self__
    made = []
    object.__setattr__(module, "function", lambda *given, run=module.function: (
        made.append(run(*given)), made[-1])[1])
    second = kernel.forward(**arrays)
    assert second is made[-1]
    assert np.array_equal(first, second)
    turned = {name: np.asfortranarray(array) for name, array in arrays.items()}
    assert np.array_equal(kernel.forward(**turned), first)
    assert kernel.forward(**turned) is not made[-1]


def test_results_of_a_numpy_module_share_no_memory():
    shape = (3, 5)
    a, b, dy = (np.random.default_rng(k).standard_normal(shape) for k in range(3))
    kernel = sc.build(sc.ops.add(), "numpy", "float64", shapes={"a": shape, "b": shape})
    for _ in range(2):
        found = kernel.vjp(dy, a=a, b=b)
        assert np.array_equal(found["a"], dy)
        assert np.array_equal(found["b"], dy)
        assert not any(np.may_share_memory(one, two) for one, two in (
            (found["a"], dy), (found["b"], dy), (found["a"], found["b"])))
    assert kernel._operands.last.shortcuts[None] is not None
    flat = sc.build(sc.ops.flatten(), "numpy", "float64", shapes={"x": shape})
    for _ in range(2):
        found = flat.forward(x=a)
        found[...] = 0
    assert np.any(a)

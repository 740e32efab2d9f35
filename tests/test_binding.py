"""`Kernel.bind`: the same bits as the method, from what the arrays hold at every call."""

import gc

import numpy as np
import pytest
from together import together

import symconv as sc
from symconv.errors import DTypeError, ParameterError, ShapeError

pytestmark = pytest.mark.parametrize("target", ["c", "numpy"])

SHAPES = {"x": (2, 3, 9, 8), "w": (4, 3, 3, 3), "b": (4,)}
OUTPUT = (2, 4, 4, 3)


def convolution(target, shapes=SHAPES):
    return sc.build(sc.ops.conv2d(stride=2), target, shapes=shapes)


def random(shape, seed):
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def operands(seed=0):
    return {name: random(shape, seed + place) for place, (name, shape) in enumerate(SHAPES.items())}


def directions(seed):
    return {name: random(shape, seed + place) for place, (name, shape) in enumerate(SHAPES.items())}


def arguments(method):
    """What stands before the operands."""
    dy = random(OUTPUT, 9)
    return {"forward": (), "vjp": (dy,), "jvp": (directions(20),),
            "double_vjp": (directions(30), dy)}[method]


def listed(result):
    return list(result.values()) if isinstance(result, dict) else [result]


@pytest.mark.parametrize("shapes", [SHAPES, None], ids=["fixed", "free"])
@pytest.mark.parametrize("method", ["forward", "vjp", "jvp", "double_vjp"])
def test_a_bound_call_gives_the_bits_of_the_method_for_what_the_arrays_hold(target, method, shapes):
    kernel, arrays, given = convolution(target, shapes), operands(), arguments(method)
    call = kernel.bind(method, *given, **arrays)
    for seed in (0, 50):
        for name, array in operands(seed).items():
            arrays[name][...] = array
        found, wanted = listed(call()), listed(getattr(kernel, method)(*given, **arrays))
        assert len(found) == len(wanted)
        for left, right in zip(found, wanted, strict=True):
            assert left.tobytes() == right.tobytes()
    assert call() is call.result


def test_gradients_of_some_operands_and_out_are_bound(target):
    kernel, arrays, dy = convolution(target), operands(), random(OUTPUT, 9)
    call = kernel.bind("vjp", dy, wrt=("w",), **arrays)
    assert call().keys() == {"w"}
    assert np.array_equal(call.result["w"], kernel.vjp(dy, **arrays)["w"])
    positional = kernel.bind("vjp", dy, "w", **arrays)
    assert np.array_equal(positional()["w"], call.result["w"])
    wide = np.zeros((*OUTPUT[:3], 6), np.float32)
    out = wide[..., ::2]                        # cannot be written directly
    assert kernel.bind("forward", out=out, **arrays)() is out
    assert np.array_equal(out, kernel.forward(**arrays))
    assert not wide[..., 1::2].any()


def test_the_arrays_live_as_long_as_the_binding(target):
    kernel, wanted = convolution(target), convolution(target).forward(**operands())
    call = kernel.bind("forward", **operands())
    gc.collect()
    rubbish = [random(SHAPES["x"], seed) for seed in range(20)]     # takes memory that is free
    assert np.array_equal(call(), wanted)
    assert len(rubbish) == 20


def test_unbatched_and_read_only_operands_are_bound(target):
    kernel, arrays = convolution(target, None), operands()
    arrays["x"] = arrays["x"][0]
    arrays["w"].flags.writeable = False
    call = kernel.bind("forward", **arrays)
    arrays["x"] *= 2
    assert np.array_equal(call(), kernel.forward(**arrays))
    assert call.result.shape == OUTPUT[1:]


@pytest.mark.parametrize(("change", "error", "message"), [
    ({"x": random((2, 3, 9, 16), 0)[..., ::2]}, ParameterError, "bind: x is no array"),
    ({"x": [[1.0]]}, ParameterError, "bind: x is no array"),
    ({"b": 1.0}, ParameterError, "bind: b is no array"),
    ({"w": np.zeros(SHAPES["w"], ">f4")}, ParameterError, "bind: w is no array"),
    ({"x": np.zeros(SHAPES["x"])}, DTypeError, "x: element type float64"),
    ({"x": np.zeros((2, 3, 9, 9), np.float32)}, ShapeError, "x: shape"),
    ({"z": np.zeros(3, np.float32)}, ParameterError, "z: no operand"),
])
def test_arrays_that_do_not_fit_are_refused(target, change, error, message):
    with pytest.raises(error, match=message):
        convolution(target).bind("forward", **{**operands(), **change})


def test_directions_that_do_not_fit_are_refused(target):
    kernel, arrays, dy = convolution(target), operands(), random((*OUTPUT[:3], 6), 9)[..., ::2]
    for method, given in (("vjp", (dy,)), ("jvp", ({"b": [0.0] * 4},)), ("double_vjp", ({}, dy))):
        with pytest.raises(ParameterError, match="is no array that is contiguous"):
            kernel.bind(method, *given, **arrays)
    with pytest.raises(ParameterError, match="a method is needed: forward, vjp"):
        kernel.bind("backward", **arrays)


def test_places_in_memory_are_checked_at_every_call(target):
    kernel = sc.build(sc.ops.max_unpool1d(kernel_size=2), target, shapes={
        "x": (1, 1, 3), "indices": (1, 1, 3)})
    x, indices = random((1, 1, 3), 0), np.array([[[0, 2, 5]]])
    call = kernel.bind("forward", x=x, indices=indices)
    assert np.array_equal(call()[0, 0, [0, 2, 5]], x[0, 0])
    indices[...] = 1 << 40
    with pytest.raises(ParameterError, match="indices: element"):
        call()


def test_an_operator_of_open_rank_is_bound(target):
    kernel = sc.build(sc.ops.relu(), target)
    x = random((4, 5), 0)
    call = kernel.bind("forward", x=x)
    x -= 1
    assert np.array_equal(call(), np.maximum(x, 0))
    assert np.array_equal(kernel.bind("vjp", x, x=x)()["x"], np.where(x > 0, x, 0))


def test_threads_may_share_a_binding_and_the_kernel(target):
    shapes = {"x": (1, 8, 24, 24), "w": (8, 8, 3, 3)}
    kernel = sc.build(sc.ops.conv2d(padding=1, bias=False), target, shapes=shapes)
    arrays = {name: random(shape, 3) for name, shape in shapes.items()}
    wanted, call = kernel.forward(**arrays), kernel.bind("forward", **arrays)
    wrong = []

    def work(seed):
        own = arrays | {"x": random(shapes["x"], seed)}
        first = kernel.forward(**own)
        for _ in range(20):
            call()
            if not np.array_equal(kernel.forward(**own), first):
                wrong.append(seed)

    together(work)
    assert not wrong
    assert np.array_equal(call.result, wanted)

"""Whatever NumPy calls an array is computed with as it stands, or refused; on both targets."""

import numpy as np
import pytest

import symconv as sc

SHAPES = {"x": (2, 3, 6, 5), "w": (4, 3, 3, 2), "b": (4,)}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(params=["c", "numpy"])
def target(request):
    return request.param


@pytest.fixture
def conv(target):
    return sc.build(sc.ops.conv2d(padding=1), target=target)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return {name: rng.integers(-9, 10, shape).astype(np.float32) for name, shape in SHAPES.items()}


class Labelled(np.ndarray):
    """A subclass that must not change what is computed."""

    def __mul__(self, other):
        raise AssertionError("the subclass computes")

    def __array_finalize__(self, parent):
        self.label = getattr(parent, "label", None)


def misaligned(array):
    view = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def locked(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def spread(array):
    """Every second element of every axis of a larger array."""
    large = np.full([2 * extent for extent in array.shape], np.nan, array.dtype)
    view = large[tuple(slice(1, None, 2) for _ in array.shape)]
    view[...] = array
    return view


LAYOUTS = {
    "fortran": np.asfortranarray,
    "transposed": lambda array: np.ascontiguousarray(array.T).T,
    "spread": spread,
    "negative strides": lambda array: np.flip(np.flip(array).copy()),
    "read-only": locked,
    "byte-swapped": lambda array: array.astype(array.dtype.newbyteorder()),
    "misaligned": misaligned,
    "subclass": lambda array: array.view(Labelled),
    "foreign memory": lambda array: np.frombuffer(
        array.tobytes(), array.dtype).reshape(array.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_gives_the_same_in_every_pass(conv, data, layout):
    given = {name: LAYOUTS[layout](array) for name, array in data.items()}
    y = conv.forward(**data)
    np.testing.assert_array_equal(conv.forward(**given), y)
    dy = np.arange(y.size, dtype=np.float32).reshape(y.shape) % 7 - 3
    plain, other = conv.vjp(dy, **data), conv.vjp(LAYOUTS[layout](dy), **given)
    directions = {name: array[::-1].copy() for name, array in data.items()}
    moved = {name: LAYOUTS[layout](array) for name, array in directions.items()}
    np.testing.assert_array_equal(conv.jvp(moved, **given), conv.jvp(directions, **data))
    twice, again = conv.double_vjp(directions, dy, **data), conv.double_vjp(moved, dy, **given)
    for one, two in [*((plain[name], other[name]) for name in plain),
                     *((twice[name], again[name]) for name in twice)]:
        assert type(two) is np.ndarray
        assert two.dtype == np.float32
        np.testing.assert_array_equal(one, two)
    for name, array in given.items():
        np.testing.assert_array_equal(np.asarray(array), data[name])


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name not in ("read-only",
                                                   "foreign memory")])
def test_any_layout_of_out_is_filled_and_nothing_beside_it(conv, data, layout):
    y = conv.forward(**data)
    out = LAYOUTS[layout](np.full_like(y, np.nan))
    assert conv.forward(**data, out=out) is out
    np.testing.assert_array_equal(np.asarray(out), y)
    if layout == "spread":
        assert np.isnan(out.base[0]).all()


def test_out_may_lie_over_the_operands(target):
    x = np.arange(6, dtype=np.float32)
    kernel = sc.build(sc.ops.maximum(ndim=1), target=target)
    for start in range(4):
        memory = np.zeros(9, np.float32)
        memory[:6], b = x, x[::-1].copy()
        out = memory[start:start + 6]
        kernel.forward(a=memory[:6], b=b, out=out)
        np.testing.assert_array_equal(out, np.maximum(x, b))
    backwards = x.copy()
    kernel.forward(a=backwards, b=x, out=backwards[::-1])
    np.testing.assert_array_equal(backwards[::-1], x)


@pytest.mark.parametrize("strides", [(0, 0), (0, 4), (4, 4), (8, 4), (-4, 4)])
def test_an_out_whose_elements_share_memory_is_refused(target, strides):
    memory = np.zeros(64, np.float32)
    out = np.lib.stride_tricks.as_strided(memory[20:], (3, 4), strides)
    kernel = sc.build(sc.ops.relu(ndim=2), target=target)
    with pytest.raises(sc.ParameterError, match="share memory"):
        kernel.forward(x=np.ones((3, 4), np.float32), out=out)
    assert not memory.any()


@pytest.mark.parametrize("strides", [(16, 4), (-16, 4), (16, -4), (4, 12), (64, 8)])
def test_an_out_of_any_other_strides_is_filled(target, strides):
    memory = np.zeros(64, np.float32)
    out = np.lib.stride_tricks.as_strided(memory[24:], (3, 4), strides) if min(strides) < 0 else \
        np.lib.stride_tricks.as_strided(memory, (3, 4), strides)
    x = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
    sc.build(sc.ops.relu(ndim=2), target=target).forward(x=x, out=out)
    np.testing.assert_array_equal(out, x)
    assert np.count_nonzero(memory) == 12


@pytest.mark.parametrize("value", [
    np.ones(4, object), np.ones(4, complex), np.ones(4, np.float64), np.ones(4, np.float16),
    np.ones(4, np.int64), np.ones(4, bool), np.array(["1"] * 4), np.ma.ones(4, np.float32),
    [1.0, 2.0, 3.0, 4.0], [[1.0], [2.0, 3.0]], [], None, "1234", {"a": 1}, {1, 2}, object(),
    np.zeros(4, [("a", np.float32)]), np.array("2020", "datetime64[D]")])
def test_other_element_types_are_refused_by_name(conv, data, value):
    with pytest.raises(sc.DTypeError, match=r"^b: "):
        conv.forward(**{**data, "b": value})


@pytest.mark.parametrize("shape", [(), (3,), (5,), (4, 1), (1, 4), (0,)])
def test_other_shapes_are_refused_by_name(conv, data, shape):
    with pytest.raises(sc.ShapeError, match=r"\bb\b"):
        conv.forward(**{**data, "b": np.zeros(shape, np.float32)})


def test_a_batch_of_size_zero_gives_empty_results_and_zero_gradients(conv, data):
    empty = {**data, "x": data["x"][:0]}
    y = conv.forward(**empty)
    assert y.shape == (0, 4, 6, 6)
    found = conv.vjp(y, **empty)
    assert found["x"].shape == (0, 3, 6, 5)
    assert not found["w"].any()
    assert not found["b"].any()
    twice = conv.double_vjp({"w": data["w"]}, y, **empty)
    assert twice["dy"].shape == y.shape
    assert not twice["w"].any()
    out = np.empty_like(y)
    assert conv.forward(**empty, out=out) is out


def test_sums_over_nothing_are_zero(conv, data):
    """No input channels: the bias alone; no output channels: nothing, and no gradient of x."""
    without = {"x": data["x"][:, :0], "w": data["w"][:, :0], "b": data["b"]}
    y = conv.forward(**without)
    np.testing.assert_array_equal(y, np.broadcast_to(data["b"][:, None, None], y.shape))
    assert conv.vjp(np.ones_like(y), **without)["w"].shape == (4, 0, 3, 2)
    none = {"x": data["x"], "w": data["w"][:0], "b": data["b"][:0]}
    y = conv.forward(**none)
    assert y.shape == (2, 0, 6, 6)
    assert not conv.vjp(y, **none)["x"].any()


def test_a_maximum_or_mean_over_nothing_is_refused(target):
    x = np.zeros((2, 0), np.float32)
    for name in ("reduce_max", "reduce_min", "reduce_mean"):
        kernel = sc.build(getattr(sc.ops, name)(ndim=2, axes=1), target=target)
        with pytest.raises(sc.ShapeError):
            kernel.forward(x=x)
        assert kernel.forward(x=x.T).shape == (0,)
    total = sc.build(sc.ops.reduce_sum(ndim=2, axes=1), target=target)
    np.testing.assert_array_equal(total.forward(x=x), [0, 0])


def test_both_targets_agree_on_empty_axes_of_a_product_of_axes():
    for shape in ((0, 3, 2), (2, 0, 3), (2, 3, 0)):
        x = np.zeros(shape, np.float32)
        for target in ("c", "numpy"):
            found = sc.build(sc.ops.flatten(ndim=3), target=target).forward(x=x)
            assert found.shape == (shape[0], shape[1] * shape[2])


def test_scalars_are_arrays_without_axes(target):
    kernel = sc.build(sc.ops.mul(ndim=0), target=target, dtype="float64")
    for given in (2, 2.0, np.float64(2), np.array(2.0), np.array([2.0, 0.0])[::2].reshape(())):
        found = kernel.forward(a=given, b=3.0)
        assert (type(found), found.shape, found.dtype) == (np.ndarray, (), np.float64)
        assert found == 6
    assert kernel.vjp(1.0, a=2.0, b=3.0)["a"] == 3
    out = np.zeros(())
    assert kernel.forward(a=2.0, b=3.0, out=out) is out
    for wrong in (True, np.float32(2), 2j, "2", None, 10**400):
        with pytest.raises(sc.DTypeError):
            kernel.forward(a=wrong, b=3.0)


def test_an_array_too_large_for_memory_is_refused(target):
    huge = np.broadcast_to(np.float32(1), (2**40,))
    kernel = sc.build(sc.parse("y[i,j] = a[i] * b[j]"), target=target)
    with pytest.raises(sc.ShapeError, match="elements"):
        kernel.forward(a=huge, b=huge)


@pytest.mark.parametrize("act", [
    lambda kernel, a: kernel.forward(a=a, b=a),
    lambda kernel, a: kernel.vjp(a, a=a, b=a),
    lambda kernel, a: kernel.jvp({"a": a}, a=a, b=a)])
def test_what_is_computed_on_the_way_and_has_no_room_is_refused(target, act):
    """t[i,j] has 4 TiB, in the workspace of C or as a temporary of NumPy."""
    kernel = sc.build(sc.parse("a: [N]; b: [N]; t[i,j] = exp(a[i] * b[j])\n"
                               "y[i] = sum[j](t[i,j] * t[j,i])"), target=target)
    with pytest.raises(sc.ShapeError, match=r"no memory .* smaller arrays"):
        act(kernel, np.zeros(2**20, np.float32))


def test_a_cotangent_that_is_not_given_and_has_no_room_is_refused(target):
    kernel = sc.build(sc.parse("y[i,j] = a[i] * b[j]; z[i] = 2 * a[i]; return y, z"),
                      target=target)
    a = np.zeros(2**20, np.float32)
    with pytest.raises(sc.ShapeError, match="dy: there is no memory"):
        kernel.vjp({"z": a}, a=a, b=a)

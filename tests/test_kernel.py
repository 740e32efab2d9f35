"""The binding: what arrays a kernel takes, what it returns, and what it refuses.

The operator is y[n,i] = x[n,i] * w[i] with a hand-written C source and a hand-written NumPy
module in the form in which passes are emitted, so that a fault here is one of the binding.
"""

from fractions import Fraction

import numpy as np
import pytest

from symconv.c_backend import ALIGNMENT, CBackend, aligned_bytes
from symconv.errors import BuildError, DTypeError, ParameterError, ShapeError
from symconv.integers import Int
from symconv.ir import Access, Axis, Definition, Index, Number, Program, Size, Tensor, Term, Times
from symconv.kernel import Kernel
from symconv.libraries import compile_library, load_module
from symconv.numpy_backend import NumpyBackend
from symconv.shapes import bind, specialise

N, H, n, i = Int.of("N"), Int.of("H"), Int.of("n"), Int.of("i")


def tensor(name, *extents, kind="real"):
    return Tensor(name, tuple(Axis(extent, (extent,)) for extent in extents), kind)


X, W, Y = tensor("x", N, H), tensor("w", H), tensor("y", N, H)
SCALE = Program((X, W), (Definition(Y, (Index("n", N), Index("i", H)), (
    Term((), (), Times((Access("x", (n, i)), Access("w", (i,))))),)),), ("y",),
    (Size("N"), Size("H")))

C_TEXT = """
#include <stddef.h>
#include <stdint.h>
SIZES
const char *scale_error(int code) { return code == 7 ? "task range" : "H must not be 13"; }
int scale_check(ARGUMENT) { return H == 13 ? 2 : 0; }
#define PASS(NAME, ARRAYS, ...) \\
    size_t scale_##NAME##_workspace(ARGUMENT) { (void)sizeof(N + H); return 100; } \\
    ptrdiff_t scale_##NAME##_tasks(ARGUMENT) { return N + 0 * H; } \\
    int scale_##NAME(FIRST ARRAYS, void *workspace, ptrdiff_t from, ptrdiff_t to) { \\
        if ((uintptr_t)workspace % 64) return 8; \\
        if (from != 0 || to != N) return 7; \\
        ((char *)workspace)[99] = 1; \\
        __VA_ARGS__ return 0; }
#define EACH for (ptrdiff_t n = 0; n < N; n++) for (ptrdiff_t i = 0; i < H; i++)
#define ZERO(G) for (ptrdiff_t i = 0; i < H; i++) G[i] = 0;
#define IN(A) const T *A
#define AND ,
PASS(forward, IN(x) AND IN(w) AND T *y, EACH y[n*H+i] = x[n*H+i] * w[i];)
PASS(vjp_x, IN(dy) AND IN(x) AND IN(w) AND T *dx, EACH dx[n*H+i] = dy[n*H+i] * w[i];)
PASS(vjp_w, IN(dy) AND IN(x) AND IN(w) AND T *dw,
     ZERO(dw) EACH dw[i] += dy[n*H+i] * x[n*H+i];)
PASS(jvp, IN(tx) AND IN(tw) AND IN(x) AND IN(w) AND T *ty,
     EACH ty[n*H+i] = tx[n*H+i] * w[i] + x[n*H+i] * tw[i];)
PASS(double_vjp_dy, IN(vx) AND IN(vw) AND IN(dy) AND IN(x) AND IN(w) AND T *g,
     EACH g[n*H+i] = vx[n*H+i] * w[i] + x[n*H+i] * vw[i];)
PASS(double_vjp_x, IN(vx) AND IN(vw) AND IN(dy) AND IN(x) AND IN(w) AND T *g,
     EACH g[n*H+i] = dy[n*H+i] * vw[i];)
PASS(double_vjp_w, IN(vx) AND IN(vw) AND IN(dy) AND IN(x) AND IN(w) AND T *g,
     ZERO(g) EACH g[i] += dy[n*H+i] * vx[n*H+i];)
"""

NUMPY_TEXT = """
import numpy as np

@np.errstate(all="ignore")
def forward(x, w): return x * w
def vjp_x(dy, x, w): return dy * w
def vjp_w(dy, x, w): return (dy * x).sum(0)
def jvp(tx, tw, x, w): return tx * w + x * tw
def double_vjp_dy(vx, vw, dy, x, w): return vx * w + x * vw
def double_vjp_x(vx, vw, dy, x, w): return dy * vw
def double_vjp_w(vx, vw, dy, x, w): return (dy * vx).sum(0)
"""


def c_backend(dtype, fixed=None):
    element = {"float32": "float", "float64": "double"}[dtype]
    if fixed is None:
        head = ("typedef struct { ptrdiff_t N, H; } scale_sizes;\n"
                "#define ARGUMENT const scale_sizes *sizes\n#define FIRST ARGUMENT AND\n"
                "#define N sizes->N\n#define H sizes->H\n")
    else:
        head = "#define ARGUMENT void\n#define FIRST\n" + "".join(
            f"enum {{ {name} = {value} }};\n" for name, value in fixed.items())
    source = C_TEXT.replace("SIZES", f"typedef {element} T;\n{head}")
    library = compile_library({"scale.c": source}, flags=["-O1", "-std=gnu11"])
    return CBackend(library, "scale", () if fixed else ("N", "H"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def build(target, dtype="float32", **options):
    groups = []

    def load(group):
        groups.append(group)
        return c_backend(dtype) if target == "c" else NumpyBackend(load_module(NUMPY_TEXT))

    kernel = Kernel(SCALE, load, dtype, batch_operands=("x", "y"), **options)
    kernel.groups = groups
    return kernel


@pytest.fixture(params=["c", "numpy"])
def target(request, cache):
    return request.param


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture
def kernel(target, dtype):
    return build(target, dtype)


def whole(rng, shape, dtype):
    return rng.integers(-9, 10, shape).astype(dtype)


@pytest.fixture
def data(dtype):
    rng = np.random.default_rng(1)
    return {name: whole(rng, shape, dtype) for name, shape in
            (("x", (2, 3)), ("w", (3,)), ("dy", (2, 3)), ("vx", (2, 3)), ("vw", (3,)))}


def same(found, expected, dtype=None):
    assert isinstance(found, np.ndarray)
    assert found.dtype == (dtype or expected.dtype)
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


# --- values -----------------------------------------------------------------------------------


def test_every_pass_gets_its_arguments_in_order(kernel, data):
    x, w, dy, vx, vw = data.values()
    same(kernel.forward(x=x, w=w), x * w)
    same(kernel.forward(w=w, x=x), x * w)
    first = kernel.vjp(dy, x=x, w=w)
    assert list(first) == ["x", "w"]
    same(first["x"], dy * w)
    same(first["w"], (dy * x).sum(0))
    same(kernel.jvp({"x": vx, "w": vw}, x=x, w=w), vx * w + x * vw)
    second = kernel.double_vjp({"x": vx, "w": vw}, dy, x=x, w=w)
    assert list(second) == ["dy", "x", "w"]
    same(second["dy"], vx * w + x * vw)
    same(second["x"], dy * vw)
    same(second["w"], (dy * vx).sum(0))


def test_missing_directions_are_zero(kernel, data):
    x, w, dy, vx, vw = data.values()
    same(kernel.jvp({"w": vw}, x=x, w=w), x * vw)
    same(kernel.jvp({}, x=x, w=w), 0 * x)
    second = kernel.double_vjp({"x": vx}, dy, x=x, w=w)
    same(second["dy"], vx * w)
    same(second["x"], 0 * x)


def test_wrt_chooses_gradients(kernel, data):
    x, w, dy, _, _ = data.values()
    for wrt, keys in (("w", ["w"]), (("w",), ["w"]), (["w", "x"], ["w", "x"]), ((), [])):
        assert list(kernel.vjp(dy, wrt, x=x, w=w)) == keys
    assert list(kernel.vjp(dy, {"x": 0, "w": 1}.keys(), x=x, w=w)) == ["x", "w"]
    assert list(kernel.vjp(dy, iter("x"), x=x, w=w)) == ["x"]
    assert list(kernel.vjp({"y": dy}, wrt=("x",), x=x, w=w)) == ["x"]


def test_a_group_of_passes_is_loaded_when_first_used(target):
    kernel = build(target)
    one = np.ones((1, 1), np.float32)
    assert kernel.groups == []
    for _ in range(2):
        kernel.forward(x=one, w=one[0])
        kernel.vjp(one, x=one, w=one[0])
    assert kernel.groups == ["forward", "vjp"]


def test_unbatched_input_gets_a_batch_of_one(kernel, data):
    x, w, dy, vx, vw = data.values()
    same(kernel.forward(x=x[0], w=w), x[0] * w)
    first = kernel.vjp(dy[0], x=x[0], w=w)
    same(first["x"], dy[0] * w)
    same(first["w"], dy[0] * x[0])
    same(kernel.jvp({"x": vx[0], "w": vw}, x=x[0], w=w), vx[0] * w + x[0] * vw)
    second = kernel.double_vjp({"x": vx[0], "w": vw}, dy[0], x=x[0], w=w)
    same(second["dy"], vx[0] * w + x[0] * vw)
    same(second["w"], dy[0] * vx[0])
    out = np.zeros_like(w)
    assert kernel.forward(x=x[0], w=w, out=out) is out
    same(out, x[0] * w)
    with pytest.raises(ShapeError, match="dy"):
        kernel.vjp(dy[:1], x=x[0], w=w)


def test_an_empty_batch_is_fine(kernel, data):
    x, w, dy, _, _ = data.values()
    same(kernel.forward(x=x[:0], w=w), x[:0])
    same(kernel.vjp(dy[:0], x=x[:0], w=w)["w"], 0 * w)


# --- arrays -----------------------------------------------------------------------------------


def misaligned(array):
    raw = np.empty(array.nbytes + 1, np.uint8)
    view = raw[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    assert not view.flags.aligned
    return view


def read_only(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


LAYOUTS = {
    "fortran": np.asfortranarray,
    "strided": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "reversed": lambda array: array[..., ::-1].copy()[..., ::-1],
    "read-only": read_only,
    "broadcast": lambda array: np.broadcast_to(array, array.shape),
    "misaligned": misaligned,
    "byte-swapped": lambda array: array.astype(array.dtype.newbyteorder()),
    "matrix": lambda array: array.view(type("Subclass", (np.ndarray,), {})),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_of_the_inputs_gives_the_same(kernel, data, layout):
    change = LAYOUTS[layout]
    x, w, dy, vx, _ = data.values()
    arguments = {"x": change(x), "w": change(w)}
    same(kernel.forward(**arguments), x * w)
    same(kernel.vjp(change(dy), **arguments)["w"], (dy * x).sum(0))
    same(kernel.jvp({"x": change(vx)}, **arguments), vx * w)
    np.testing.assert_array_equal(arguments["x"], x)


@pytest.mark.parametrize("layout", ["fortran", "strided", "reversed", "misaligned",
                                    "byte-swapped", "matrix"])
def test_any_layout_of_out_is_written(kernel, data, layout):
    x, w, *_ = data.values()
    out = LAYOUTS[layout](np.full_like(x, 5))
    assert kernel.forward(x=x, w=w, out=out) is out
    np.testing.assert_array_equal(out, x * w)


def test_out_may_overlap_the_operands(kernel, data):
    x, w, *_ = data.values()
    expected = x * w
    memory = np.zeros(12, x.dtype)
    for start in (0, 1, 3):
        memory[:6] = x.ravel()
        given = memory[:6].reshape(2, 3)
        kernel.forward(x=given, w=w, out=memory[start:start + 6].reshape(2, 3))
        same(memory[start:start + 6].reshape(2, 3), expected)


def test_a_direct_out_is_not_copied(kernel, data, monkeypatch):
    x, w, *_ = data.values()
    out = np.empty_like(x)
    monkeypatch.setattr("symconv.jobs.empty", None)
    kernel.forward(x=x, w=w, out=out)
    same(out, x * w)


@pytest.mark.parametrize(("out", "error", "message"), [
    (np.zeros((2, 3), np.float16), DTypeError, "float16"),
    (np.zeros((3, 2)), ShapeError, r"\(3, 2\) given, \(2, 3\) needed"),
    (read_only(np.zeros((2, 3))), ParameterError, "read-only"),
    (np.ma.zeros((2, 3)), ParameterError, "MaskedArray"),
    ([[0.0] * 3] * 2, ParameterError, "list")])
def test_an_unfit_out_is_refused(target, out, error, message):
    kernel = build(target, "float64")
    with pytest.raises(error, match=message):
        kernel.forward(x=np.ones((2, 3)), w=np.ones(3), out=out)


@pytest.mark.parametrize("value", [
    np.ones(3, np.float32), np.ones(3, int), np.ones(3, complex), np.ones(3, bool),
    np.ones(3, object), np.array(["a", "b", "c"]), np.ma.ones(3), None, "abc", {}, [[1.0], []],
    np.zeros(3, [("f", float)])])
def test_another_element_type_is_refused(target, value):
    kernel = build(target, "float64")
    with pytest.raises(DTypeError, match=r"^w: "):
        kernel.forward(x=np.ones((2, 3)), w=value)
    with pytest.raises(DTypeError, match=r"^tw: "):
        kernel.jvp({"w": value}, x=np.ones((2, 3)), w=np.ones(3))
    assert kernel.groups == []


def test_wrong_ranks_and_sizes_are_refused_before_anything_is_built(target):
    kernel = build(target, "float64")
    x, w = np.ones((2, 3)), np.ones(3)
    for arguments in ({"x": x, "w": x}, {"x": x, "w": np.ones(4)}, {"x": x[None], "w": w},
                      {"x": np.float64(1), "w": w}):
        with pytest.raises(ShapeError, match=r"^[xw]"):
            kernel.forward(**arguments)
    for dy in (x[0], x.T, 1.0):
        with pytest.raises(ShapeError, match=r"^dy: shape .* \(2, 3\) needed: that of y"):
            kernel.vjp(dy, x=x, w=w)
    with pytest.raises(ShapeError, match=r"^vw"):
        kernel.double_vjp({"w": x}, x, x=x, w=w)
    assert kernel.groups == []


def test_wrong_names_are_refused(target):
    kernel = build(target, "float64")
    x, w = np.ones((2, 3)), np.ones(3)
    for call in (lambda: kernel.forward(x=x), lambda: kernel.forward(x=x, w=w, b=w)):
        with pytest.raises(ParameterError, match=r"[wb].*x, w"):
            call()
    with pytest.raises(ParameterError, match="'y' is no operand with a gradient"):
        kernel.vjp(x, "y", x=x, w=w)
    with pytest.raises(ParameterError, match="tangents: ndarray given"):
        kernel.jvp(x, x=x, w=w)
    with pytest.raises(ParameterError, match="'b' is none of x, w"):
        kernel.jvp({"b": w}, x=x, w=w)


# --- fixed shapes and the rest of the ABI -----------------------------------------------------


def test_fixed_shapes_need_no_sizes_and_take_no_others(cache):
    fixed = bind(SCALE, {"x": (2, 3), "w": (3,)})
    assert specialise(SCALE, fixed).sizes == ()
    kernel = Kernel(SCALE, lambda group: c_backend("float32", fixed), "float32", fixed=fixed,
                    batch_operands=("x", "y"))
    x, w = np.ones((2, 3), np.float32), np.full(3, 4, np.float32)
    same(kernel.forward(x=x, w=w), x * w)
    same(kernel.vjp(x, x=x, w=w)["w"], x.sum(0))
    for shape in ((3, 3), (2, 4), (3,)):
        with pytest.raises(ShapeError, match=r"\(2, 3\) needed: this kernel was built for fixed"):
            kernel.forward(x=np.ones(shape, np.float32), w=w)


def test_sizes_that_the_kernel_refuses_raise_its_text(cache):
    with pytest.raises(ShapeError, match="H must not be 13"):
        build("c").forward(x=np.ones((1, 13), np.float32), w=np.ones(13, np.float32))


def test_a_pass_that_is_missing_is_an_error(target):
    backend = c_backend("float32") if target == "c" else NumpyBackend(load_module(NUMPY_TEXT))
    with pytest.raises(BuildError, match="no function"):
        backend.entry("third", {"N": 1, "H": 1})


def test_a_module_that_returns_something_else_is_found_out():
    x = np.ones((2, 3))
    for text in ("x.sum(0)", "x.astype('f')"):
        backend = NumpyBackend(load_module(f"def forward(x): return {text}\n"))
        with pytest.raises(BuildError, match="instead of float64 of shape"):
            backend.entry("forward", {}).run([x], [np.empty_like(x)])


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_workspace_is_aligned(count):
    memory = aligned_bytes(count, "memory")
    assert memory.ctypes.data % ALIGNMENT == 0
    assert memory.nbytes >= count


def test_nan_and_infinity_pass_without_a_warning(kernel, dtype):
    x = np.array([[np.nan, np.inf, -np.inf, -0.0]], dtype)
    w = np.array([1, 0, 1, 1], dtype)
    with np.errstate(all="ignore"):
        expected = x * w
    found = kernel.forward(x=x, w=w)
    same(found, expected)
    assert np.signbit(found[0, 3])


# --- scalars, integers, several outputs -------------------------------------------------------


def doubled(name, source):
    body = Times((Number(Fraction(2)), Access(source, ())))
    return Definition(tensor(name), (), (Term((), (), body),))


def scalar_kernel(dtype="float32"):
    """y = 2 x, z = 2 s, and the integer k = the integer operand c."""
    labels = Definition(tensor("k", kind="integer"), (),
                        (Term((), (), Number(Fraction(0)), Int.of(0)),), "argmax")
    program = Program((tensor("x"), tensor("s"), tensor("c", kind="integer")),
                      (doubled("y", "x"), doubled("z", "s"), labels), ("y", "k", "z"))
    text = ("def forward(x, s, c): return 2*x, c, 2*s\n"
            "def vjp_x(dy, dz, x, s, c): return 2*dy\n"
            "def vjp_s(dy, dz, x, s, c): return 2*dz\n"
            "def jvp(tx, ts, x, s, c): return 2*tx, 2*ts\n"
            "def double_vjp_dy(vx, vs, dy, dz, x, s, c): return 2*vx\n"
            "def double_vjp_dz(vx, vs, dy, dz, x, s, c): return 2*vs\n"
            "def double_vjp_x(vx, vs, dy, dz, x, s, c): return 0*x\n"
            "def double_vjp_s(vx, vs, dy, dz, x, s, c): return 0*s\n")
    return Kernel(program, lambda group: NumpyBackend(load_module(text)), dtype)


def test_scalars_are_zero_dimensional_arrays(cache):
    kernel = scalar_kernel()
    y, k, z = kernel.forward(x=1.5, s=np.float32(2), c=np.array(7))
    same(y, np.array(3, np.float32))
    same(k, np.array(7, np.int64))
    same(z, np.array(4, np.float32))


@pytest.mark.parametrize(("name", "value"), [
    ("c", 1.0), ("c", 2**63), ("c", np.int32(1)), ("c", True), ("x", True), ("x", 1j),
    ("x", 1e39), ("x", 10**400), ("x", np.float64(1))])
def test_numbers_that_do_not_fit_are_refused(cache, name, value):
    with pytest.raises(DTypeError, match=f"^{name}: "):
        scalar_kernel().forward(**{"x": 1.0, "s": 1.0, "c": 1, name: value})


def test_several_outputs_take_a_dict_and_integers_have_no_derivative(cache):
    kernel = scalar_kernel()
    operands = {"x": 1.0, "s": 2.0, "c": 3}
    first = kernel.vjp({"z": 5.0}, **operands)
    assert {name: float(value) for name, value in first.items()} == {"x": 0, "s": 10}
    ty, tz = kernel.jvp({"s": 1.0}, **operands)
    assert (ty, tz) == (0, 2)
    second = kernel.double_vjp({"x": 1.0, "s": 2.0}, {"y": 1.0, "z": 1.0}, **operands)
    assert {name: float(value) for name, value in second.items()} == \
        {"dy": 2, "dz": 4, "x": 0, "s": 0}
    with pytest.raises(ParameterError, match="dict with the keys y, z"):
        kernel.vjp(1.0, **operands)
    with pytest.raises(ParameterError, match="'k' is none of y, z, which have a cotangent"):
        kernel.vjp({"k": 1}, **operands)
    with pytest.raises(ParameterError, match="'c' is no operand with a gradient"):
        kernel.vjp({"y": 1.0}, wrt="c", **operands)
    with pytest.raises(ParameterError, match="'c' is none of x, s, which have a tangent"):
        kernel.jvp({"c": 1}, **operands)


def test_several_outs_are_a_tuple_of_separate_arrays(cache):
    kernel = scalar_kernel()
    operands = {"x": 1.0, "s": 2.0, "c": 3}
    out = np.zeros((), np.float32), np.zeros((), np.int64), np.zeros((), np.float32)
    assert all(a is b for a, b in zip(kernel.forward(**operands, out=out), out, strict=True))
    assert [float(value) for value in out] == [2, 3, 4]
    for wrong in (out[0], out[:2]):
        with pytest.raises(ParameterError, match="tuple of 3 arrays"):
            kernel.forward(**operands, out=wrong)
    with pytest.raises(ParameterError, match="overlap"):
        kernel.forward(**operands, out=(out[0], out[1], out[0]))


@pytest.mark.parametrize("name", ["out", "wrt", "dy"])
def test_an_operand_named_like_an_argument_is_refused(name):
    program = Program((tensor(name),), (doubled("z", name),), ("z",))
    with pytest.raises(ParameterError, match=f"operand {name}.*rename"):
        Kernel(program, lambda group: None, "float32")


def test_operands_may_be_called_v_and_self(cache):
    program = Program((tensor("v"), tensor("self")), (doubled("y", "v"),), ("y",))
    text = "def double_vjp_dy(*a): return 2*a[0]\ndouble_vjp_v = double_vjp_self = double_vjp_dy\n"
    kernel = Kernel(program, lambda group: NumpyBackend(load_module(text)), "float32")
    found = kernel.double_vjp({"v": 3.0}, 1.0, v=1.0, self=1.0)
    assert float(found["dy"]) == 6


@pytest.mark.parametrize("name", ["float16", "int64", "float", ""])
def test_other_kernels_than_float_and_double_are_refused(name):
    with pytest.raises(ParameterError, match="float32 or float64"):
        Kernel(SCALE, lambda group: None, name)

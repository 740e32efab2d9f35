"""An extremum without a point is refused, never made up: by shapes before, by data at run time.

The data decide where a relation reads integer operands. Every function that computes such an
extremum refuses it as the interpreter does, and no other function pays for the test.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import symconv as sc
from symconv.emit.c import emit_c
from symconv.emit.numpy import emit_numpy
from symconv.evaluate import evaluate
from symconv.libraries import compile_library, load_library
from symconv.passes import all_passes
from symconv.shapes import bind

TARGETS = ("c", "numpy")
X, K, B = np.array([3.0, 1.0, 2.0]), np.array([0, 5, 5]), np.array([4.0, 5.0])

# each with `{}` where a number stands: the extremum has a point for the first, for the second not
DEFINITIONS = {
    "inequality": ("x: [N]; k: int[N]; b: [M]; i < M; "
                   "y[i] = max[a]([k[a] >= i+{}] * x[a]) + 0*b[i]", 4, 5),
    "last": ("x: [N]; k: int[N]; b: [M]; i < M; "
             "y[i] = min_last[a]([k[a] >= i+{}] * x[a]) * b[i]", 4, 5),
    "even": ("x: [N]; k: int[N]; b: [M]; i < M; "
             "y[i] = max_even[a]([k[a] >= i+{}] * x[a]) * b[i]", 4, 5),
    "read out of range": ("x: [N]; k: int[N]; b: [M]; i < M; "
                          "y[i] = max[a](x[k[a]+i+{}]) * b[i]", 0, 2),
    "equality": ("x: [N]; k: int[N]; b: [M]; y = max[a,i]([a+{} == k[i+1]] * x[a] * b[i])", 3, 6),
    "element that is not a place": ("x: [N]; k: int[N]; b: [M]; i < 1; "
                                    "y[i] = max[a]([i+{} == k[0]] * x[a]) * b[i]", 0, 1),
    "everywhere or nowhere": ("x: [N]; k: int[N]; b: [M]; y[i] = "
                              "b[i] * min[a]([k[2] == 5+{}] * x[a])", 0, 1),
    "inside a sum": ("x: [N]; k: int[N]; b: [M]; "
                     "y[i] = sum[j](b[j] * max[a]([k[a] >= j+{}] * x[a]) * b[i])", 4, 5),
}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.parametrize("fixed", [False, True], ids=["sizes", "fixed"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_pass_refuses_an_extremum_that_data_leave_empty(
        name: str, target: str, fixed: bool) -> None:
    text, good, bad = DEFINITIONS[name]
    data = {"x": X, "k": K, "b": B}
    shapes = {operand: array.shape for operand, array in data.items()}
    for number in (good, bad):
        op = sc.parse(text.format(number))
        kernel = sc.build(op, target, "float64", shapes=shapes if fixed else None)
        dy = np.ones(op.output_shape(**shapes)["y"])
        calls = (partial(kernel.forward, **data), partial(kernel.vjp, dy, **data),
                 partial(kernel.jvp, {"x": X, "b": B}, **data),
                 partial(kernel.double_vjp, {"x": X, "b": B}, dy, **data))
        values = bind(op.definition, shapes)
        if number == good:
            exact = evaluate(op.definition, data, values)["y"]
            assert np.array_equal(calls[0](), exact.astype(float))
            for call in calls[1:]:
                call()
            continue
        with pytest.raises(sc.ShapeError, match="has no point"):
            evaluate(op.definition, data, values)
        for call in calls:
            with pytest.raises(sc.ShapeError, match=r"^\w+: the (max|min) over .* has no point at "
                               r"some element, where .*k\[.* holds nowhere; give values of k"):
                call()


def test_a_gradient_that_needs_no_extremum_is_not_refused() -> None:
    text, _, bad = DEFINITIONS["inequality"]
    for target in TARGETS:
        kernel = sc.build(sc.parse(text.format(bad)), target, "float64")
        found = kernel.vjp(B, wrt=("b",), x=X, k=K, b=B)
        assert np.array_equal(found["b"], [0, 0])


def test_the_module_alone_raises_a_value_error() -> None:
    text, _, bad = DEFINITIONS["inequality"]
    module = ModuleType("emitted")
    exec(emit_numpy("k", all_passes(sc.parse(text.format(bad)).definition), "k"), module.__dict__)
    with pytest.raises(ValueError, match=r"where k\[a\] >= i \+ 5 holds nowhere; give values of k"):
        module.forward(X, K, B)
    with pytest.raises(ValueError, match="has no point"):
        module.vjp_x(B, X, K, B)


# --- in C -------------------------------------------------------------------------------------


def library(op: sc.Operator) -> ctypes.CDLL:
    program = op.definition
    made = load_library(compile_library(emit_c("k", program, all_passes(program), "float64")))
    made.k_error.restype = ctypes.c_char_p
    made.k_forward_tasks.restype = ctypes.c_ssize_t
    made.k_forward_workspace.restype = ctypes.c_size_t
    return made


def sizes_of(*values: int) -> object:
    return ctypes.byref((ctypes.c_ssize_t * len(values))(*values))


def test_the_code_comes_from_whichever_task_meets_the_case() -> None:
    """Rows 1 and 4 of five are refused: a call fails if and only if one of its tasks does."""
    made = library(sc.parse("x: [N]; k: int[R, N]; y[n] = max[a]([k[n,a] > 0] * x[a])"))
    k = np.array([[1, 0], [0, 0], [0, 1], [1, 1], [0, 0]])
    x, y = np.array([2.0, 3.0]), np.full(7, -7.0)
    sizes = sizes_of(2, 5)                                      # N, R
    assert made.k_check(sizes) == 0
    assert made.k_forward_tasks(sizes) == 5
    room = np.zeros(made.k_forward_workspace(sizes) + 64, dtype=np.uint8)
    for begin in range(6):
        for end in range(begin, 6):
            code = made.k_forward(sizes, *(ctypes.c_void_p(a.ctypes.data) for a in (x, k)),
                                  ctypes.c_void_p(y[1:].ctypes.data),
                                  ctypes.c_void_p(room.ctypes.data),
                                  ctypes.c_ssize_t(begin), ctypes.c_ssize_t(end))
            assert bool(code) == any(row in (1, 4) for row in range(begin, end)), (begin, end)
            if code:
                assert made.k_error(code).startswith(b"y: the max over a has no point")
    assert y[0] == y[6] == -7
    assert np.array_equal(y[[1, 3, 4]], [2, 3, 3])


def test_the_header_and_the_comment_tell_of_the_refusal() -> None:
    program = sc.parse(DEFINITIONS["inequality"][0].format(5)).definition
    files = emit_c("k", program, all_passes(program)[:1], "float32")
    assert "k_error explains where data leave" in " ".join(files["k.h"].replace("*", "").split())
    assert "Refused: t1: the max over a has no point" in files["k.c"]


def test_only_what_reads_data_in_a_relation_pays() -> None:
    """None of the catalogue does."""
    folder = Path(__file__).parent.parent / "generated"
    emitted = [path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())]
    assert emitted
    assert not [text for text in emitted if "Refused:" in text or "_NoPoint" in text]


SHAPES = {
    "x: [N, M]; y[i] = max[a](x[i,a])": ("N M", lambda n, m: {"x": (n, m)}),
    "x: [N, M]; i < M-3; y[n] = max[i](x[n,i])": ("N M", lambda n, m: {"x": (n, m)}),
    "x: [N, M]; y[n] = sum[e](x[n,e]) + max[a]([N > 2] * x[n,a])":
        ("N M", lambda n, m: {"x": (n, m)}),
    "x: [N]; y = max[a]([N > 3] * x[a])": ("N", lambda n: {"x": (n,)}),
    "x: [N, M]; b: [K]; y[n,k] = max[i](x[n,i])*b[k]":
        ("N M K", lambda n, m, k: {"x": (n, m), "b": (k,)}),
    "x: [N, M]; i < M-1; y[n,i] = max[a]([a >= i] * [2*a == 2*i+2] * x[n,a])":
        ("N M", lambda n, m: {"x": (n, m)}),
    "x: [N, M]; k: int[M]; i < M-1; y[n] = max[i]([k[i] > n] * x[n,i])":
        ("N M", lambda n, m: {"x": (n, m), "k": (m,)}),
    "x: [N, M]; i < M-3; y1[n,i] = sum[a](x[n,a+i]); y[n] = sum[i](y1[n,i])":
        ("N M", lambda n, m: {"x": (n, m)}),
    "x: [N, M]; a < 2*M-3; j < M; y[n,j] = mean[a](x[n,2*a-j])":
        ("N M", lambda n, m: {"x": (n, m)}),
}


@pytest.mark.parametrize("text", SHAPES)
def test_empty_axes_are_refused_by_c_where_python_refuses_them(text: str) -> None:
    op = sc.parse(text)
    names, shapes = SHAPES[text]
    assert [size.name for size in op.definition.sizes if size.value is None] == names.split()
    made, accepted = library(op), 0
    for values in np.ndindex(*([5] * len(names.split()))):
        code = made.k_check(sizes_of(*values))
        try:
            bind(op.definition, shapes(*values))
            refusal = None
        except sc.ShapeError as error:
            refusal = str(error)
        assert bool(code) == (refusal is not None), (values, made.k_error(code), refusal)
        accepted += refusal is None
    assert accepted


@pytest.mark.parametrize("target", TARGETS)
def test_an_empty_batch_is_no_excuse_for_a_window_without_a_value(target: str) -> None:
    kernel = sc.build(sc.parse("y[n] = max[a](x[n,a])"), target)
    assert kernel.forward(x=np.zeros((0, 3), np.float32)).shape == (0,)
    for batch in (0, 2):
        with pytest.raises(sc.ShapeError, match="needs at least one value"):
            kernel.forward(x=np.zeros((batch, 0), np.float32))

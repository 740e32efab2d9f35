"""Scalar functions and their derivatives over the whole range of float32, against 60 digits."""

import mpmath
import numpy as np
import pytest

import symconv as sc

LOOSE = 4.0            # units of the last place; a C library or NumPy may be off by a few


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, mpmath.workdps(60):
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(params=["c", "numpy"])
def target(request):
    return request.param


def every_exponent():
    """Four mantissas for each exponent of float32, subnormal ones and both zeros included."""
    exponents = np.arange(255, dtype=np.uint32)[:, None] << np.uint32(23)
    mantissas = np.array([0, 1, 0x2AAAAA, 0x7FFFFF], np.uint32)
    sizes = (exponents | mantissas).ravel().view(np.float32)
    edges = np.array([0.5, 9.01, 16.6, 17.3, 88.72, 88.73, 87.3, 103.9, 104.0], np.float32)
    return np.concatenate([sizes, edges, -sizes, -edges])


ALL = every_exponent()
POSITIVE = ALL[ALL > 0]


def sigmoid(x):
    return 1 / (1 + mpmath.exp(-x))


def power(x, p):
    return mpmath.mpf(0) if x == 0 and p != 0 else abs(x)**p


def signed(x, p):
    return mpmath.sign(x) * power(x, p)


def third(p):
    """|x|**p for p = a/3: the exponent is rounded, which log |x| magnifies."""
    return mpmath.mpf(p) / 3


# text, points, value, derivative, scale below which errors are absolute (value, derivative),
# roundings that grow with |log x|
CASES = {
    "exp": ("exp(x[i])", ALL, mpmath.exp, mpmath.exp, 0, 0, 0),
    "log": ("log(x[i])", POSITIVE, mpmath.log, lambda x: 1 / x, 0, 0, 0),
    "sqrt": ("sqrt(x[i])", POSITIVE, mpmath.sqrt, lambda x: 1 / (2 * mpmath.sqrt(x)), 0, 0, 0),
    "tanh": ("tanh(x[i])", ALL, mpmath.tanh, lambda x: mpmath.sech(x)**2, 0, 1, 0),
    "sigmoid": ("sigmoid(x[i])", ALL, sigmoid, lambda x: sigmoid(x) * sigmoid(-x), 0, 1, 0),
    "abs": ("abs(x[i])", ALL, abs, mpmath.sign, 0, 0, 0),
    "relu": ("relu(x[i])", ALL, lambda x: max(x, 0), lambda x: mpmath.mpf(x > 0), 0, 0, 0),
    "cube": ("abs_power(x[i], exponent=3)", ALL, lambda x: power(x, 3),
             lambda x: 3 * signed(x, 2), 0, 0, 0),
    "3/2": ("abs_power(x[i], exponent=3/2)", ALL, lambda x: power(x, 1.5),
            lambda x: 1.5 * signed(x, .5), 0, 0, 1),
    "1/2": ("abs_power(x[i], exponent=1/2)", ALL, lambda x: power(x, .5),
            lambda x: .5 * signed(x, -.5), 0, 0, 1),
    "1/3": ("abs_power(x[i], exponent=1/3)", ALL, lambda x: power(x, third(1)),
            lambda x: third(1) * signed(x, third(-2)), 0, 0, 1),
    "-1": ("abs_power(x[i], exponent=-1)", ALL, lambda x: power(x, -1),
           lambda x: -signed(x, -2), 0, 0, 1),
    "signed": ("signed_power(x[i], exponent=5/3)", ALL, lambda x: signed(x, third(5)),
               lambda x: third(5) * power(x, third(2)), 0, 0, 1),
}


def check(found, exact, points, scale, growing):
    """Every result is within LOOSE units of the last place, or infinite where the exact value
    exceeds the largest number."""
    info = np.finfo(found.dtype)
    eps, least, largest = float(info.eps), float(info.smallest_subnormal), float(info.max)
    for point, result, wanted in zip(points.tolist(), found.tolist(), exact, strict=True):
        roundings = LOOSE + (growing * abs(mpmath.log(abs(point))) if point else 0)
        allowed = roundings * (eps * max(abs(wanted), scale, float(info.tiny)) + least)
        if abs(wanted) + allowed >= largest:
            assert abs(result) == np.inf or abs(result - wanted) <= allowed, (point, result)
        else:
            assert abs(mpmath.mpf(result) - wanted) <= allowed, (point, result, float(wanted))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_values_and_derivatives_over_the_whole_range(target, dtype, name):
    text, points, value, slope, value_scale, slope_scale, growing = CASES[name]
    x = points.astype(dtype)
    kernel = sc.build(sc.parse(f"y[i] = {text}"), target=target, dtype=dtype)
    exact = [mpmath.mpf(point) for point in x.tolist()]
    ones = np.ones_like(x)
    check(kernel.forward(x=x), [value(point) for point in exact], x, value_scale, growing)
    gradient = kernel.vjp(ones, x=x)["x"]
    check(gradient, [slope(point) for point in exact], x, slope_scale, growing)
    np.testing.assert_array_equal(kernel.jvp({"x": ones}, x=x), gradient)


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "tanh", "sigmoid"])
def test_derivatives_agree_with_a_complex_step(target, name):
    """Im f(x + ih) / h has no cancellation, so it is exact to rounding in float64."""
    functions = {"exp": np.exp, "log": np.log, "sqrt": np.sqrt, "tanh": np.tanh,
                 "sigmoid": lambda z: 1 / (1 + np.exp(-z))}
    x = np.concatenate([np.logspace(-30, 1, 200), -np.logspace(-30, 1, 200)])
    x = x[x > 0] if name in ("log", "sqrt") else x
    step = 1e-200 if name not in ("log", "sqrt") else x * 1e-20
    expected = functions[name](x + 1j * step).imag / step
    kernel = sc.build(sc.parse(f"y[i] = {name}(x[i])"), target=target, dtype="float64")
    np.testing.assert_allclose(kernel.vjp(np.ones_like(x), x=x)["x"], expected,
                               rtol=1e-14, atol=4 * np.finfo(float).eps)


def test_the_second_derivative_is_finite_where_it_exists(target):
    for name in ("tanh", "sigmoid", "relu", "abs"):
        kernel = sc.build(sc.parse(f"y[i] = {name}(x[i])"), target=target)
        ones = np.ones_like(ALL)
        second = kernel.double_vjp({"x": ones}, ones, x=ALL)
        assert all(np.isfinite(part).all() for part in second.values())


def test_a_softmax_of_large_logits_is_finite(target):
    kernel = sc.build(sc.ops.softmax_cross_entropy(reduction="none"), target=target)
    x = np.array([[3e38, 0, -3e38], [1e4, 1e4, -1e4], [-3e38, -3e38, -3e38],
                  [1e-45, 0, -1e-45]], np.float32)
    labels = np.array([0, 1, 2, 0])
    loss = kernel.forward(x=x, labels=labels)
    np.testing.assert_allclose(loss, np.log([1, 2, 3, 3]), rtol=1e-6, atol=0)
    gradient = kernel.vjp(np.ones_like(loss), x=x, labels=labels)["x"]
    np.testing.assert_allclose(gradient, [[0, 0, 0], [.5, -.5, 0], [1 / 3, 1 / 3, -2 / 3],
                                          [-2 / 3, 1 / 3, 1 / 3]], rtol=1e-6, atol=1e-7)

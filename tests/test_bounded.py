"""Running error bounds: every legitimate kernel is inside, they are not idle, faults are out."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from acceptance import ACCEPTANCE, Case

from symconv.arithmetic import EXACT
from symconv.bounded import bounded
from symconv.certainty import Bounded, nearest, worst
from symconv.errors import ParameterError
from symconv.evaluate import evaluate
from symconv.shapes import bind

DTYPES = ("float32", "float64")


def read(arithmetic: object, values: np.ndarray) -> list[Bounded]:
    return [arithmetic.read(value) for value in values]


def single(found: Bounded) -> np.ndarray:
    array = np.empty((), dtype=object)
    array[()] = found
    return array


def contains(found: Bounded, result: object) -> bool:
    return worst(result, single(found)) <= 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(5))
def test_sums_of_products_in_any_order_are_inside_and_faults_outside(dtype: str,
                                                                     seed: int) -> None:
    rng, arithmetic = np.random.default_rng(seed), bounded(dtype)
    x = rng.standard_normal(60).astype(dtype)
    w = rng.standard_normal(60).astype(dtype)
    found = arithmetic.total([arithmetic.product(pair) for pair in zip(
        read(arithmetic, x), read(arithmetic, w), strict=True)])
    forward = backward = np.zeros((), dtype)[()]
    for p, q in zip(x, w, strict=True):
        forward = forward + p * q
    for p, q in zip(x[::-1], w[::-1], strict=True):
        backward = backward + p * q
    wide = np.float64(x.astype("float64") @ w.astype("float64")).astype(dtype)
    for result in (forward, backward, np.dot(x, w), wide, math.fsum((x * w).tolist())):
        assert contains(found, result)
    size = np.abs(x.astype("float64") * w).sum()
    unit = np.finfo(dtype).eps / 2
    assert 0 < found.error < 65 * unit * size
    assert not contains(found, float(forward) + 130 * unit * size)
    assert not contains(found, float(forward) + float(x[3]) * float(w[3]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", ["exp", "log", "sqrt", "tanh", "sigmoid"])
def test_functions_of_rounded_arguments_are_inside(dtype: str, function: str) -> None:
    rng, arithmetic = np.random.default_rng(3), bounded(dtype)
    kind = np.dtype(dtype).type
    formulas = {"sigmoid": lambda x: kind(1) / (kind(1) + np.exp(-x))}
    formula = formulas.get(function) or getattr(np, function)
    for scale in (1e-4, 1, 8):
        a = (np.abs(rng.standard_normal(50)) * scale).astype(dtype)
        b = (np.abs(rng.standard_normal(50)) * scale).astype(dtype)
        sign = kind(1 if function in ("log", "sqrt") else -1)
        found = [arithmetic.apply(function, [arithmetic.total([
            p, arithmetic.product([q, arithmetic.read(sign)])])], ())
            for p, q in zip(read(arithmetic, a), read(arithmetic, b), strict=True)]
        for result, reference in zip(formula(a + sign * b), found, strict=True):
            assert contains(reference, result)
            assert not contains(reference, float(result) + 1e-2 * max(1.0, abs(float(result))))


@pytest.mark.parametrize("dtype", DTYPES)
def test_integers_below_the_precision_are_exact(dtype: str) -> None:
    arithmetic, limit = bounded(dtype), 2 ** (24 if dtype == "float32" else 53)
    exact = arithmetic.total(read(arithmetic, np.array([limit - 1, 1], dtype)))
    assert exact == Bounded(Decimal(limit), 0.0)
    beyond = arithmetic.total(read(arithmetic, np.array([limit, 2], dtype)))
    assert beyond.error > 0
    pair = read(arithmetic, np.array([4095, 4097], dtype))
    assert arithmetic.product(pair).error == 0
    quarter = read(arithmetic, np.array([0.25, 0.5, -4], dtype))
    assert arithmetic.total(quarter) == Bounded(Decimal("-3.25"), 0.0)
    assert arithmetic.number(Fraction(1, 3)).error > 0
    assert arithmetic.number(Fraction(1, 4)).error == 0


@pytest.mark.parametrize("case", [case for case in ACCEPTANCE if case.exact],
                         ids=lambda case: case.name)
def test_the_value_is_the_exact_one_and_dyadic_cases_have_no_error(case: Case) -> None:
    inputs, sizes = case.sample(5), bind(case.program, case.shapes)
    found = evaluate(case.program, inputs, sizes, bounded("float32"))["y"]
    truth = evaluate(case.program, inputs, sizes, EXACT)["y"]
    for (value, error), expected in zip(found.ravel(), truth.ravel(), strict=True):
        assert abs(Fraction(value) - expected) <= Fraction(error) / 2 ** 30
        if case.name != "adaptive average pooling":
            assert error == 0


@pytest.mark.parametrize("case", ACCEPTANCE, ids=lambda case: case.name)
def test_bounds_are_small_for_the_acceptance_set(case: Case) -> None:
    """A bound that allowed anything would prove nothing."""
    found = evaluate(case.program, case.sample(6), bind(case.program, case.shapes),
                     bounded("float64"))["y"]
    values = np.abs(nearest(found))
    errors = np.array([error for _, error in found.ravel()]).reshape(found.shape)
    assert errors.max() <= 1e-12 * max(1.0, values.max())


def test_a_comparison_inside_the_bounds_takes_the_worst_outcome() -> None:
    arithmetic = bounded("float32")
    near = Bounded(Decimal("1e-9"), 1e-8)
    slope = arithmetic.apply("relu_slope", [near], [Fraction(1, 2)])
    assert (slope.value, round(slope.error, 6)) == (1, 1)
    assert arithmetic.apply("relu_slope", [Bounded(Decimal(1), 1e-8)], [Fraction(0)]).error == 0
    assert arithmetic.apply("relu", [near], [Fraction(0)]).error == 1e-8
    assert arithmetic.apply("relu", [Bounded(Decimal(-1), 1e-8)], [Fraction(0)]) == (0, 0)
    clear = Bounded(Decimal(1), 1e-8)
    assert arithmetic.apply("same", [near, clear], ()) == (0, 0)
    assert arithmetic.apply("same", [near, near], ()) == (1, 0)         # one stored element
    assert arithmetic.apply("same", [near, Bounded(*near)], ()).error >= 1


def test_an_undecided_place_is_refused_and_an_undecided_maximum_is_not() -> None:
    arithmetic = bounded("float32")
    values = [Bounded(Decimal(1), 1e-3), Bounded(Decimal("1.0005"), 1e-4), Bounded(Decimal(0), 0.0)]
    assert arithmetic.extremum("max", values) == (Decimal("1.0005"), 1e-3)
    with pytest.raises(ParameterError, match="not decided in float32"):
        arithmetic.place("max", values, last=False)
    assert arithmetic.place("min", values, last=False) == 2


@pytest.mark.parametrize("dtype", DTYPES)
def test_overflow_underflow_and_infinities(dtype: str) -> None:
    arithmetic, info = bounded(dtype), np.finfo(dtype)
    large, small = arithmetic.read(float(info.max)), arithmetic.read(float(info.tiny))
    assert arithmetic.product([large, large]).error == math.inf
    assert arithmetic.total([large, large]).error == math.inf
    kind = np.dtype(dtype).type
    assert contains(arithmetic.product([small, small]), kind(info.tiny) * kind(info.tiny))
    third = arithmetic.read(float(kind(1) / kind(3)))
    assert contains(arithmetic.product([small, third]), kind(info.tiny) * (kind(1) / kind(3)))
    infinite, zero = arithmetic.read(math.inf), arithmetic.read(0.0)
    product = arithmetic.product([infinite, zero])
    assert product.value.is_nan()
    assert contains(product, math.nan)
    assert not contains(product, 0.0)
    assert arithmetic.total([infinite, large]) == (Decimal("Infinity"), 0)
    assert contains(arithmetic.apply("log", [zero], ()), -math.inf)
    assert contains(arithmetic.apply("sqrt", [arithmetic.read(-1.0)], ()), math.nan)
    assert arithmetic.product([zero, arithmetic.read(0.1)]) == (0, 0)
    unsure = arithmetic.product([arithmetic.read(-math.inf), Bounded(Decimal(1), 0.5)])
    for function in ("abs", "relu", "exp", "tanh"):        # of minus infinity, or of whatever
        assert contains(arithmetic.apply(function, [unsure], (Fraction(0),)), 1.0), function


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exponent", [Fraction(2), Fraction(3), Fraction(7), Fraction(-1),
                                      Fraction(-2), Fraction(1, 3), Fraction(-1, 2)])
def test_powers_are_inside(dtype: str, exponent: Fraction) -> None:
    rng, arithmetic = np.random.default_rng(4), bounded(dtype)
    a, b = (np.abs(rng.standard_normal((2, 60))) + 0.01).astype(dtype)
    power = np.dtype(dtype).type(float(exponent))
    for x, y, p, q in zip(a, b, read(arithmetic, a), read(arithmetic, b), strict=True):
        found = arithmetic.power(arithmetic.total([p, q]), exponent)
        assert contains(found, (x + y) ** power)     # 1/3 is rounded before pow sees it
        assert contains(found, float(Fraction(float(x)) + Fraction(float(y))) ** float(exponent))
        assert not contains(found, float((x + y) ** power) * (1 + 1e-4))


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_around_zero_cover_the_turning_point(dtype: str) -> None:
    arithmetic = bounded(dtype)
    square = arithmetic.power(Bounded(Decimal("1e-3"), 2e-3), Fraction(2))
    assert contains(square, 9e-6)
    assert contains(square, 0.0)
    assert not contains(square, 2e-5)
    assert arithmetic.power(Bounded(Decimal("1e-3"), 2e-3), Fraction(-1)).error == math.inf


def test_worst_needs_the_shape_the_nan_and_the_infinity() -> None:
    arithmetic = bounded("float64")
    reference = np.empty(3, dtype=object)
    for place, value in enumerate((1.0, math.nan, math.inf)):
        reference[place] = arithmetic.read(value)
    assert worst([1.0, math.nan, math.inf], reference) == 0
    assert worst([1.0, math.nan, -math.inf], reference) == math.inf
    assert worst([1.0, 0.0, math.inf], reference) == math.inf
    assert worst([1.0, math.nan], reference) == math.inf


def test_an_unknown_dtype_is_refused() -> None:
    with pytest.raises(ParameterError, match="float32 or float64"):
        bounded("float16")

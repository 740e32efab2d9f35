"""Random parameters and shapes: exact values on integers, adjoints, second order, refusals.

The oracles pad with `numpy.pad` and add up windows in Python. Kernels with run-time sizes are
kept per parameter set, so that a parameter set is built once.
"""

from __future__ import annotations

import contextlib
import itertools
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import symconv as sc
from symconv.operators import catalogue

QUICK = settings(max_examples=40, deadline=None, derandomize=True,
                 suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
BUILT = settings(QUICK, max_examples=8)         # each example compiles C
MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge",
         "symmetric": "symmetric", "circular": "wrap"}


@cache
def kernel(name: str, target: str, parameters: tuple[tuple[str, Any], ...]) -> Any:
    return sc.build(getattr(sc.ops, name)(**dict(parameters)), target, "float64")


def integers(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(float)


def padded(x: np.ndarray, low: int, high: int, mode: str) -> np.ndarray:
    return np.pad(x, ((0, 0), (0, 0), (low, high)), mode=MODES[mode])


def identities(name: str, target: str, parameters: tuple[tuple[str, Any], ...],
               operands: dict[str, np.ndarray], y: np.ndarray, seed: int) -> None:
    """The forward value, <dy, J t> = <J^T dy, t>, and the second order through both."""
    k = kernel(name, target, parameters)
    np.testing.assert_array_equal(k.forward(**operands), y)
    dy = integers(seed + 1, *y.shape)
    t = {one: integers(seed + 2 + place, *array.shape)
         for place, (one, array) in enumerate(operands.items())}
    ty, g = k.jvp(t, **operands), k.vjp(dy, **operands)
    assert (ty * dy).sum() == sum((g[one] * t[one]).sum() for one in t)
    h = k.double_vjp(t, dy, **operands)
    np.testing.assert_array_equal(h["dy"], ty)


conv_parameters = st.fixed_dictionaries({
    "stride": st.integers(1, 4), "dilation": st.integers(1, 3),
    "padding": st.tuples(st.tuples(st.integers(-2, 3), st.integers(-2, 3))),
    "padding_mode": st.sampled_from(sorted(MODES)), "groups": st.sampled_from([1, 2]),
    "flip": st.booleans(), "input_dilation": st.integers(1, 2)})


def convolved(p: dict[str, Any], x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    """The convolution by its meaning; None where the shapes have none."""
    n, c, h = x.shape
    spread = np.zeros((n, c, (h - 1) * p["input_dilation"] + 1))
    spread[:, :, ::p["input_dilation"]] = x
    (low, high), size = p["padding"][0], spread.shape[2]
    kept = size + min(low, 0) + min(high, 0)
    most = {"reflect": size - 1, "symmetric": size, "circular": size}.get(p["padding_mode"], 99)
    if kept < 1 or max(low, high) > most:
        return None
    if p["padding_mode"] == "circular":
        spread, size = spread[:, :, max(-low, 0):size + min(high, 0)], kept
        turns = [q % size for q in range(-max(low, 0), size + max(high, 0))]
        z = spread[:, :, turns]
    else:
        z = padded(spread, max(low, 0), max(high, 0), p["padding_mode"])
        z = z[:, :, max(-low, 0):z.shape[2] + min(high, 0)]
    taps = w.shape[2]
    room = z.shape[2] - p["dilation"] * (taps - 1) - 1
    if room < 0:
        return None
    g, s, d = p["groups"], p["stride"], p["dilation"]
    weights = w[:, :, ::-1] if p["flip"] else w
    y = np.zeros((n, len(w), room // s + 1)) + b[:, None]
    per = len(w) // g
    for o, i, a in itertools.product(range(len(w)), range(y.shape[2]), range(taps)):
        inputs = z[:, (o // per) * (c // g):(o // per + 1) * (c // g), s * i + d * a]
        y[:, o, i] += inputs @ weights[o, :, a]
    return y


def check_convolution(p: dict[str, Any], h: int, taps: int, seed: int, target: str) -> None:
    operands = {"x": integers(seed, 2, 4, h), "w": integers(seed + 7, 4, 4 // p["groups"], taps),
                "b": integers(seed + 8, 4)}
    want = convolved(p, **operands)
    if want is None:
        with pytest.raises(sc.SymconvError):
            sc.ops.conv1d(**p).output_shape(**{n: a.shape for n, a in operands.items()})
    else:
        identities("conv1d", target, tuple(p.items()), operands, want, seed)


@QUICK
@given(p=conv_parameters, h=st.integers(1, 7), taps=st.integers(1, 3), seed=st.integers(0, 99))
def test_convolutions_numpy(p: dict[str, Any], h: int, taps: int, seed: int) -> None:
    check_convolution(p, h, taps, seed, "numpy")


@BUILT
@given(p=conv_parameters, sizes=st.lists(st.tuples(st.integers(1, 7), st.integers(1, 3)),
                                         min_size=4, max_size=4), seed=st.integers(0, 99))
def test_convolutions_c(p: dict[str, Any], sizes: list[tuple[int, int]], seed: int) -> None:
    for h, taps in sizes:
        check_convolution(p, h, taps, seed, "c")


pool_parameters = st.fixed_dictionaries({
    "kernel_size": st.integers(1, 4), "stride": st.integers(1, 4), "dilation": st.integers(1, 3),
    "padding": st.tuples(st.tuples(st.integers(0, 3), st.integers(0, 3))),
    "ceil_mode": st.booleans(), "input_dilation": st.integers(1, 2)})
KINDS = ("max_pool1d", "min_pool1d", "avg_pool1d", "sum_pool1d", "lp_pool1d")


def windows(p: dict[str, Any], h: int) -> list[list[int]] | None:
    """For every output the inputs under it; None where there is no output."""
    spread, (low, high) = (h - 1) * p["input_dilation"] + 1, p["padding"][0]
    s, d, k = p["stride"], p["dilation"], p["kernel_size"]
    room = spread + low + high - d * (k - 1) - 1
    out = (room + (s - 1 if p["ceil_mode"] else 0)) // s + 1
    if p["ceil_mode"] and (out - 1) * s >= spread + low:
        out -= 1
    if out < 1:
        return None
    return [[q // p["input_dilation"] for q in (s * i + d * a - low for a in range(k))
             if 0 <= q < spread and q % p["input_dilation"] == 0] for i in range(out)]


def check_pool(kind: str, p: dict[str, Any], h: int, seed: int, target: str) -> None:
    if kind == "lp_pool1d":
        p = {**p, "norm_type": 1}
    if kind == "avg_pool1d":
        p = {**p, "count_include_pad": False}
    x = np.random.default_rng(seed).permutation(6 * h).reshape(2, 3, h) * 60.0   # lcm(1..5)
    found = windows(p, h)
    needs = kind not in ("sum_pool1d", "lp_pool1d")
    if found is None or (needs and not all(found)):
        with pytest.raises(sc.ShapeError):
            getattr(sc.ops, kind)(**p).output_shape(x=x.shape)
        return
    rule = {"max_pool1d": np.max, "min_pool1d": np.min, "avg_pool1d": np.mean}.get(kind, np.sum)
    want = np.stack([rule(x[:, :, one], axis=-1) for one in found], axis=-1)
    k = kernel(kind, target, tuple(p.items()))
    np.testing.assert_array_equal(k.forward(x=x), want)
    dy, t = 60 * integers(seed + 1, *want.shape), 60 * integers(seed + 2, *x.shape)
    assert (k.jvp({"x": t}, x=x) * dy).sum() == pytest.approx((k.vjp(dy, x=x)["x"] * t).sum(),
                                                              rel=1e-13, abs=1e-6)
    np.testing.assert_array_equal(k.double_vjp({"x": t}, dy, x=x)["dy"], k.jvp({"x": t}, x=x))


@QUICK
@given(kind=st.sampled_from(KINDS), p=pool_parameters, h=st.integers(1, 8),
       seed=st.integers(0, 99))
def test_pools_numpy(kind: str, p: dict[str, Any], h: int, seed: int) -> None:
    check_pool(kind, p, h, seed, "numpy")


@BUILT
@given(kind=st.sampled_from(KINDS), p=pool_parameters, seed=st.integers(0, 99))
def test_pools_c(kind: str, p: dict[str, Any], seed: int) -> None:
    for h in (1, 2, 3, 5, 8):
        check_pool(kind, p, h, seed, "c")


@QUICK
@given(kind=st.sampled_from(["max_pool1d", "reduce_max", "adaptive_max_pool1d"]),
       ties=st.sampled_from(["first", "last", "even"]), seed=st.integers(0, 99),
       values=st.lists(st.integers(0, 2), min_size=4, max_size=8))
def test_a_tie_gives_weights_that_sum_to_one_on_the_maxima(
        kind: str, ties: str, seed: int, values: list[int]) -> None:
    x = np.array(values, float).reshape(1, 1, -1)
    options: dict[str, Any] = {"max_pool1d": {"kernel_size": 3, "stride": 3, "ceil_mode": True},
                               "reduce_max": {"ndim": 3, "axes": 2},
                               "adaptive_max_pool1d": {"output_size": 1}}[kind]
    k = kernel(kind, "numpy", (*options.items(), ("ties", ties)))
    step = 3 if kind == "max_pool1d" else len(values)
    g = k.vjp(np.ones(k.forward(x=x).shape), x=x)["x"][0, 0]
    for start in range(0, len(values), step):
        window, part = np.array(values[start:start + step]), g[start:start + step]
        top = np.flatnonzero(window == window.max())
        want = np.zeros(len(window))
        if ties == "even":
            want[top] = 1 / len(top)
        else:
            want[top[0 if ties == "first" else -1]] = 1
        np.testing.assert_allclose(part, want, rtol=1e-15)


junk = st.one_of(st.integers(-3, 9), st.none(), st.booleans(), st.floats(allow_nan=True),
                 st.sampled_from(["", "same", "reflect", "x", "S", "first", "none", "p"]),
                 st.lists(st.integers(-2, 4), max_size=4).map(tuple),
                 st.lists(st.tuples(st.integers(-2, 3), st.integers(-2, 3)), max_size=3).map(tuple))


@settings(QUICK, max_examples=300)
@given(name=st.sampled_from(catalogue.names()), data=st.data())
def test_random_parameters_work_or_are_refused_as_ours(name: str, data: st.DataObject) -> None:
    """Whatever is given: an operator with shapes, or a SymconvError; nothing else is raised."""
    signature = catalogue.entry(name).signature
    chosen = data.draw(st.lists(st.sampled_from(sorted(signature.parameters)), unique=True,
                                max_size=3))
    required = [one for one, parameter in signature.parameters.items()
                if parameter.default is parameter.empty]
    given_parameters = {one: data.draw(junk) for one in dict.fromkeys([*required, *chosen])}
    shape = tuple(data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=5)))
    with contextlib.suppress(sc.SymconvError):
        op = catalogue.entry(name).make(**given_parameters)
        op.output_shape(**dict.fromkeys(op.inputs, shape))


@QUICK
@given(shape=st.lists(st.integers(1, 4), min_size=1, max_size=3), data=st.data())
def test_pads_of_any_rank(shape: list[int], data: st.DataObject) -> None:
    mode = data.draw(st.sampled_from(["constant", "reflect", "replicate", "symmetric",
                                      "circular"]))
    most = {"reflect": -1, "symmetric": 0, "circular": 0}
    pairs = tuple((data.draw(st.integers(0, h + most.get(mode, 3))),
                   data.draw(st.integers(0, h + most.get(mode, 3)))) for h in shape)
    assume(all(h + min(pair) >= 1 for h, pair in zip(shape, pairs, strict=True)))
    x = integers(3, *shape)
    want = np.pad(x, pairs, mode=MODES.get(mode, "constant"))
    identities("pad", "numpy", (("padding", pairs), ("mode", mode)), {"x": x}, want, 5)

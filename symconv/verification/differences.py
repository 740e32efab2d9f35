"""The derivation against differences of the kernel's own passes, exact on integers.

    <dy, f(x + t) - f(x - t)> = 2 * <vjp, t>        f(x + t) - f(x - t) = 2 * jvp(t)

hold for a function f of degree at most 2 in what is moved, at any step that crosses no kink: such
differences have no truncation error, and integers no rounding error. The directions t are unit
vectors (all of them, if they are few) and dense ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TypeAlias

from symconv.arrays import Array
from symconv.verification.oracle import Oracle, dot, dots, rationals
from symconv.verification.points import Point, steps
from symconv.verification.subject import Subject
from symconv.verification.verdict import Check

_SEED = 23
_Functional: TypeAlias = Callable[[Mapping[str, Array]], "Fraction | int"]


def exact_vjp(subject: Subject, point: Point, oracle: Oracle, wrt: str) -> Check:
    """The gradient of <dy, f>."""
    name = f"vjp_{wrt}"
    return _exact(f"differences: {name}",
                  lambda operands: dots(point.cotangents, oracle.forward(operands)),
                  point, wrt, subject.result(name, point)[0],
                  "<dy, f(x+t) - f(x-t)>/2 and <vjp, t>")


def exact_double(subject: Subject, point: Point, oracle: Oracle, wrt: str) -> Check:
    """The gradient of g = the sum of <vjp, v>."""
    name = f"double_vjp_{wrt}"
    return _exact(f"differences: {name}",
                  lambda operands: dots(point.directions, oracle.gradients(operands)),
                  point, wrt, subject.result(name, point)[0],
                  "g = <vjp, v>: (g(x+t) - g(x-t))/2 and <double_vjp, t>")


def exact_double_of_cotangent(subject: Subject, point: Point, output: str) -> Check:
    """The same for dy, in which g is linear: g(t) is <double_vjp_dy, t>."""
    (gradient,) = subject.result(f"double_vjp_d{output}", point)
    differ = count = 0
    for step in steps(point.cotangents[output].shape, _SEED):
        found = subject.vjp({output: step.astype(subject.dtype)}, point.operands)
        differ += dots(point.directions, found) != dot(gradient, step)
        count += 1
    return Check(f"differences: double_vjp_d{output}", f"{differ} of {count} differ", "0",
                 differ == 0, f"<vjp(t), v> and <double_vjp, t> in {count} directions, on integers")


def exact_jvp(subject: Subject, point: Point, oracle: Oracle) -> Check:
    """Every element of jvp(t), all operands moved at once."""
    differ = count = 0
    series = [steps(array.shape, _SEED + place, units=0)
              for place, array in enumerate(point.tangents.values())]
    for moves in zip(*series, strict=True):
        tangents = {name: move.astype(subject.dtype)
                    for name, move in zip(point.tangents, moves, strict=True)}
        up = oracle.forward(point.moved(tangents))
        down = oracle.forward(point.moved(tangents, -1))
        found = dict(zip(subject.outputs, subject.jvp(tangents, point.operands), strict=True))
        for name in up:
            pairs = zip(rationals(up[name]), rationals(down[name]), rationals(found[name]),
                        strict=True)
            differ += sum(a - b != 2 * c for a, b, c in pairs)
            count += up[name].size
    return Check("differences: jvp", f"{differ} of {count} differ", "0", differ == 0,
                 "(f(x+t) - f(x-t))/2 and jvp(t), on integers")


def _exact(name: str, value: _Functional, point: Point, wrt: str, gradient: Array,
           detail: str) -> Check:
    differ = count = 0
    for step in steps(point.operands[wrt].shape, _SEED):
        rise = value(point.moved({wrt: step})) - value(point.moved({wrt: step}, -1))
        differ += rise != 2 * dot(gradient, step)
        count += 1
    return Check(name, f"{differ} of {count} differ", "0", differ == 0,
                 f"{detail} in {count} directions, on integers")

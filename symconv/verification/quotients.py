"""The derivation against difference quotients in float64, where exact differences do not apply.

    <dy, f(x + h*t) - f(x - h*t)> / (2*h)   against   <vjp, t>,   and elementwise against jvp(t)

with h = 2**-17 at random numbers, which lie away from kinks. The bound adds up

* rounding: with the interpreter's bound e of f in float64, the quotient errs by e / h at most;
  twice that, because e holds at x and f is taken beside it; half as much again for step 2*h;
* truncation: the quotients with steps h and 2*h differ by 3*c*h**2 + ..., of which c*h**2 is the
  error of the first;
* the bound of the derivative under test, in its own precision.

Where x + h*t is rounded, t is taken to be the step that was really made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from symconv.arrays import Array
from symconv.verification.bounds import References, errors
from symconv.verification.oracle import Oracle, dot, dots
from symconv.verification.points import Point, steps
from symconv.verification.subject import Subject
from symconv.verification.verdict import Check

STEP = 2.0 ** -17
_SEED = 29
_UNITS, _DENSE = 24, 4


@dataclass(frozen=True, slots=True)
class Quotients:
    """`references` hold the bounds of the passes in the precision under test, `wide` those in
    float64, right beside the point; the oracle stands there, too."""

    subject: Subject
    oracle: Oracle
    point: Point
    references: References
    wide: References

    def vjp(self, wrt: str) -> Check:
        """The gradient of <dy, f>."""
        cotangents = self.oracle.point.cotangents
        rounding = sum(_weighed(cotangents[name], bounds) for name, bounds in self._bounds())
        return self._slope(f"vjp_{wrt}", wrt, cotangents, self.oracle.forward, rounding,
                           "<dy, f(x+ht) - f(x-ht)>/2h and <vjp, t>")

    def double(self, wrt: str) -> Check:
        """The gradient of g = the sum of <vjp, v>."""
        directions = self.oracle.point.directions
        rounding = sum(_weighed(array, errors(self.wide[f"vjp_{name}"][0]))
                       for name, array in directions.items())
        return self._slope(f"double_vjp_{wrt}", wrt, directions, self.oracle.gradients,
                           rounding,
                           "g = <vjp, v>: (g(x+ht) - g(x-ht))/2h and <double_vjp, t>")

    def jvp(self) -> Check:
        """Every element of jvp(t), for the tangents of the point."""
        subject, point = self.subject, self.oracle.point
        tangents = {name: self._step(name, point.tangents, STEP).astype(subject.dtype)
                    for name in point.tangents}
        fine, coarse = self._moved(STEP), self._moved(2 * STEP)
        found = dict(zip(subject.outputs, subject.jvp(tangents, self.point.operands), strict=True))
        own = dict(zip(subject.outputs, self.references["jvp"], strict=True))
        pairs: list[tuple[float, float]] = []
        for name, bounds in self._bounds():
            allowed = (5 * bounds / STEP + np.abs(coarse[name] - fine[name])
                       + errors(own[name]))
            distance = np.abs(fine[name] - found[name].astype(np.float64))
            pairs += zip(distance.ravel().tolist(), allowed.ravel().tolist(), strict=True)
        return _judged("differences: jvp", pairs, "(f(x+ht) - f(x-ht))/2h and jvp(t), in float64")

    def _bounds(self) -> list[tuple[str, Array]]:
        """The bounds of the outputs in float64, by name."""
        return [(name, errors(reference)) for name, reference
                in zip(self.subject.program.outputs, self.wide["forward"], strict=True)
                if name in self.oracle.outputs]

    def _moved(self, h: float) -> dict[str, Array]:
        point = self.oracle.point
        up, down = (self.oracle.forward(point.moved(point.tangents, sign * h))
                    for sign in (1, -1))
        return {name: (up[name] - down[name]) / (2 * h) for name in up}

    def _step(self, name: str, steps: Mapping[str, Array], h: float) -> Array:
        """The step in one operand that rounding leaves of h times a step, divided by h."""
        point = self.oracle.point
        return np.asarray((point.moved(steps, h)[name] - point.moved(steps, -h)[name]) / (2 * h))

    def _slope(self, name: str, wrt: str, weights: Mapping[str, Array],
               function: Callable[[Mapping[str, Array]], Mapping[str, Array]], rounding: float,
               detail: str) -> Check:
        point = self.oracle.point
        (gradient,) = self.subject.result(name, self.point)
        limits = errors(self.references[name][0])
        pairs: list[tuple[float, float]] = []
        for step in steps(point.operands[wrt].shape, _SEED, _UNITS, _DENSE):
            fine, coarse = (
                (dots(weights, function(point.moved({wrt: step}, h)))
                 - dots(weights, function(point.moved({wrt: step}, -h)))) / Fraction(2 * h)
                for h in (STEP, 2 * STEP))
            slope = dot(gradient, self._step(wrt, {wrt: step}, STEP))
            own = math.fsum((limits * np.abs(step)).ravel().tolist())
            pairs.append((float(abs(fine - slope)),
                          5 * rounding / STEP + float(abs(coarse - fine)) + own))
        return _judged(f"differences: {name}", pairs,
                       f"{detail} in {len(pairs)} directions, in float64")


def _judged(name: str, pairs: Sequence[tuple[float, float]], detail: str) -> Check:
    """Passed where every error is within its bound; shows the pair that is worst."""
    ratio, error, bound = max(((_ratio(e, b), e, b) for e, b in pairs), default=(0.0, 0.0, 0.0))
    return Check(name, f"{error:.2g}", f"{bound:.2g}", ratio <= 1, detail)


def _ratio(error: float, bound: float) -> float:
    if math.isnan(error) or not math.isfinite(bound):
        return math.inf
    return 0.0 if error == 0 else error / bound if bound else math.inf


def _weighed(weights: Array, bounds: Array) -> float:
    return float((np.abs(weights) * bounds).sum())

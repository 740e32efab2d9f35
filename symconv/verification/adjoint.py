"""Passes against each other: the adjoint identity, and kernels of fixed against run-time sizes.

    <dy, jvp(t)> = <vjp(dy), t>            exactly on integers, otherwise within both bounds
    double_vjp_dy = jvp(v)                 both are J v, derived in two ways
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from symconv.arrays import Array
from symconv.certainty import nearest, worst
from symconv.verification.bounds import References, errors
from symconv.verification.exact import Certificates, differences
from symconv.verification.oracle import dot, dots
from symconv.verification.points import Point
from symconv.verification.subject import Subject
from symconv.verification.verdict import Check


def exact_adjoint(subject: Subject, point: Point, wrt: str) -> Check:
    """The identity for tangents of one operand, on integers."""
    tangent = {wrt: point.tangents[wrt]}
    found = dict(zip(subject.outputs, subject.jvp(tangent, point.operands), strict=True))
    (gradient,) = subject.result(f"vjp_{wrt}", point)
    left, right = dots(point.cotangents, found), dot(gradient, tangent[wrt])
    return Check(f"adjoint: {wrt}", f"{float(left):.10g} = {float(right):.10g}", "equal",
                 left == right, "<dy, jvp(t)> and <vjp(dy), t>, on integers")


def bounded_adjoint(subject: Subject, point: Point, references: References,
                    results: References) -> Check:
    """The identity for tangents of all operands, on random numbers."""
    left = right = bound = 0.0
    for name, result, reference in zip(subject.outputs, results["jvp"], references["jvp"],
                                       strict=True):
        left += _product(point.cotangents[name], result)
        bound += _product(np.abs(point.cotangents[name]), errors(reference))
    for name in subject.operands:
        right += _product(point.tangents[name], results[f"vjp_{name}"][0])
        bound += _product(np.abs(point.tangents[name]), errors(references[f"vjp_{name}"][0]))
    scale = sum(_product(np.abs(point.tangents[name]),
                         np.abs(nearest(references[f"vjp_{name}"][0])))
                for name in subject.operands)
    bound += 2.0 ** -50 * scale * len(subject.operands)       # the sums themselves, in float64
    error = abs(left - right)
    return Check("adjoint identity", f"{error:.2g}", f"{bound:.2g}", error <= bound < math.inf,
                 "<dy, jvp(t)> and <vjp(dy), t>, on random numbers")


def exact_second(subject: Subject, point: Point) -> Check:
    """Every element of double_vjp_dy, on integers."""
    pairs = list(zip(_second(subject, point), subject.result("jvp", point), strict=True))
    differ = sum(differences(left, right) for left, right in pairs)
    return Check("adjoint: double_vjp", f"{differ} of {sum(r.size for _, r in pairs)} differ", "0",
                 differ == 0, "double_vjp for dy and jvp along v, on integers")


def bounded_second(subject: Subject, _: Point, references: References,
                   results: References) -> Check:
    """Every element of double_vjp_dy, within the bounds of both."""
    ratio, error, bound = 0.0, 0.0, 0.0
    for name, tangent, reference in zip(subject.outputs, results["jvp"], references["jvp"],
                                        strict=True):
        key = f"double_vjp_d{name}"
        distance = np.abs(results[key][0].astype(np.float64) - tangent.astype(np.float64))
        allowed = errors(references[key][0]) + errors(reference)
        for e, b in zip(distance.ravel().tolist(), allowed.ravel().tolist(), strict=True):
            found = 0.0 if e == 0 else e / b if e == e and b else math.inf
            if found >= ratio:
                ratio, error, bound = found, e, b
    return Check("adjoint: double_vjp", f"{error:.2g}", f"{bound:.2g}", ratio <= 1,
                 "double_vjp for dy and jvp along v, on random numbers")


def fixed_check(fixed: Subject, certificates: Certificates, point: Point,
                references: References) -> Check:
    """Kernels for fixed shapes: exact where kernels are, otherwise within the bounds."""
    wrong, count, exact = 0, 0, 0
    for item in fixed.passes:
        expected = certificates.values(item.name)
        if expected is not None:
            exact += 1
            for result, wanted in zip(fixed.result(item.name, certificates.point), expected,
                                      strict=True):
                wrong, count = wrong + differences(result, wanted), count + wanted.size
        elif item.name in references:
            for result, reference in zip(fixed.result(item.name, point), references[item.name],
                                         strict=True):
                wrong, count = wrong + _outside(result, reference), count + reference.size
    return Check("fixed shapes", f"{wrong} of {count} differ", "0", wrong == 0,
                 f"kernels built for these shapes: {exact} passes exact on integers, "
                 f"{len(fixed.passes) - exact} within their bounds")


def _second(subject: Subject, point: Point) -> Sequence[Array]:
    return [subject.result(f"double_vjp_d{name}", point)[0] for name in subject.outputs]


def _outside(result: Array, reference: Array) -> int:
    if reference.dtype.kind == "i":
        return differences(result, reference)
    return 0 if worst(result, reference) <= 1 else max(reference.size, 1)


def _product(left: Array, right: Array) -> float:
    return math.fsum((left.astype(np.float64) * right.astype(np.float64)).ravel().tolist())

"""Equality on integers: no rounding, hence no tolerance.

The interpreter computes in rational numbers and certifies that a kernel rounds nowhere (see
`certificate`). Where quotients occur, inputs are multiples of all divisors, so that the exact
results are integers; a kernel may multiply by a rounded reciprocal, and must then come within its
derived bound, below 1/2, of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

import numpy as np

from symconv.arrays import Array
from symconv.bounded import bounded
from symconv.errors import ParameterError
from symconv.passes import Pass
from symconv.verification.attempt import attempt
from symconv.verification.bounds import bounded_check, is_bounded
from symconv.verification.certificate import CertifyingArithmetic
from symconv.verification.points import Point, integer_point
from symconv.verification.subject import Subject
from symconv.verification.verdict import Check

_SEED = 11
_REACHES = (3, 1)
_LARGEST_FACTOR = 5040
_SAME = Decimal("1e-30")


@dataclass(slots=True)
class Certificates:
    """The exact values of passes at one point, where a kernel must return just these."""

    subject: Subject
    point: Point
    divisors: set[int] = field(default_factory=set)
    reason: str = ""
    _known: dict[str, tuple[Array, ...] | None] = field(default_factory=dict)

    def values(self, name: str) -> tuple[Array, ...] | None:
        """The values of a pass as object arrays of rationals; None where there is no
        certificate, and `reason` then tells why."""
        if name not in self._known:
            self._known[name] = self._find(_named(self.subject.passes, name))
        return self._known[name]

    def have(self, *names: str) -> bool:
        """Whether all these passes are exact."""
        return all(self.values(name) is not None for name in names)

    def _find(self, item: Pass) -> tuple[Array, ...] | None:
        arithmetic = CertifyingArithmetic(self.subject.dtype)
        try:
            found = self.subject.reference(item, self.point, arithmetic)
        except ParameterError as error:
            self.reason = self.reason or str(error).partition(":")[0]
            return None
        self.divisors |= arithmetic.divisors
        sure = arithmetic.decided and all(
            value.sure for array in found if array.dtype.kind != "i" for value in array.flat)
        if not sure:
            self.reason = self.reason or (
                "there are quotients" if arithmetic.divisors
                else "the numbers grow beyond the precision")
            return None
        return tuple(array if array.dtype.kind == "i" else _plain(array) for array in found)


def integer_certificates(subject: Subject) -> Certificates:
    """Certificates at small integers: as large as lets the forward pass be exact."""
    for reach in _REACHES:
        point = integer_point(subject.program, subject.values, subject.dtype, _SEED, reach)
        found = Certificates(subject, point)
        if found.values("forward") is not None or found.divisors:
            break
    return found


def exact_checks(certificates: Certificates, say: Callable[[str], None]) -> Iterator[Check | str]:
    """One check per pass of a rational program, and a note for every other."""
    subject, undone = certificates.subject, list[Pass]()
    for item in subject.passes:
        say(f"exact: {item.name}")
        expected = certificates.values(item.name)
        if expected is None:
            undone.append(item)
        else:
            yield attempt(f"exact: {item.name}", partial(
                _equality, subject, item.name, certificates.point, expected))
    if undone and certificates.divisors:
        yield from _quotient_checks(subject, undone, math.lcm(*certificates.divisors), say)
    elif undone:
        yield f"exact: {', '.join(item.name for item in undone)}: {certificates.reason}"


def _equality(subject: Subject, name: str, point: Point, expected: Sequence[Array]) -> Check:
    """Every element equal by value."""
    differ = sum(map(differences, subject.result(name, point), expected))
    return Check(f"exact: {name}", f"{differ} of {sum(array.size for array in expected)} differ",
                 "0", differ == 0, "kernel and rational arithmetic on integers")


def differences(result: Array, expected: Array) -> int:
    """How many elements differ; all of them where the shapes do."""
    if result.shape != expected.shape:
        return max(expected.size, 1)
    return sum(a != b for a, b in zip(result.ravel().tolist(), expected.ravel().tolist(),
                                          strict=True))


def _quotient_checks(subject: Subject, items: Sequence[Pass], factor: int,
                     say: Callable[[str], None]) -> Iterator[Check | str]:
    factor = factor if factor <= _LARGEST_FACTOR else 1
    point = integer_point(subject.program, subject.values, subject.dtype, _SEED, factor=factor)
    for item in items:
        say(f"integers: {item.name}")
        name = f"integers: {item.name}"
        try:
            reference = subject.reference(item, point, bounded(subject.dtype))
        except ParameterError as error:
            yield f"{name}: {error}"
            continue
        if not all(is_bounded(array) for array in reference):
            yield f"{name}: some results have no finite bound at the integers chosen"
            continue
        yield attempt(name, partial(_quotients, subject, item.name, point, reference, factor))


def _quotients(subject: Subject, name: str, point: Point, reference: Sequence[Array],
               factor: int) -> Check:
    """Every element within its bound, and where exact results are integers nearest to them."""
    results = subject.result(name, point)
    check = bounded_check(f"integers: {name}", results, reference,
                          f"kernel and interpreter on multiples of {factor}, divided")
    if not all(map(_are_integers, reference)):
        return check
    wrong = sum(map(_wrong_integers, results, reference))
    return Check(f"exact: {name}", f"{wrong} of {sum(array.size for array in reference)} differ",
                 "nearest integer", wrong == 0 and check.passed,
                 f"multiples of {factor}, divided: error {check.figure} <= {check.bound}")


def _are_integers(reference: Array) -> bool:
    return reference.dtype.kind == "i" or all(
        abs(value - value.to_integral_value()) < _SAME and error < 0.5
        for value, error in reference.flat)


def _wrong_integers(result: Array, reference: Array) -> int:
    if reference.dtype.kind == "i":
        return differences(result, reference)
    whole = np.array([int(value.to_integral_value()) for value, _ in reference.flat], dtype=object)
    return differences(np.rint(result), whole.reshape(reference.shape))


def _plain(array: Array) -> Array:
    plain = np.empty(array.size, dtype=object)
    plain[:] = [value.value for value in array.ravel().tolist()]
    return plain.reshape(array.shape)


def _named(passes: Sequence[Pass], name: str) -> Pass:
    return next(item for item in passes if item.name == name)

"""The function to take differences of: the kernel's own forward pass, or its gradients.

Statements that the definition freezes are held fixed, as operands of a kernel of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from symconv.arrays import Array
from symconv.bounded import bounded
from symconv.certainty import nearest
from symconv.evaluate import evaluate
from symconv.operator import Operator
from symconv.rewrite import held
from symconv.verification.points import Point
from symconv.verification.subject import Subject, make_subject


@dataclass(frozen=True, slots=True)
class Oracle:
    """`point` is where differences are taken, in the precision of the oracle; `outputs` are those
    that derivatives flow through."""

    subject: Subject
    point: Point
    frozen: Mapping[str, Array]
    outputs: tuple[str, ...]

    def forward(self, operands: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs for other operands."""
        found = self.subject.forward({**operands, **self.frozen})
        return {name: array for name, array in zip(self.subject.program.outputs, found,
                                                   strict=True) if name in self.outputs}

    def gradients(self, operands: Mapping[str, Array]) -> dict[str, Array]:
        """The gradients of <dy, outputs> for other operands."""
        cotangents = {name: self.point.cotangents[name] for name in self.outputs}
        found = self.subject.vjp(cotangents, {**operands, **self.frozen},
                                 tuple(self.point.directions))
        return {name: found[name] for name in self.point.directions}


def make_oracle(subject: Subject, point: Point, dtype: str) -> Oracle:
    """The oracle at a point; the subject's own kernel where no other is needed."""
    program = held(subject.program)
    outputs = tuple(name for name in subject.outputs if name in program.outputs)
    if program is subject.program:
        own = subject if dtype == subject.dtype else make_subject(
            subject.operator, subject.target, dtype, subject.values, ())
        return Oracle(own, point.in_type(dtype), {}, outputs)
    tensors = evaluate(subject.program, point.operands, subject.values, bounded("float64"),
                       all_tensors=True)
    frozen = {tensor.name: tensors[tensor.name] if tensor.kind == "integer"
              else nearest(tensors[tensor.name]).astype(dtype)
              for tensor in program.inputs if tensor.name not in point.operands}
    own = make_subject(Operator(program, f"{subject.operator.name}_held"), subject.target, dtype,
                       subject.values, ())
    return Oracle(own, point.in_type(dtype), frozen, outputs)


def dot(left: Array, right: Array) -> Fraction | int:
    """The inner product of two arrays of floats, without rounding."""
    return sum(p * q for p, q in zip(rationals(left), rationals(right), strict=True))


def dots(left: Mapping[str, Array], right: Mapping[str, Array]) -> Fraction | int:
    """The sum of the inner products of the arrays of `right` with those of the same names."""
    return sum(dot(left[name], array) for name, array in right.items())


def rationals(array: Array) -> list[Fraction | int]:
    """The rational numbers that floats are. ArithmeticError where one is not finite."""
    found: list[Fraction | int] = []
    for number in map(float, array.ravel().tolist()):
        if number - number != 0:
            raise ArithmeticError(f"{number} where a finite number is needed")
        found.append(int(number) if number.is_integer() else Fraction(number))
    return found

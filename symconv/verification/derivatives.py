"""Which differences and adjoint identities apply to a subject, and at which point.

Exact ones where the function is of degree at most 2 in what is moved and certificates exist, at
small integers, or at integers far apart where elements are compared; quotients in float64
otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import methodcaller

from symconv.arrays import Array
from symconv.bounded import bounded
from symconv.errors import ParameterError
from symconv.rewrite import held
from symconv.verification.adjoint import (
    bounded_adjoint,
    bounded_second,
    exact_adjoint,
    exact_second,
)
from symconv.verification.attempt import attempt
from symconv.verification.differences import (
    exact_double,
    exact_double_of_cotangent,
    exact_jvp,
    exact_vjp,
)
from symconv.verification.exact import Certificates
from symconv.verification.oracle import Oracle, make_oracle
from symconv.verification.points import Point, beside, spaced_point
from symconv.verification.quotients import Quotients
from symconv.verification.structure import Structure, structure
from symconv.verification.subject import Subject
from symconv.verification.verdict import Check

_SEED = 17
_DEGREE = 2                     # central differences are exact up to this degree

Say = Callable[[str], None]


@dataclass(slots=True)
class Derivatives:
    """`references` hold the bounded values of all passes at the random `point`, `integers` the
    certificates at small integers."""

    subject: Subject
    point: Point
    references: dict[str, tuple[Array, ...]]
    integers: Certificates
    say: Say
    _results: dict[str, tuple[Array, ...]] = field(default_factory=dict)
    _wide: dict[str, tuple[Array, ...]] = field(default_factory=dict)
    _oracles: dict[str, Oracle] = field(default_factory=dict)

    def differences(self) -> Iterator[Check | str]:
        """vjp for every operand, jvp, double vjp for every operand and cotangent."""
        subject = self.subject
        kind = structure(held(subject.program), subject.operands)
        spot = self._spot(kind)
        gradients = [f"vjp_{name}" for name in subject.operands]
        for wrt in subject.operands:
            name = f"vjp_{wrt}"
            if spot and kind.degree[wrt] <= _DEGREE and spot.have("forward", name):
                yield self._exact(name, spot, exact_vjp, wrt)
            else:
                yield self._quotient(name, ("forward",), methodcaller("vjp", wrt))
        if spot and kind.joint <= _DEGREE and spot.have("forward", "jvp"):
            yield self._exact("jvp", spot, exact_jvp)
        else:
            yield self._quotient("jvp", ("forward",), methodcaller("jvp"))
        for output in subject.outputs:
            name = f"double_vjp_d{output}"
            if self.integers.have(name, *gradients):
                self.say(f"differences: {name}")
                yield attempt(f"differences: {name}", partial(
                    exact_double_of_cotangent, subject, self.integers.point, output))
        for wrt in subject.operands:
            name = f"double_vjp_{wrt}"
            if spot and kind.degree[wrt] <= _DEGREE and spot.have(name, *gradients):
                yield self._exact(name, spot, exact_double, wrt)
            else:
                yield self._quotient(name, ("forward", *gradients), methodcaller("double", wrt))

    def adjoints(self) -> Iterator[Check | str]:
        """The adjoint identity, and the double gradient for the cotangent against the jvp."""
        subject, point = self.subject, self.integers.point
        self.say("adjoint")
        rest = False
        for wrt in subject.operands:
            if self.integers.have("jvp", f"vjp_{wrt}"):
                yield attempt(f"adjoint: {wrt}", partial(exact_adjoint, subject, point, wrt))
            else:
                rest = True
        gradients = [f"vjp_{name}" for name in subject.operands]
        seconds = [f"double_vjp_d{name}" for name in subject.outputs]
        if rest:
            yield self._bounded("adjoint identity", ("jvp", *gradients), bounded_adjoint)
        if self.integers.have("jvp", *seconds):
            yield attempt("adjoint: double_vjp", lambda: exact_second(subject, point))
        else:
            yield self._bounded("adjoint: double_vjp", ("jvp", *seconds), bounded_second)

    def _spot(self, kind: Structure) -> Certificates | None:
        """Where differences may be exact."""
        if kind.kinks == "none":
            return self.integers
        if kind.kinks == "inside":
            return None
        point = spaced_point(self.subject.program, self.subject.values, self.subject.dtype, _SEED)
        return Certificates(self.subject, point)

    def _exact(self, name: str, spot: Certificates, check: Callable[..., Check],
               *wrt: str) -> Check | str:
        self.say(f"differences: {name}")
        return attempt(f"differences: {name}", lambda: check(
            self.subject, spot.point, self._oracle(spot.point, self.subject.dtype), *wrt))

    def _quotient(self, name: str, wide: Sequence[str],
                  check: Callable[[Quotients], Check]) -> Check | str:
        self.say(f"differences: {name}")
        if name not in self.references:
            return f"differences: {name}: it has no bound at the inputs chosen"
        try:
            references = {item: self._bounds(item) for item in wide}
        except ParameterError as error:
            return f"differences: {name}: {error}"
        return attempt(f"differences: {name}", lambda: check(Quotients(
            self.subject, self._oracle(self.point, "float64"), self.point,
            self.references, references)))

    def _bounded(self, name: str, needed: Sequence[str],
                 check: Callable[..., Check]) -> Check | str:
        missing = [item for item in needed if item not in self.references]
        if missing:
            return f"{name}: {', '.join(missing)} has no bound at the inputs chosen"
        return attempt(name, lambda: check(self.subject, self.point, self.references,
                                           {item: self._result(item) for item in needed}))

    def _oracle(self, point: Point, dtype: str) -> Oracle:
        key = f"{dtype} {id(point)}"
        if key not in self._oracles:
            self._oracles[key] = make_oracle(self.subject, point, dtype)
        return self._oracles[key]

    def _result(self, name: str) -> tuple[Array, ...]:
        if name not in self._results:
            self._results[name] = self.subject.result(name, self.point)
        return self._results[name]

    def _bounds(self, name: str) -> tuple[Array, ...]:
        """The values of a pass with their bounds in float64, at operands of full precision: float32
        numbers may have no rounding errors where the ones beside them do."""
        if self.subject.dtype == "float64":
            return self.references[name]
        if name not in self._wide:
            item = next(item for item in self.subject.passes if item.name == name)
            self._wide[name] = self.subject.reference(item, beside(self.point), bounded("float64"))
        return self._wide[name]

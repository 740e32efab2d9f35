"""The derivative of a maximum at made ties: weights, the tie rule, one-sided derivatives, NaN.

For y = max over a window of x the gradient for a unit cotangent is the window's weights. They must
not be negative, sum to 1, and stand only where the maximum is reached; `first`, `last` and `even`
say where. Along any v the derivative lies between the one-sided ones,

    -f'(x; -v) <= jvp(v) <= f'(x; v)         (the other way round for a minimum),

which are differences on integers. A window with a NaN is NaN; the first NaN is its maximum.

Windows are read off the definition by the interpreter alone: `_Windows` is an arithmetic in which
a value is the place of an element, and an extremum is the list of places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from symconv.arithmetic import Value, item
from symconv.arrays import Array
from symconv.errors import ParameterError
from symconv.evaluate import evaluate
from symconv.integers import Int
from symconv.ir import Access, Axis, Definition, Program, Tensor
from symconv.operator import Operator
from symconv.rewrite import row_expressions
from symconv.shapes import specialise
from symconv.verification.points import integer_point
from symconv.verification.subject import Subject, make_subject
from symconv.verification.verdict import Check

_SEED = 31
_WINDOWS = 160                  # weights are read off for at most so many outputs
_GAP = 8                        # larger than twice a step


class _Windows:
    """Places instead of numbers: what an extremum is taken over, in order."""

    def read(self, entry: object) -> Value:
        return item(entry)

    def extremum(self, kind: str, values: Sequence[Value]) -> Value:
        return tuple(values)

    def number(self, value: Fraction) -> Value:
        raise ParameterError("a maximum of computed values has no windows of its own")

    def total(self, values: Sequence[Value]) -> Value:
        return self.number(Fraction(0))

    def product(self, values: Sequence[Value]) -> Value:
        return self.number(Fraction(0))

    def power(self, base: Value, exponent: Fraction) -> Value:
        return self.number(exponent)

    def apply(self, function: str, arguments: Sequence[Value],
              constants: Sequence[Fraction]) -> Value:
        return self.number(Fraction(0))

    def place(self, kind: str, values: Sequence[Value], last: bool) -> int:
        raise ParameterError("places have no order")


@dataclass(frozen=True, slots=True)
class _Trial:
    """A maximum alone: its kernel, the operand compared, the others, and its windows, for each
    output the places in the flat operand."""

    subject: Subject
    definition: Definition
    operand: str
    others: Mapping[str, Array]
    windows: tuple[tuple[int, ...], ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(axis.stored.constant or 0 for axis in
                     specialise(self.subject.program, self.subject.values)
                     .tensor(self.operand).axes)

    def operands(self, x: Array) -> dict[str, Array]:
        return {**self.others, self.operand: x.reshape(self.shape).astype(self.subject.dtype)}

    def forward(self, x: Array) -> Array:
        return self.subject.forward(self.operands(x))[0].ravel()

    def weights(self, x: Array, output: int) -> Array:
        """The gradient for a unit cotangent, flat."""
        (name,) = self.subject.program.outputs
        shape = self.subject.forward(self.operands(x))[0].shape
        unit = np.zeros(len(self.windows), self.subject.dtype)
        unit[output] = 1
        found = self.subject.vjp({name: unit.reshape(shape)}, self.operands(x), self.operand)
        return found[self.operand].ravel()

    def tangent(self, x: Array, v: Array) -> Array:
        step = {self.operand: v.reshape(self.shape).astype(self.subject.dtype)}
        return self.subject.jvp(step, self.operands(x))[0].ravel()


def tie_checks(subject: Subject) -> Iterator[Check]:
    """Four checks for every maximum or minimum that the program differentiates."""
    for definition in subject.program.definitions:
        if definition.reduction in ("max", "min") and not definition.frozen:
            trial = _trial(subject, definition)
            if trial.windows and trial.shape:
                yield from _weights(trial)
                yield _one_sided(trial)
                yield _nan(trial)


def _trial(subject: Subject, definition: Definition) -> _Trial:
    alone = _alone(subject, definition)
    (term,) = alone.program.definitions[0].terms
    body = term.body
    name = body.tensor if isinstance(body, Access) else ""
    point = integer_point(alone.program, alone.values, alone.dtype, _SEED)
    places = {**point.operands, name: np.arange(point.operands[name].size).reshape(
        point.operands[name].shape)}
    (found,) = evaluate(alone.program, places, alone.values, _Windows()).values()
    others = {other: array for other, array in point.operands.items() if other != name}
    return _Trial(alone, definition, name, others, tuple(found.ravel().tolist()))


def _alone(subject: Subject, definition: Definition) -> Subject:
    """The subject itself where it is this maximum of elements, or a kernel of this alone."""
    (term,) = definition.terms
    direct = isinstance(term.body, Access)
    if direct and subject.program.definitions == (definition,):
        return subject
    program = specialise(subject.program, subject.values)
    definition = program.definition(definition.target.name)
    (term,) = definition.terms
    if isinstance(term.body, Access):
        compared = program.tensor(term.body.tensor)
    else:                                    # computed values: one operand element for each
        indices = (*definition.free, *term.bound)
        compared = Tensor(f"{definition.target.name}_in", tuple(
            Axis(index.extent, (index.extent,)) for index in indices))
        body = Access(compared.name, tuple(Int.of(index.name) for index in indices))
        definition = replace(definition, terms=(replace(term, body=body),))
    labels = {element.tensor: program.tensor(element.tensor) for row in term.rows
              for expression in row_expressions(row) for element in expression.elements()}
    alone = Program((compared, *labels.values()), (definition,), (definition.target.name,))
    return make_subject(Operator(alone, f"{subject.operator.name}_{definition.target.name}"[:60]),
                        subject.target, subject.dtype, {}, (), fixed=True)


def _weights(trial: _Trial) -> Iterator[Check]:
    """The weights at ties, as a subgradient and as the rule says."""
    rng = np.random.default_rng(_SEED)
    x = rng.integers(0, 3, int(np.prod(trial.shape)))
    kind, ties = trial.definition.reduction, trial.definition.ties
    unit = float(np.finfo(trial.subject.dtype).eps)
    outputs = _chosen(trial)
    improper = astray = tied = 0
    for output in outputs:
        window = trial.windows[output]
        values = x[list(window)]
        best = values.max() if kind == "max" else values.min()
        winners = [place for place, value in zip(window, values, strict=True) if value == best]
        tied += len(winners) > 1
        weights = trial.weights(x, output)
        outside = np.delete(weights, list(dict.fromkeys(winners)))
        improper += not (np.all(weights >= 0) and not outside.any()
                         and abs(float(weights.sum()) - 1) <= len(winners) * unit)
        expected = _expected(winners, ties, weights.size)
        astray += not np.all(np.abs(weights - expected) <= (unit if ties == "even" else 0.0))
    name = trial.definition.target.name
    yield Check(f"kink: {name} weights", f"{improper} of {len(outputs)} wrong", "0", improper == 0,
                f"weights >= 0, sum 1, only where the {kind} is reached; {tied} windows tie")
    yield Check(f"kink: {name} ties {ties}", f"{astray} of {len(outputs)} wrong", "0",
                astray == 0, f"weights and the rule; {tied} windows tie")


def _expected(winners: Sequence[int], ties: str, size: int) -> Array:
    expected = np.zeros(size)
    chosen = {"first": winners[:1], "last": winners[-1:]}.get(ties, winners)
    for place in chosen:
        expected[place] += 1 / len(chosen)
    return expected


def _one_sided(trial: _Trial) -> Check:
    """jvp(v) between the one-sided derivatives, at integers with ties."""
    rng = np.random.default_rng(_SEED)
    size, outside, count = int(np.prod(trial.shape)), 0, 0
    for _ in range(4):
        x = _GAP * rng.integers(0, 3, size)
        v = rng.integers(-3, 4, size)
        here = trial.forward(x)
        ends = trial.forward(x + v) - here, here - trial.forward(x - v)
        slack = float(np.finfo(trial.subject.dtype).eps) * 3 * _most(trial)
        found = trial.tangent(x, v)
        outside += int(np.sum(~((found >= np.minimum(*ends) - slack)
                                & (found <= np.maximum(*ends) + slack))))
        count += found.size
    return Check(f"kink: {trial.definition.target.name} one-sided", f"{outside} of {count} outside",
                 "0", outside == 0, "jvp(v) and the interval of the one-sided derivatives along v")


def _nan(trial: _Trial) -> Check:
    """NaN where a window has one, and nowhere else; its weight goes to the first."""
    rng = np.random.default_rng(_SEED)
    size = int(np.prod(trial.shape))
    x = rng.integers(0, 3, size).astype(np.float64)
    clean = trial.forward(x)
    marked = set(rng.choice(size, max(1, size // 6), replace=False).tolist())
    x[list(marked)] = np.nan
    y = trial.forward(x)
    wrong, outputs = 0, _chosen(trial)
    for output in outputs:
        found = [place for place in trial.windows[output] if place in marked]
        if not found:
            wrong += y[output] != clean[output]
            continue
        weights = trial.weights(x, output)
        expected = _expected(found, "first" if trial.definition.ties != "even" else "even", size)
        unit = float(np.finfo(trial.subject.dtype).eps)
        wrong += not (np.isnan(y[output]) and np.all(np.abs(weights - expected) <= unit))
    return Check(f"kink: {trial.definition.target.name} NaN", f"{wrong} of {len(outputs)} wrong",
                 "0", wrong == 0, "NaN where a window has one, with the weight on the first NaN")


def _chosen(trial: _Trial) -> list[int]:
    count = len(trial.windows)
    if count <= _WINDOWS:
        return list(range(count))
    rng = np.random.default_rng(_SEED)
    return sorted(int(place) for place in rng.choice(count, _WINDOWS, replace=False))


def _most(trial: _Trial) -> int:
    return max(len(window) for window in trial.windows) if trial.definition.ties == "even" else 0



"""z3 as a judge: implications between rows, over unbounded integers.

A claim is proved where z3 finds its negation unsatisfiable. Quotients by a symbol get a name q
with d*q <= n < d*q + d, given that d is at least 1. Elements of integer tensors are values of an
unknown function. z3's effort is limited by its own count of steps; "unknown" is no proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import z3

from symconv.integers import Atom, Element, Extremum, Floor, Int
from symconv.ir import AtLeast, Divides, Equal, Row
from symconv.prove.statement import Judgement

Formula: TypeAlias = Any        # z3 ships no types

STEPS = 20_000_000              # z3's resource limit; independent of the machine's load


@dataclass(slots=True)
class Reader:
    """Integer expressions and rows as z3 formulas; `axioms` define what they name."""

    axioms: list[Formula] = field(default_factory=list)
    quotients: dict[Floor, Formula] = field(default_factory=dict)

    def integer(self, expression: Int) -> Formula:
        total = z3.IntVal(0)
        for monomial, coefficient in expression.terms:
            product = z3.IntVal(coefficient)
            for atom in monomial:
                product = product * self._atom(atom)
            total = total + product
        return z3.simplify(total)

    def row(self, row: Row) -> Formula:
        match row:
            case Equal(expression):
                return self.integer(expression) == 0
            case AtLeast(expression):
                return self.integer(expression) >= 0
            case Divides(modulus, expression):
                if modulus.constant is not None:
                    return self.integer(expression) % modulus.constant == 0
                quotient = self._quotient(Floor(expression, modulus))
                return self.integer(modulus) * quotient == self.integer(expression)

    def rows(self, rows: Sequence[Row]) -> Formula:
        return z3.And(*map(self.row, rows))

    def equal(self, left: Sequence[Int], right: Sequence[Int]) -> Formula:
        """All pairs are equal."""
        return z3.And(*(self.integer(a) == self.integer(b)
                        for a, b in zip(left, right, strict=True)))

    def _atom(self, atom: Atom) -> Formula:
        match atom:
            case str():
                return z3.Int(atom)
            case Floor(numerator, denominator):
                if denominator.constant is not None:
                    return self.integer(numerator) / denominator.constant
                return self._quotient(atom)
            case Extremum(kind, arguments):
                first, *rest = map(self.integer, arguments)
                for value in rest:
                    smaller = value < first if kind == "min" else value > first
                    first = z3.If(smaller, value, first)
                return first
            case Element(tensor, subscripts):
                sorts = [z3.IntSort()] * (len(subscripts) + 1)
                return z3.Function(f"{tensor}!", *sorts)(*map(self.integer, subscripts))

    def _quotient(self, atom: Floor) -> Formula:
        if atom not in self.quotients:
            self.quotients[atom] = quotient = z3.Int(f"q!{len(self.quotients)}")
            top, bottom = self.integer(atom.numerator), self.integer(atom.denominator)
            self.axioms.append(z3.Implies(bottom >= 1, z3.And(
                bottom * quotient <= top, top < bottom * quotient + bottom)))
        return self.quotients[atom]


def both(*formulas: Formula) -> Formula:
    return z3.And(*formulas)


def either(formulas: Sequence[Formula]) -> Formula:
    """One of them; false where there is none."""
    return z3.Or(*formulas)


def implied(reader: Reader, hypotheses: Sequence[Formula], conclusion: Formula) -> Judgement:
    """Whether the conclusion holds wherever the hypotheses do."""
    solver = z3.Solver()
    solver.set("rlimit", STEPS)
    solver.add(*hypotheses, *reader.axioms, z3.Not(conclusion))
    answer = solver.check()
    if answer == z3.unsat:
        return Judgement(True, "z3")
    if answer == z3.sat:
        return Judgement(False, "refuted by z3")
    return Judgement(False, f"not proved: z3 gave up ({solver.reason_unknown()})")


def horner_step() -> Judgement:
    """0 <= f < P and 0 <= s < E imply 0 <= f*E + s < P*E.

    By induction over the axes a flat offset then lies in [0, product of the extents), wherever
    each subscript lies in its extent.
    """
    f, p, s, e = z3.Ints("f P s E")
    return implied(Reader(), [f >= 0, f < p, s >= 0, s < e],
                   z3.And(f * e + s >= 0, f * e + s < p * e))


def consistent(rows: Sequence[Row]) -> Judgement:
    """Whether some sizes meet all rows; without that every statement about them would be empty."""
    reader = Reader()
    solver = z3.Solver()
    solver.set("rlimit", STEPS)
    solver.add(reader.rows(rows), *reader.axioms)
    met = solver.check() == z3.sat
    return Judgement(met, "z3" if met else "not proved: z3 found no sizes that meet them")

"""Kinks of reductions: a maximum as a sum with a frozen selector.

    y[F] = max over a of f(F,a)   becomes   y[F] = sum over a of S[F,a] * f(F,a)

where S >= 0, sum over a of S = 1, and S is nonzero only where the maximum is reached. The
selector is computed by statements of its own, which are not differentiated:

* ties "first", "last":  y_at[F] = the place of the first (last) maximum,  S = [place(a) = y_at[F]]
* ties "even":           y_top[F] = the maximum,  y_ties[F] = how often it is reached,
                         S = [f(F,a) = y_top[F]] / y_ties[F]

The place of a is its number in the lexicographic order of the bound indices.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from symconv.integers import Element, Int
from symconv.ir import Access, Apply, Definition, Equal, Index, Power, Program, Tensor
from symconv.names import fresh, global_names, names_of
from symconv.tidy import times


def select(program: Program) -> Program:
    """The same program with every differentiable maximum and minimum as a selected sum."""
    used = names_of(program) | global_names(program)
    definitions: list[Definition] = []
    for definition in program.definitions:
        if definition.reduction in ("max", "min") and not definition.frozen:
            definitions += _selected(definition, used)
        else:
            definitions.append(definition)
    return replace(program, definitions=tuple(definitions))


def place(bound: tuple[Index, ...]) -> Int:
    """The number of a point in the lexicographic order of its indices: (a*E + e)*F + f."""
    number = Int.of(0)
    for index in bound:
        number = number * index.extent + Int.of(index.name)
    return number


def _selected(definition: Definition, used: set[str]) -> list[Definition]:
    (term,), target = definition.terms, definition.target
    free = tuple(Int.of(index.name) for index in definition.free)
    if definition.ties in ("first", "last"):
        at = Tensor(fresh(f"{target.name}_at", used), target.axes, "integer")
        where = place(term.bound)
        chosen = Equal(where - Int.atom(Element(at.name, free)))
        return [
            replace(definition, target=at, terms=(replace(term, witness=where),), frozen=True,
                    reduction="argmax" if definition.reduction == "max" else "argmin"),
            replace(definition, terms=(replace(term, rows=(*term.rows, chosen)),),
                    reduction="sum", ties="first"),
        ]
    top = Tensor(fresh(f"{target.name}_top", used), target.axes)
    ties = Tensor(fresh(f"{target.name}_ties", used), target.axes)
    reached = Apply("same", (term.body, Access(top.name, free)))
    count = Access(ties.name, free)
    share = times(reached, Power(count, Fraction(-1)))
    return [
        replace(definition, target=top, frozen=True),
        Definition(ties, definition.free, (replace(term, body=times(reached)),), frozen=True),
        Definition(target, definition.free, (replace(term, body=times(share, term.body)),)),
    ]



"""A definition as loops with exact bounds.

Each term is eliminated (`elimination`), its variables are put in an order, and the rows become the
bounds and tests of loops in that order (`nesting`). Two orders are used:

* dot    free variables, then bound ones: one accumulator per element.
* rows   the last free variable innermost, where it runs along memory in every operand, or takes
         short steps there: the inner loop adds a multiple of one row to another, which compilers
         turn into vector code.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from symconv.absence import refusal
from symconv.elimination import eliminate
from symconv.integers import Int
from symconv.ir import Access, Definition, Number, Program, Term
from symconv.loops import Begin, Fold, Loop, Node, Refuse, Store
from symconv.nesting import is_test, nest
from symconv.relation import certain_reads
from symconv.rewrite import accesses, row_names, scalar_names, substitute_scalar
from symconv.solve import length
from symconv.unknowns import Eliminated

_FAR = 4        # elements from one read to the next: more of them are no row


@dataclass(frozen=True, slots=True)
class Looped:
    """One definition; `tasks` are names of leading free indices that are set from outside."""

    definition: Definition
    tasks: frozenset[str]
    derived: frozenset[str]
    taken: set[str]
    program: Program

    def run(self) -> list[Node]:
        definition = self.definition
        if definition.reduction != "sum":
            (term,) = definition.terms
            return self._term(term, self.eliminated(term), add=False)
        nodes: list[Node] = []
        parts = [(term, self.eliminated(term)) for term in definition.terms]
        first = bool(parts) and parts[0][1].covers and not self._by_rows(*parts[0])
        if not first:
            nodes += self._fill_zero()
        for number, (term, solved) in enumerate(parts):
            nodes += self._term(term, solved, add=number > 0 or not first)
        return nodes

    def _term(self, term: Term, parts: Eliminated, add: bool) -> list[Node]:
        target = Access(self.definition.target.name, tuple(
            Int.of(index.name).substitute(parts.values) for index in self.definition.free))
        value = substitute_scalar(term.body, parts.values)
        outer = [v for v in parts.outer if v.name not in self.tasks]
        if self._by_rows(term, parts):
            order = [*outer[:-1], *parts.inner, outer[-1]]
            return nest(parts, order, len(order), (), (Store(target, value, True),), ())
        local = {variable.name for variable in parts.inner}
        if any(place.names() & local or place.elements() for place in target.subscripts):
            order = [*outer, *parts.inner]
            return nest(parts, order, len(order), (), (Store(target, value, True),), ())
        if not parts.inner and self.definition.reduction == "sum":
            store = Store(target, value, add)
            if not add and parts.rows != () and any(is_test(row) for row in parts.rows):
                return [*self._fill_zero(), *self._term(term, parts, add=True)]
            return nest(parts, outer, len(outer), (), (store,), ())
        reduction, ties = self.definition.reduction, self.definition.ties
        witness = None if term.witness is None else term.witness.substitute(parts.values)
        lacking = refusal(self.definition)
        refuse = () if lacking is None else (Refuse(lacking),)
        return nest(parts, [*outer, *parts.inner], len(outer),
                    (Begin(reduction, self.definition.target.kind),),
                    (Fold(reduction, ties, value, witness),),
                    (*refuse, Store(target, None, add)), every=not add)

    def _fill_zero(self) -> list[Node]:
        free = [i for i in self.definition.free if i.name not in self.tasks]
        target = Access(self.definition.target.name,
                        tuple(Int.of(index.name) for index in self.definition.free))
        node: Node = Store(target, Number(Fraction(0)), False)
        for index in reversed(free):
            node = Loop(index.name, Int.of(0), index.extent, (node,))
        return [node]

    def eliminated(self, term: Term) -> Eliminated:
        used = self.taken | {i.name for i in (*self.definition.free, *term.bound)}
        certain = certain_reads(term, self.definition.free,
                                lambda name: self.program.tensor(name).logical)
        fixed = self.tasks
        if refusal(self.definition) is not None:        # every element is visited, to be refused
            fixed |= {index.name for index in self.definition.free}
        return eliminate(self.definition.free, term, self.derived, fixed, used,
                         self.definition.reduction == "sum", certain)

    def _by_rows(self, term: Term, parts: Eliminated) -> bool:
        """Whether the last free variable may, and should, run innermost."""
        definition = self.definition
        outer = [v for v in parts.outer if v.name not in self.tasks]
        if definition.reduction != "sum" or not parts.inner or not outer:
            return False
        last, axis = outer[-1].name, definition.free[-1]
        if last not in Int.of(axis.name).substitute(parts.values).names():
            return False
        if any(last in value.names() for _, value in parts.lets):
            return False
        if any(is_test(row) and last in row_names(row) for row in parts.rows):
            return False
        value = substitute_scalar(term.body, parts.values)
        contiguous = [abs(access.subscripts[-1].coefficient(last).constant or _FAR) < _FAR
                      for access in accesses(value) if last in scalar_names(access)]
        if not contiguous or not all(contiguous):
            return False
        if any(last in subscript.names() for access in accesses(value)
               for subscript in access.subscripts[:-1]):
            return False
        shortest = parts.inner[-1].extent
        return shortest is None or length(axis.extent, self.derived) >= length(
            shortest, self.derived)

"""Lowering: a pass becomes loops with exact bounds.

Each term is eliminated (`elimination`), its variables are put in an order, and the rows become the
bounds and tests of loops in that order (`nesting`). Two orders are used:

* dot    free variables, then bound ones: one accumulator per element.
* rows   the last free variable innermost, where it runs along memory in every operand: the inner
         loop adds a multiple of one row to another, which compilers turn into vector code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from symconv.absence import refusal
from symconv.choice import Choice
from symconv.elimination import eliminate
from symconv.integers import Int
from symconv.ir import Access, Definition, Number, Program, Term
from symconv.loops import (
    Begin,
    Fold,
    Loop,
    Node,
    Refuse,
    Routine,
    Stenciled,
    Store,
    Tiled,
    Transformed,
    plan_texts,
)
from symconv.names import fresh, global_names, rename_bound, rename_free
from symconv.nesting import is_test, nest
from symconv.passes import Pass
from symconv.relation import certain_reads
from symconv.rewrite import accesses, row_names, scalar_names, substitute_scalar
from symconv.schedule import tasks as tile_tasks
from symconv.schedule import tiled
from symconv.solve import length
from symconv.stencil import Stencil, stencil_text
from symconv.stencil_abreast import abreast, abreast_both
from symconv.stencil_chain import chained
from symconv.stencil_sums import sums
from symconv.stencilling import paired, stencil
from symconv.tasks import task_axes
from symconv.transforming import transform_tasks, transformed
from symconv.unknowns import Eliminated
from symconv.wanted import guards, readers


def lower(item: Pass, schedule: str = "auto", transforms: bool = False,
          choice: Choice | None = None) -> Routine:
    """The loops of a pass. Its program's sizes may be names or numbers.

    `schedule` is one of `schedule.SCHEDULES`; faster ones than "reference" need numbers. With
    `transforms`, "auto" may take a Winograd plan. A `choice` decides among the plans of "auto".
    """
    made = _lowered(item, schedule, transforms, choice)
    if choice is not None:
        choice.confirm(plan_texts(made))
    return made


def _lowered(item: Pass, schedule: str, transforms: bool, choice: Choice | None) -> Routine:
    program = item.program
    is_fast = schedule != "reference" and not program.sizes
    count = task_axes(program)
    head = program.definition(program.outputs[0])
    tasks = tuple((index.name, index.extent) for index in head.free[:count])
    taken = global_names(program)
    derived = frozenset(size.name for size in program.sizes if size.value is not None)
    outside = frozenset(name for name, _ in tasks)
    definitions: list[Definition] = []
    for definition in program.definitions:
        wishes = (*(name for name, _ in tasks),
                  *(index.name for index in definition.free[count:]))
        beside = taken | {index.name for index in definition.free}
        apart = replace(definition, terms=tuple(
            rename_bound(term, {name for name, _ in tasks}, beside) for term in definition.terms))
        definitions.append(rename_free(apart, wishes, taken))
    windows = (_together(definitions, program, tasks, choice)
               or _stencils(definitions, program, tasks, choice)) if is_fast else {}
    if is_fast and len(definitions) == 1 and not windows:
        tiles = _tiled(program.definitions[0], program, frozenset(), 0, choice,
                       alone=True)
        node = _transformed(program, tiles, schedule, choice) if (
            transforms or schedule == "winograd") else None
        if node is not None:
            return Routine(item.name, program, transform_tasks(node), (), (node,))
        if tiles is not None:
            return Routine(item.name, program, tile_tasks(tiles), (), (tiles,))
    body: list[Node] = []
    needed: list[frozenset[str]] = []
    owners: list[str] = []
    results = readers(program)
    for definition in definitions:
        name = definition.target.name
        whole = windows[name] if name in windows else (
            _tiled(definition, program, outside, count, choice, alone=False) if is_fast else None)
        if whole is not None:
            body.append(whole)
        elif name not in windows:
            body += _Lowering(definition, outside, derived, taken, program).run()
        needed += [results[name]] * (len(body) - len(needed))
        owners += [name] * (len(body) - len(owners))
        if isinstance(whole, Stenciled) and whole.plan.places is not None:
            needed[-1] |= results[whole.plan.places]
        if isinstance(whole, Stenciled) and (maps := whole.plan.abreast) is not None:
            tasks = tuple((maps.group, Int.of(maps.groups)) if index == maps.index else (
                index, extent) for index, extent in tasks)
    scratch = tuple(d.target for d in program.definitions if d.target.name not in program.outputs)
    flags, tests = guards(program, needed) if item.entries else ((), ())
    return Routine(item.name, program, tasks, scratch, tuple(body), tuple(owners), flags, tests)


def _together(definitions: Sequence[Definition], program: Program,
              tasks: Sequence[tuple[str, Int]],
              choice: Choice | None) -> dict[str, Stenciled | None]:
    """Places and what reads nothing else of them, for small maps abreast or band by band; otherwise
    nothing."""
    if len(definitions) != 2 or definitions[0].target.name in program.outputs or any(
            refusal(definition) is not None for definition in definitions):
        return {}
    taken, outside = global_names(program), frozenset(name for name, _ in tasks)
    tensors = {t.name: t for t in (*program.inputs, *(d.target for d in definitions))}
    used = taken | {index.name for each in definitions for index in each.free} | {
        index.name for each in definitions for term in each.terms for index in term.bound}
    group = fresh("group", used)
    plans: list[Stencil] = []
    plain: list[Node] = []
    for definition in definitions:
        whole = _Lowering(definition, outside, frozenset(), taken, program)
        found = stencil([definition], tensors, outside, used, whole.eliminated)
        if found is None:
            return {}
        plans.append(found)
        plain += whole.run()
    first, last = plans
    both = abreast_both(first, last, tasks, tensors, group) or chained(first, last, tensors)
    if both is None:
        return {}
    first, last = both
    text = f"stencil: {stencil_text(last)}"
    name = definitions[-1].target.name
    if choice is not None and choice.taken(name, "stencil", 0, {text: 0.0}, text) is None:
        return {}
    return {definitions[0].target.name: None, name: Stenciled(last, tuple(plain), (first,))}


def _stencils(definitions: Sequence[Definition], program: Program,
              tasks: Sequence[tuple[str, Int]],
              choice: Choice | None) -> dict[str, Stenciled | None]:
    """The definitions that are windows, by target; None for a place that its maximum brings."""
    taken, outside = global_names(program), frozenset(name for name, _ in tasks)
    tensors = {t.name: t for t in (*program.inputs, *(d.target for d in definitions))}
    found: dict[str, Stenciled | None] = {}
    for number, definition in enumerate(definitions):
        if definition.target.name in found or refusal(definition) is not None:
            continue
        group = definitions[number:number + 2]
        group = group if len(group) == 2 and paired(*group) else group[:1]
        used = taken | {index.name for each in group for index in each.free} | {
            index.name for each in group for term in each.terms for index in term.bound}
        alone = _Lowering(definition, outside, frozenset(), taken, program).eliminated
        plan = stencil(group, tensors, outside, used, _Lowering(
            group[-1], outside, frozenset(), taken, program).eliminated)
        if len(definitions) == 1:               # tasks may have many maps
            some = plan or sums(definition, tensors, outside, alone, vectors=False)
            if some is not None and some.places is None:
                plan = abreast(some, tasks, tensors, fresh("group", used)) or plan
        plan = plan or sums(definition, tensors, outside, alone)
        if plan is not None and choice is not None:
            text = f"stencil: {stencil_text(plan)}"
            if choice.taken(definition.target.name, "stencil", 0, {text: 0.0}, text) is None:
                plan = None
        if plan is not None:
            inside = outside | {span.name for span in plan.loops}
            plain = [node for each in group for node in _Lowering(
                each, inside, frozenset(), taken, program).run()]
            found |= {each.target.name: None for each in group}
            found[definition.target.name] = Stenciled(plan, tuple(plain))
    return found


def _tiled(definition: Definition, program: Program, outside: frozenset[str],
           dropped: int, choice: Choice | None, alone: bool) -> Tiled | None:
    """The definition in tiles, where that suits it; `outside` are indices that are set."""
    taken = global_names(program)
    names = taken | {index.name for index in definition.free} | {
        index.name for term in definition.terms for index in term.bound}

    def point(part: Definition) -> tuple[Node, ...]:
        free = frozenset(index.name for index in part.free)
        return tuple(_Lowering(part, free, frozenset(), taken, program).run())

    whole = _Lowering(definition, outside, frozenset(), taken, program)
    return tiled(definition, program, outside, dropped, names, whole.eliminated, point,
                 alone, choice)


def _transformed(program: Program, tiles: Tiled | None, schedule: str,
                 choice: Choice | None) -> Transformed | None:
    """The only definition of a program by a Winograd plan, where that suits it."""
    (definition,) = program.definitions
    taken = global_names(program)
    names = taken | {index.name for index in definition.free} | {
        index.name for term in definition.terms for index in term.bound}
    free = frozenset(index.name for index in definition.free)

    def point(part: Definition) -> tuple[Node, ...]:
        return tuple(_Lowering(part, free, frozenset(), taken, program).run())

    whole = _Lowering(definition, frozenset(), frozenset(), taken, program)
    return transformed(definition, program, tiles, names, whole.eliminated, point,
                       schedule == "winograd", choice)


@dataclass(frozen=True, slots=True)
class _Lowering:
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
        contiguous = [access.subscripts[-1].coefficient(last).constant in (1, -1)
                      for access in accesses(value) if last in scalar_names(access)]
        if not contiguous or not all(contiguous):
            return False
        if any(last in subscript.names() for access in accesses(value)
               for subscript in access.subscripts[:-1]):
            return False
        shortest = parts.inner[-1].extent
        return shortest is None or length(axis.extent, self.derived) >= length(
            shortest, self.derived)

"""Lowering: a pass becomes loops with exact bounds.

A schedule that suits the relation and the shape (`schedule`, `stencilling`, `transforming`) makes
one node of a whole definition; any other definition becomes plain loops (`looped`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symconv.absence import refusal
from symconv.choice import Choice
from symconv.element import FLOAT32, Element
from symconv.integers import Int
from symconv.ir import Definition, Program
from symconv.looped import Looped
from symconv.loops import (
    Node,
    Routine,
    Stenciled,
    Tiled,
    Transformed,
    plan_texts,
)
from symconv.names import fresh, global_names, rename_bound, rename_free
from symconv.passes import Pass
from symconv.schedule import tasks as tile_tasks
from symconv.schedule import tiled
from symconv.stencil import Stencil, stencil_text
from symconv.stencil_abreast import abreast, abreast_both
from symconv.stencil_chain import chained
from symconv.stencil_sums import sums
from symconv.stencilling import paired, stencil
from symconv.tasks import roomy_axes, task_axes
from symconv.transforming import transform_tasks, transformed
from symconv.wanted import guards, readers


def lower(item: Pass, schedule: str = "auto", transforms: bool = False,
          choice: Choice | None = None, element: Element = FLOAT32) -> Routine:
    """The loops of a pass. Its program's sizes may be names or numbers.

    `schedule` is one of `schedule.SCHEDULES`; faster ones than "reference" need numbers. With
    `transforms`, "auto" may take a Winograd plan. A `choice` decides among the plans of "auto".
    Plans are for arrays of reals that consist of such an `element`.
    """
    made = _lowered(item, schedule, transforms, choice, element)
    if choice is not None:
        choice.confirm(plan_texts(made))
    return made


def _lowered(item: Pass, schedule: str, transforms: bool, choice: Choice | None,
             element: Element) -> Routine:
    program = item.program
    is_fast = schedule != "reference" and not program.sizes
    count = task_axes(program)
    if is_fast and len(program.definitions) > 1:
        count = roomy_axes(program, count)
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
        tiles = _tiled(program.definitions[0], program, frozenset(), 0, choice, element,
                       alone=True)
        node = _transformed(program, tiles, schedule, choice, element) if (
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
            _tiled(definition, program, outside, count, choice, element, alone=False)
            if is_fast else None)
        if whole is not None:
            body.append(whole)
        elif name not in windows:
            body += Looped(definition, outside, derived, taken, program).run()
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
        whole = Looped(definition, outside, frozenset(), taken, program)
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
        alone = Looped(definition, outside, frozenset(), taken, program).eliminated
        plan = stencil(group, tensors, outside, used, Looped(
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
            plain = [node for each in group for node in Looped(
                each, inside, frozenset(), taken, program).run()]
            found |= {each.target.name: None for each in group}
            found[definition.target.name] = Stenciled(plan, tuple(plain))
    return found


def _tiled(definition: Definition, program: Program, outside: frozenset[str],
           dropped: int, choice: Choice | None, element: Element, alone: bool) -> Tiled | None:
    """The definition in tiles, where that suits it; `outside` are indices that are set."""
    taken = global_names(program)
    names = taken | {index.name for index in definition.free} | {
        index.name for term in definition.terms for index in term.bound}

    def point(part: Definition) -> tuple[Node, ...]:
        free = frozenset(index.name for index in part.free)
        return tuple(Looped(part, free, frozenset(), taken, program).run())

    whole = Looped(definition, outside, frozenset(), taken, program)
    return tiled(definition, program, outside, dropped, names, whole.eliminated, point,
                 alone, element, choice)


def _transformed(program: Program, tiles: Tiled | None, schedule: str,
                 choice: Choice | None, element: Element) -> Transformed | None:
    """The only definition of a program by a Winograd plan, where that suits it."""
    (definition,) = program.definitions
    taken = global_names(program)
    names = taken | {index.name for index in definition.free} | {
        index.name for term in definition.terms for index in term.bound}
    free = frozenset(index.name for index in definition.free)

    def point(part: Definition) -> tuple[Node, ...]:
        return tuple(Looped(part, free, frozenset(), taken, program).run())

    whole = Looped(definition, frozenset(), frozenset(), taken, program)
    return transformed(definition, program, tiles, names, whole.eliminated, point,
                       schedule == "winograd", element, choice)

"""What tile plans keep in the workspace: a table of steps each, copies of operands, gathered
numbers, and the sums that wait between two parts of a reduction.

Copies come first in the life of a task, but the tables and the zeros behind each copy are set once
in a call, before all tasks. So are the marks of numbers that are kept, but for those of an
intermediate, which every task makes anew.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from symconv.contraction import Span
from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import indented, loop, loops
from symconv.emit.c_workspace import Buffer
from symconv.loops import Routine, Tiled
from symconv.names import fresh
from symconv.packing import Packing
from symconv.tiles import Tiles

BEHIND = 15     # sums that a turned square reads behind the last value of the loops


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with the names of its buffers: the table of `steps`, the copies of the vector operand
    (`copy`) and, for dot products, of the `other` one, the gathered `numbers` of a task or all
    that are `kept` with their `marks`, and the sums that are `waiting`. `ready` is the number of
    the copy that is there, if it is `shared`: tasks in a row use the same one. A plan that
    `follows` another one reads its copy."""

    plan: Tiles
    steps: str
    copy: str
    other: str
    numbers: str
    kept: str
    marks: str
    ready: str
    waiting: str
    shared: bool
    follows: bool

    @property
    def copies(self) -> list[tuple[str, Packing]]:
        """The packed operands of its own."""
        plan = self.plan
        found = ((self.copy, None if self.follows else plan.packing),
                 (self.other, None if plan.dots is None else plan.dots.packing))
        return [(copy, packing) for copy, packing in found if packing is not None]

    def made(self, held: Container[str]) -> list[tuple[str, Packing]]:
        """The packed operands that a call makes: those that are not `held` already."""
        return [(copy, packing) for copy, packing in self.copies if copy not in held]

    def buffers(self, spelling: Spelling, held: Container[str]) -> Iterator[Buffer]:
        plan, real = self.plan, spelling.real
        yield Buffer(self.steps, f"{spelling.prefix}_step", plan.chunk * plan.inner)
        for copy, packing in self.made(held):
            yield Buffer(copy, real, packing.size)
        if plan.kept:
            yield Buffer(self.kept, real, _kept_copies(plan) * plan.group * plan.run)
            yield Buffer(self.marks, "unsigned char", _kept_copies(plan))
        elif plan.gathered:
            yield Buffer(self.numbers, real, plan.group * plan.run)
        if plan.is_divided:
            count = math.prod(span.extent for span in plan.loops) * plan.group
            count += plan.is_spread * BEHIND * plan.group
            yield Buffer(self.waiting, real, count * waiting_pitch(plan))

    def setup(self, spelling: Spelling, step: str, held: Container[str]) -> Iterator[str]:
        """Before all tasks: the table and the zeros behind copies; `step` is a name for a place in
        them."""
        plan = self.plan
        spans = [Span(span.name, 0, span.extent if number else plan.chunk)
                 for number, span in enumerate(plan.steps)]
        yield "{"
        yield f"    {spelling.prefix}_step *{step} = {self.steps};"
        yield from indented(loops(spans, [
            f"{step}->scalar = (int32_t)({spelling.integer(plan.scalar.step)});",
            f"{step}->vector = (int32_t)({spelling.integer(plan.vector.step)});",
            f"{step}++;"]))
        yield "}"
        for copy, packing in self.made(held):
            yield zeros_behind(packing, copy, spelling)
        if self.shared and self.made(held):
            yield f"ptrdiff_t {self.ready} = -1;"

    def forgotten(self, step: str) -> Iterator[str]:
        """No numbers are kept: before all tasks, or before each one that makes other numbers."""
        if self.plan.kept:
            yield from loop(step, 0, _kept_copies(self.plan), [f"{self.marks}[{step}] = 0;"])


def plans_of(routine: Routine) -> list[Tiles]:
    """The tile plans of a routine, in the order in which they run."""
    return [plan for _, plans in _readers(routine) for plan in plans]


def planned_of(routine: Routine, used: set[str], groups: int) -> tuple[Planned, ...]:
    """The tile plans of a routine with names, which are `used` from now on; `groups` tasks in a
    row have all rows."""
    found: list[Planned] = []
    for node, plans in _readers(routine):
        copy = ""
        for plan in plans:
            follows, steps = bool(copy), fresh("steps", used)
            copy = copy or fresh("packed", used)
            found.append(Planned(
                plan, steps, copy, fresh("other", used), fresh("numbers", used),
                fresh("kept", used), fresh("marks", used), fresh("ready", used),
                fresh("waiting", used), groups > 1 and _is_shared(plan, node), follows))
    return tuple(found)


def readers(plans: Sequence[Tiles]) -> list[list[Tiles]]:
    """The plans of a term, those together that read one copy in common."""
    found: list[list[Tiles]] = []
    for plan in plans:
        alike = None if plan.common is None else next(
            (those for those in found if those[0].common == plan.common), None)
        if alike is None:
            found.append([plan])
        else:
            alike.append(plan)
    return found


def zeros_behind(packing: Packing, copy: str, spelling: Spelling) -> str:
    """What the last tile may read behind a copy."""
    return f"{spelling.prefix}_zero({copy} + {packing.size - packing.slack}, {packing.slack});"


def waiting_pitch(plan: Tiles) -> int:
    """The room for one row of sums between two parts, in whole vectors of any machine."""
    if plan.dots is not None:
        return plan.lanes[0].extent * plan.element.line
    return (-(-plan.width // plan.element.line) + 1) * plan.element.line


def _readers(routine: Routine) -> Iterator[tuple[Tiled, list[Tiles]]]:
    """The tile plans of a routine with their definitions, those together that read one copy."""
    for node in routine.body:
        if isinstance(node, Tiled):
            yield from ((node, plans) for term in node.plans for plans in readers(term))


def _is_shared(plan: Tiles, node: Tiled) -> bool:
    """Whether tasks in a row use the same copy: not if it holds a part, or the task's rows or
    strip, or if a task makes one for each of several slices."""
    return (node.split and not plan.strip and plan.packing is not None and plan.dots is None
            and not plan.is_divided and all(span.name in node.fixed for span in plan.slices))


def _kept_copies(plan: Tiles) -> int:
    """How many copies of gathered numbers a plan keeps."""
    return plan.groups * plan.part_count

"""The loop IR: what a pass does, statement by statement, before it is spelled in a language.

Loops have exact bounds, so that tests stand only where no bound can say it. Subscripts stay
per logical axis; the emitter flattens them. All divisions round towards minus infinity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from symconv.contraction import Contraction
from symconv.integers import Int
from symconv.ir import Access, Index, Program, Reduction, Row, Scalar, Tensor, Ties
from symconv.stencil import Stencil, stencil_text
from symconv.tiles import Tiles, tiles_text
from symconv.wanted import Flag
from symconv.winograd import Winograd, winograd_text


@dataclass(frozen=True, slots=True)
class Loop:
    """for name = low; name < stop; name++. A loop may be empty."""

    name: str
    low: Int
    stop: Int
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Let:
    """An integer constant of the enclosing block."""

    name: str
    value: Int


@dataclass(frozen=True, slots=True)
class When:
    """The body where all rows hold; without rows, a block of its own."""

    rows: tuple[Row, ...]
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Begin:
    """A fresh accumulator at the identity of the reduction."""

    reduction: Reduction
    kind: str


@dataclass(frozen=True, slots=True)
class Fold:
    """Take one point into the accumulator; `witness` is what an arg max remembers."""

    reduction: Reduction
    ties: Ties
    value: Scalar
    witness: Int | None


@dataclass(frozen=True, slots=True)
class Store:
    """target = value, or target += value; the value None is the accumulator."""

    target: Access
    value: Scalar | None
    add: bool


@dataclass(frozen=True, slots=True)
class Refuse:
    """Leave the routine, with a code for the message, where the accumulator has taken no point."""

    message: str


@dataclass(frozen=True, slots=True)
class Joined:
    """Tasks that differ in their last index alone, of which blocks of `most` are done at once, or
    what a call has of such a block: `name` tells how many."""

    name: str
    most: int


@dataclass(frozen=True, slots=True)
class Tiled:
    """A whole definition by tile plans: per term one plan for each residue class.

    Sums begin at `initial`, or are added to what `start` stores for each element; the classes
    `empty` have no sum at all. Where a padded zero may have met an infinity, an element that
    became NaN is computed once more by `repair`. `names` are those of the band, the group of
    rows and a row that does not exist; `fixed` variables are set outside, and with `split` the
    band and the group are too. With `joined` tasks the group counts these, not blocks of rows.
    """

    target: Access
    free: tuple[Index, ...]
    plans: tuple[tuple[Tiles, ...], ...]
    empty: tuple[Contraction, ...]
    names: tuple[str, str, str]
    initial: Scalar | None
    start: tuple[Node, ...]
    repair: tuple[Node, ...]
    fixed: frozenset[str]
    split: bool
    joined: Joined | None


@dataclass(frozen=True, slots=True)
class Stenciled:
    """A whole definition, or a maximum and its place, by a stencil plan; `plain` computes the same
    element by element, for values of the variables in front of row and lane. With `before`, plans
    of maps abreast or a chained one, their places are kept for this plan alone, and `plain`
    computes them, too."""

    plan: Stencil
    plain: tuple[Node, ...]
    before: tuple[Stencil, ...] = ()


@dataclass(frozen=True, slots=True)
class Transformed:
    """A whole definition, alone in its routine, by a Winograd plan: results begin at `initial`.
    An element that is not finite is computed once more by `repair`. `names` are those of the
    group of lanes and the band; with `joined` tasks the latter counts these."""

    target: Access
    free: tuple[Index, ...]
    plan: Winograd
    names: tuple[str, str]
    initial: Scalar | None
    repair: tuple[Node, ...]
    joined: Joined | None


Node: TypeAlias = (Loop | Let | When | Begin | Fold | Store | Refuse | Tiled | Stenciled
                   | Transformed)


@dataclass(frozen=True, slots=True)
class Routine:
    """A pass as loops.

    `tasks` are the leading indices of every definition over which the work is split, with their
    extents; they are set when `body` runs. `scratch` are the intermediates: each lives in the
    workspace, without its leading task axes. `owners` has for every node of the body the target
    of its definition. Where results may be left out, `guards` has for every node the result or
    flag with which it runs, or None.
    """

    name: str
    program: Program
    tasks: tuple[tuple[str, Int], ...]
    scratch: tuple[Tensor, ...]
    body: tuple[Node, ...]
    owners: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    guards: tuple[str | None, ...] = ()

    @property
    def joined(self) -> Joined | None:
        """Which tasks are done at once."""
        return next((node.joined for node in self.body
                     if isinstance(node, Tiled | Transformed)), None)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The names that are set for a task."""
        joined = () if self.joined is None else (self.joined.name,)
        return (*(name for name, _ in self.tasks), *joined)


def plan_texts(routine: Routine) -> dict[str, tuple[str, ...]]:
    """The plans of every target that is not computed by loops, as a `choice` names them."""
    found: dict[str, tuple[str, ...]] = {}
    for node in routine.body:
        match node:
            case Tiled(target=target, plans=plans):
                found[target.tensor] = tuple(
                    f"tiles: {tiles_text(plan)}" for term in plans for plan in term)
            case Transformed(target=target, plan=winograd):
                found[target.tensor] = (f"winograd: {winograd_text(winograd)}",)
            case Stenciled(plan):
                found[plan.value or plan.places or ""] = (f"stencil: {stencil_text(plan)}",)
            case _:
                pass
    return found


def declared(nodes: tuple[Node, ...]) -> set[str]:
    """The names that nodes declare."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case Loop(name=name, body=body):
                found |= {name} | declared(body)
            case When(body=body):
                found |= declared(body)
            case Let(name=name):
                found.add(name)
            case Tiled(names=names, start=start, repair=repair):
                found |= {*names} | declared(start) | declared(repair)
    return found


def show(nodes: tuple[Node, ...], depth: int = 0) -> str:
    """The loop IR as indented text, for golden tests."""
    from symconv.text import row_text, scalar_text

    pad, lines = "  " * depth, []
    for node in nodes:
        match node:
            case Loop(name, low, stop, body):
                lines += [f"{pad}for {name} in {low} .. {stop}:", show(body, depth + 1)]
            case Let(name, value):
                lines.append(f"{pad}let {name} = {value}")
            case When(rows, body):
                lines += [f"{pad}when {' and '.join(row_text(row) for row in rows)}:",
                          show(body, depth + 1)]
            case Begin(reduction, _):
                lines.append(f"{pad}begin {reduction}")
            case Fold(reduction, _, value, witness):
                kept = "" if witness is None else f" keeping {witness}"
                lines.append(f"{pad}{reduction} {scalar_text(value)}{kept}")
            case Store(target, value, add):
                shown = "accumulator" if value is None else scalar_text(value)
                lines.append(f"{pad}{scalar_text(target)} {'+=' if add else '='} {shown}")
            case Refuse():
                lines.append(f"{pad}refuse if there was no point")
            case Tiled(target=target, plans=plans):
                lines.append(f"{pad}{scalar_text(target)} in tiles")
                lines += [f"{pad}  {tiles_text(plan)}" for term in plans for plan in term]
            case Transformed(target=target, plan=winograd):
                lines += [f"{pad}{scalar_text(target)} by tiles",
                          f"{pad}  {winograd_text(winograd)}"]
            case Stenciled(plan, before=before):
                lines += [f"{pad}{first.places} by a stencil, kept\n{pad}  {stencil_text(first)}"
                          for first in before]
                shown = ", ".join(name for name in (plan.value, plan.places) if name)
                lines += [f"{pad}{shown} by a stencil", f"{pad}  {stencil_text(plan)}"]
    return "\n".join(lines)


"""Dot products: plans for contractions with few sums and a long reduction (`tiles`, `Dots`).

    sums[row][column] += rows operand[row, l .. l + L] * columns operand[column, l .. l + L]

The vectors run along a variable of the reduction, so nothing has to be turned or repeated; the
L partial sums of an element are added up at the end. An operand is copied so that the values
of that variable are consecutive, for every stride and dilation (`packing`), and of two copies one
has zeros behind the last value; or it is read where it lies, if it lies so and the values fill
whole vectors.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from symconv.blocking import in_strips
from symconv.contraction import Contraction, Operand, Span, Strides
from symconv.element import most_copied
from symconv.integers import Int
from symconv.packing import Packing, copied
from symconv.parting import parted, parts, shift, single
from symconv.places import flat, group, names_in, stride
from symconv.sharing import grain
from symconv.tiles import Dots, Lane, Part, Read, Tiles
from symconv.tiling import LOW

_MOST = 4096        # sums: each of them takes a vector between two parts of the reduction


def dot_plans(contraction: Contraction, strides: Strides, target: Sequence[int],
              names: tuple[str, str, str], fixed: frozenset[str],
              numbers: Mapping[str, str]) -> Iterator[Tiles]:
    """Every plan of dot products for a contraction, of which the first operand has the columns:
    choices of the column, the row and the run.

    The arguments are those of `blocking.plans`.
    """
    if math.prod(s.extent for s in contraction.outer if s.name not in fixed) > _MOST * 64:
        return
    ours, theirs = (names_in(operand.subscripts) for operand in contraction.operands)
    only = [s for s in contraction.outer if s.name in ours - theirs - fixed]
    others = [s for s in contraction.outer if s.name in theirs - ours - fixed]
    least = contraction.element.line // 2
    runs = [s for s in contraction.inner if s.name in ours & theirs and s.extent >= least]
    for column, row, run in itertools.product(only, others or (None,), runs):
        for still in _lying(contraction, run, strides):
            for made in _Planner(contraction, column, row, run, still, strides, target, names,
                                 fixed, numbers).plans():
                strips = in_strips(made, 1)
                yield from (made,) if strips is None else (made, strips)


def _lying(contraction: Contraction, run: Span, strides: Strides) -> list[tuple[Operand, ...]]:
    """Which operands may be read where they lie: none, and all that can be."""
    found = tuple(
        operand for operand, each in zip(contraction.operands, strides, strict=True)
        if run.extent % contraction.element.line == 0 and not any(operand.guarded)
        and stride(operand.subscripts, each, run.name) == 1)
    return [(), found] if found else [()]


@dataclass(frozen=True, slots=True)
class _Planner:
    contraction: Contraction
    column: Span
    row: Span | None
    run: Span
    still: tuple[Operand, ...]
    strides: Strides
    target: Sequence[int]
    names: tuple[str, str, str]
    fixed: frozenset[str]
    numbers: Mapping[str, str]

    def plans(self) -> Iterator[Tiles]:
        """The plan with the fewest parts whose copies stay in L2; where no copy holds the rows,
        with one block of them and with several."""
        rest = tuple(s for s in self.contraction.inner if s != self.run)
        slices, loops = self._outside()
        rows = 1 if self.row is None else self.row.extent
        sums = rows * self.column.extent * math.prod(s.extent for s in loops)
        if sums > _MOST and (rest or not self.still):
            return
        best: list[Tiles] = []
        for divided in parts(rest, self.numbers, None, None):
            blocks = {group(rows, math.prod(s.extent for s in slices), bool(divided))}
            if self.contraction.operands[1] in self.still:
                blocks.add(rows)
            found = [self._packed(divided, block, slices, loops, rest) for block in sorted(blocks)]
            made = [plan for plan in found if plan is not None]
            if not made:
                break
            best = made
            if _size(made[0]) <= most_copied(self.contraction.element):
                break
        yield from best

    def _outside(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """Slices, which are alone on their axes in both operands, and loops within a pack."""
        rest = [s for s in self.contraction.outer
                if s not in (self.column, self.row) and s.name not in self.fixed]
        alone = [s for s in rest if all(
            any(place.names() == {s.name} for place in operand.subscripts)
            and not any(s.name in place.names() and place.names() != {s.name}
                        for place in operand.subscripts) for operand in self.contraction.operands)]
        return tuple(alone), tuple(s for s in rest if s not in alone)

    def _packed(self, divided: tuple[Part, ...], rows: int, slices: tuple[Span, ...],
                loops: tuple[Span, ...], rest: Sequence[Span]) -> Tiles | None:
        contraction = self.contraction
        x, a = contraction.operands
        row = self.row or Span(self.names[2], 0, 1)
        block = Part(row.name, self.names[1], row.low, rows, -(-row.extent // rows))
        around = {*(s.name for s in slices), *self.fixed}
        within = parted((*rest, *loops, self.column, row), (*divided, block))
        copies = [None if operand in self.still else
                  self._copy(operand, strides, blocks, within, around)
                  for operand, strides, blocks in zip(
                      (x, a), self.strides, (divided, (*divided, block)), strict=True)]
        if any(copy is None and operand not in self.still
               for copy, operand in zip(copies, (x, a), strict=True)) or not (self.still or any(
                   copy.ends_in_zeros(self.run.extent) for copy in copies if copy is not None)):
            return None
        steps = tuple(s for s in parted(rest, divided) if s.extent > 1)
        vector, scalar = (self._read(operand, strides, copy, steps, divided)
                          for operand, strides, copy in zip((x, a), self.strides, copies,
                                                            strict=True))
        if vector is None or scalar is None:
            return None
        column = _distance(vector.base, self.column.name)
        along = 0 if self.row is None else _distance(scalar.base, row.name)
        if column is None or along is None:
            return None
        back = (Int.of(block.number) * (rows * along) if block.count > 1 and a not in self.still
                else Int.of(0))
        place = flat(contraction.target, self.target)
        low = {self.column.name: Int.of(self.column.low)}
        lane = Lane(self.column.name, self.column.low, self.column.extent, 1,
                    stride(contraction.target, self.target, self.column.name))
        tasks = math.prod(s.extent for s in slices)
        share = (grain(row.extent, rows, tasks, LOW) if a in self.still
                 else grain(row.extent, rows, tasks, 1) if block.count == 1 else rows)
        return Tiles(
            slices=slices, loops=loops, row=row, lanes=(lane,), parts=divided, taps=(), steps=steps,
            clips=(), chunk=max(1, steps[0].extent) if steps else 1, band=self.column.extent,
            group=rows, grain=share, vector=replace(vector, base=vector.base.substitute(low)),
            scalar=replace(scalar, base=scalar.base - back), row_stride=along, regular=None,
            packing=copies[0], guarded=self._is_guarded(), taken=1.0, target=place.substitute(low),
            target_row=place.factor(row.name), contraction=contraction,
            dots=Dots(self.run.extent, column, copies[1]), panel=0)

    def _copy(self, operand: Operand, strides: Sequence[int], divided: Sequence[Part],
              within: Sequence[Span], around: set[str]) -> Packing | None:
        places = tuple(place.substitute(single(divided)) for place in operand.subscripts)
        used = names_in(operand.subscripts)
        found = copied(replace(operand, subscripts=places), strides, (self.run,),
                       {s.name: s for s in within if s.name in used}, around,
                       [shift(place, divided) for place in operand.subscripts],
                       self.contraction.element, {}, False)
        return None if found is None else found.packing(self.names[0], self.run.extent)

    def _is_guarded(self) -> bool:
        """Whether there are zeros in the copies: outside the operands, or behind a run."""
        return not self.still or any(any(one.guarded) for one in self.contraction.operands)

    def _read(self, operand: Operand, strides: Sequence[int], copy: Packing | None,
              steps: Sequence[Span], divided: Sequence[Part]) -> Read | None:
        places = [place.substitute(single(divided)) for place in operand.subscripts]
        if copy is None:
            first = {self.run.name: Int.of(self.run.low)}
            position = flat([place.substitute(first) + shift(whole, divided)[0]
                             for place, whole in zip(places, operand.subscripts, strict=True)],
                            strides)
        else:
            position = copy.offset(places, (self.run,))
        low = {s.name: Int.of(s.low) for s in steps}
        base = position.substitute(low)
        step = Int.of(0)
        for span in steps:
            distance = _distance(position, span.name)
            if distance is None:
                return None
            step = step + Int.of(span.name) * distance
        return Read(operand.tensor, base, step, 0, 1)


def _size(plan: Tiles) -> int:
    """The elements of both copies."""
    return sum(copy.size for copy in (plan.packing, plan.dots and plan.dots.packing) if copy)


def _distance(position: Int, name: str) -> int | None:
    """How far a position moves with a variable; None where that is not always the same."""
    return (position.substitute({name: Int.of(name) + 1}) - position).constant

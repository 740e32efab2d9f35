"""Operands that are packed once: what the copies of a pass hold, for all of its tasks.

A tile plan copies an operand for every slice, band and part, a Winograd plan transforms it. What
such a copy holds depends on the operand and on the variables around it alone; so all copies, one
behind the other, can be made before the first call:

    packed_w = | tag | copies, one for each value | w, if the pass reads it too | room to pack |

`Packed` is that layout. The function NAME_PASS_pack_w fills it, and NAME_PASS_packed is the pass
with pointers into it where copies were made: it computes the same numbers in the same order. The
layout does not depend on the machine, but transformed numbers are rounded by it. So a tag
tells from which text, for which vectors the packed operand was made.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from symconv.contraction import Span
from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import loop, loops, with_needed
from symconv.emit.c_packing import packing_lines
from symconv.emit.c_tile_buffers import zeros_behind
from symconv.emit.c_tiles import TileSpelling
from symconv.emit.c_winograd import WinogradSpelling
from symconv.emit.comments import shape_text
from symconv.integers import Int
from symconv.ir import Tensor
from symconv.loops import Routine, Tiled
from symconv.names import fresh
from symconv.packing import Packing
from symconv.tiles import Tiles

_LINE = 16              # elements: what a packed operand consists of begins at multiples of it


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that a pass makes of an operand: the buffer `name` of `count` elements, for all
    values of `over`. `lines` fill it, with a stage of `stage` elements, if any."""

    name: str
    tensor: str
    count: int
    over: tuple[Span, ...]
    lines: tuple[str, ...]
    stage: tuple[str, int] | None = None

    @property
    def size(self) -> int:
        return math.prod(span.extent for span in self.over) * self.pitch

    @property
    def pitch(self) -> int:
        return _lines(self.count)

    def place(self, spelling: Spelling, start: str) -> str:
        """Where the copy stands for values of the variables, in what begins at `start`."""
        key = Int.of(0)
        for span in self.over:
            key = key * span.extent + Int.of(span.name) - span.low
        shown = spelling.integer(key * self.pitch)
        return start if shown == "0" else f"{start} + {shown}"


@dataclass(frozen=True, slots=True)
class Packed:
    """One operand of a pass in packed form: `argument` is its name, `base` that of a local.
    With `plain` the operand itself is a part of it."""

    tensor: Tensor
    argument: str
    base: str
    copies: tuple[Copy, ...]
    plain: bool = False

    @property
    def elements(self) -> int:
        """How many elements the operand has."""
        return math.prod(extent.constant or 0 for extent in self.tensor.logical)

    @property
    def own(self) -> int:
        """Where the operand itself stands: behind the copies."""
        return _LINE + sum(copy.size for copy in self.copies)

    @property
    def stage(self) -> int:
        """Where there is room to pack."""
        return self.own + self.plain * _lines(self.elements)

    @property
    def size(self) -> int:
        """The elements of all."""
        return self.stage + max((copy.stage[1] for copy in self.copies if copy.stage), default=0)

    def places(self, spelling: Spelling) -> Iterator[tuple[Copy, str]]:
        """Every copy, and where it stands."""
        at = _LINE
        for copy in self.copies:
            yield copy, copy.place(spelling, f"{self.base} + {at}")
            at += copy.size

    def opening(self, spelling: Spelling, tag: str, code: int) -> Iterator[str]:
        """What a pass begins with that takes the packed operand."""
        real = spelling.real
        yield f"if (*(const uint64_t *){self.argument} != {tag}) {{"
        yield f"    return {code};"
        yield "}"
        yield f"const {real} *const {self.base} = (const {real} *){self.argument};"
        if self.plain:
            yield f"const {real} *const restrict {self.tensor.name} = {self.base} + {self.own};"

    def packing(self, spelling: Spelling, tag: str) -> Iterator[str]:
        """The body of the function that packs."""
        real, used = spelling.real, {self.tensor.name, self.argument, self.base}
        item = fresh("k", used)
        yield f"{real} *const {self.base} = ({real} *){self.argument};"
        yield f"*(uint64_t *){self.argument} = {tag};"
        if self.plain:
            yield from loop(item, 0, self.elements, [
                f"{self.base}[{item} + {self.own}] = {self.tensor.name}[{item}];"])
        for copy, place in self.places(spelling):
            stage = [] if copy.stage is None else [
                f"{real} *const {copy.stage[0]} = {self.base} + {self.stage};"]
            yield from loops(copy.over, [f"{real} *const {copy.name} = {place};", *stage,
                                         *copy.lines])

    def tag(self, spelling: Spelling) -> str:
        """A number of the text that packs, and of the vectors of the machine."""
        text = "\n".join((spelling.dtype, shape_text(self.tensor), *self.packing(spelling, "0")))
        return f"(UINT64_C({zlib.crc32(text.encode())}) << 8 | {spelling.prefix}_LANES)"


def held(packed: Sequence[Packed], spelling: Spelling) -> dict[str, str]:
    """The copies that need not be made, and where they stand."""
    return {copy.name: place for item in packed for copy, place in item.places(spelling)}


def packable(routine: Routine, tiles: TileSpelling, windows: WinogradSpelling | None,
             operands: Collection[str], used: set[str]) -> tuple[Packed, ...]:
    """The operands that a pass copies, of those that are asked for; `used` are taken names."""
    found: Mapping[str, list[Copy]] = {
        tensor.name: [] for tensor in routine.program.inputs
        if tensor.name in operands and tensor.kind == "real"}
    for copy in (*_tiled(routine, tiles), *(() if windows is None else _transformed(windows))):
        if copy.tensor in found:
            found[copy.tensor].append(copy)
    return tuple(Packed(routine.program.tensor(name), fresh(f"packed_{name}", used),
                        fresh(f"held_{name}", used), tuple(copies))
                 for name, copies in found.items() if copies)


def _tiled(routine: Routine, tiles: TileSpelling) -> Iterator[Copy]:
    """The copies of tile plans, where the variables around them are known."""
    nodes = {id(plan): node for node in routine.body if isinstance(node, Tiled)
             for term in node.plans for plan in term}
    for item in tiles.planned:
        known = _around(nodes[id(item.plan)], item.plan)
        for name, packing in item.copies:
            names = _names(packing)
            if names <= known.keys():
                lines = (zeros_behind(packing, name, tiles.spelling),
                         *packing_lines(packing, name, tiles.spelling, tiles.used))
                yield Copy(name, packing.tensor, packing.size,
                           tuple(span for span in known.values() if span.name in names), lines)


def _around(node: Tiled, plan: Tiles) -> dict[str, Span]:
    """The variables around the copies of a plan."""
    band, group, _ = node.names
    return {span.name: span for span in (
        *plan.slices, Span(band, 0, plan.bands), Span(group, 0, plan.groups),
        *(Span(part.number, 0, part.count) for part in plan.parts))}


def _names(packing: Packing) -> set[str]:
    """The variables on which the content of a copy depends."""
    return {name for value in (packing.base, *(place for place, _, _ in packing.tests),
                               *(axis.shift for axis in packing.axes)) for name in value.names()}


def _transformed(windows: WinogradSpelling) -> Iterator[Copy]:
    """The transformed operands of a Winograd plan."""
    plan, own = windows.plan, windows.own
    group, band = windows.names[0], own.block
    parts = [Span(own.part, 0, plan.parts)] if plan.summed else []
    for name, side in windows.sides():
        task = Span(group, 0, plan.groups) if side is plan.vector else Span(band, 0, plan.bands)
        slabs = [Span(own.slab, 0, plan.slabs)] if side is plan.vector and plan.is_slabbed else []
        over = (*(span for span in (*plan.slices, *(plan.rest if plan.summed else ()))
                  if span.name in side.base.names()),
                *([task] if task.extent > 1 else []), *parts, *slabs)
        lines = with_needed([*windows.band(), *windows.part(),
                             *(windows.slab() if slabs else ())],
                            list(windows.entering(side, name)))
        yield Copy(name, side.tensor, plan.size(side), over, tuple(lines),
                   (own.stage, max(plan.staged(side), _LINE * _LINE)))


def _lines(count: int) -> int:
    return -(-count // _LINE) * _LINE

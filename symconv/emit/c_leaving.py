"""How results leave a Winograd plan: by tiles to a stage, from there to the array.

Along a line, what a tile has beyond the end is overwritten by the beginning of the next line, so
tiles are taken from the last to the first on every axis but the first one; so are strands and
phases, which are taken line after line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from symconv.emit.c_elements import Lines
from symconv.emit.c_entering import phase_number, tile_number
from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import indented, loop
from symconv.emit.c_transforms import plane_name
from symconv.emit.c_winograd_names import WinogradNames
from symconv.loops import Transformed


def blocks(inside: Iterable[str], own: WinogradNames, prefix: str) -> list[str]:
    """A loop over blocks of lanes, as wide as the registers allow."""
    return [f"for (ptrdiff_t {own.lane} = 0, {own.vectors}; {own.lane} < {own.many}; "
            f"{own.lane} += {own.vectors} * {prefix}_LANES) {{",
            f"    {own.vectors} = {prefix}_covering({prefix}_rows({own.all}), "
            f"{own.many} - {own.lane});", *indented(inside), "}"]


@dataclass(frozen=True, slots=True)
class Leaving:
    """Lines for the results of one task; `nodes` spells other nodes."""

    node: Transformed
    spelling: Spelling
    own: WinogradNames
    nodes: Lines

    def lines(self) -> Iterator[str]:
        """Tiles of results, one vector of lanes after the other."""
        own, spell, plan = self.own, self.spelling, self.node.plan
        prefix = spell.prefix
        vector = [f"const ptrdiff_t {own.some} = {prefix}_min({prefix}_LANES, {own.many} - "
                  f"{own.lane} - {own.item} * {prefix}_LANES);", *self._start()]
        vector += loop(own.row, 0, own.count, self._one()) if plan.summed else self._one()
        item = [f"for (ptrdiff_t {own.item} = 0; {own.item} < {own.vectors}; {own.item}++) {{",
                *indented(vector), "}"]
        yield from blocks(item, own, prefix)

    def _start(self) -> Iterator[str]:
        """What the sums of a vector begin at."""
        own, spell = self.own, self.spelling
        yield f"{spell.real} {own.start}[{spell.prefix}_LANES] = {{0}};"
        if self.node.initial is not None:
            yield from loop(own.row, 0, own.some, [
                f"const ptrdiff_t {self.node.plan.vector.across.name} = {own.first} + {own.lane} + "
                f"{own.item} * {spell.prefix}_LANES + {own.row};",
                f"{own.start}[{own.row}] = {spell.top(self.node.initial)};"])

    def _one(self) -> Iterator[str]:
        own, spell, plan = self.own, self.spelling, self.node.plan
        prefix, rest = spell.prefix, [span.extent for span in plan.outputs[1:]]
        dims = range(len(plan.schemes))
        lines = [math.prod(rest[d:]) for d in dims]
        apart = [weave.apart if plan.summed else weave.strands for weave in plan.weaves]
        gaps = _gaps([o + r - 1 for o, r in plan.schemes], plan.sums)
        steps = [f"{step * line} * {prefix}_LANES"
                 for step, line in zip(apart, lines, strict=True)]
        if plan.summed:
            parts = [(own.phase, weave.phases, weave.shift) for weave in plan.weaves]
            place = own.row if plan.phases == 1 else (
                f"{spell.integer(phase_number(plan, own), factor=True)} * {own.count} + {own.row}")
        else:
            parts = [(own.strand, weave.strands, 1) for weave in plan.weaves]
            place = tile_number(plan, own)
        at = "" if plan.summed else "".join(
            f" + {own.tile}{d} * {plan.steps()[d] * lines[d]} * {prefix}_LANES" for d in dims)
        at += "".join(f" + {name}{d} * {shift * lines[d]} * {prefix}_LANES"
                      for d, (name, count, shift) in enumerate(parts) if count > 1)
        call = [f"{plane_name(prefix, 'a', plan)}({own.sums} + {own.lane} * {own.all} + (({place}) "
                f"* {own.vectors} + {own.item}) * {prefix}_LANES,",
                f"    {', '.join(map(str, gaps))}, {own.stage}{at}, {', '.join(steps)});"]
        for d, (name, count, _) in enumerate(parts):
            if count > 1:
                call = _down(f"{name}{d}", count, call) if d else loop(f"{name}{d}", 0, count, call)
        if not plan.summed:
            for d in reversed(dims[1:]):
                call = _down(f"{own.tile}{d}", plan.tiles[d], call)
            call = loop(f"{own.tile}0", 0, own.count, call)
        yield from call
        o, extent = plan.steps()[0], plan.outputs[0].extent
        pixels = str(extent * lines[0]) if plan.summed else (
            f"{prefix}_min({o} * {own.count}, {extent} - {o} * {own.low}) * {lines[0]}")
        scale = spell.number(plan.contraction.factor)
        yield (f"{prefix}_finish({own.stage}, {pixels}, {own.start}, {scale}, {own.wild});")
        lane = f"({own.first} + {own.lane} + {own.item} * {prefix}_LANES) * {plan.lane}"
        moved = (f"({own.low} + {own.row}) * {plan.row}" if plan.summed
                 else f"{own.low} * {o * lines[0]}")
        yield (f"{prefix}_leave({self.node.target.tensor} + {spell.integer(plan.target)} + {lane} "
               f"+ {moved}, {plan.lane},")
        yield f"    {own.stage}, {pixels}, {own.some});"

    def repair(self) -> list[str]:
        """Elements that are not finite, once more: a transform spreads what is wild."""
        own, spell, node = self.own, self.spelling, self.node
        plan = node.plan
        element = spell.element(node.target.tensor, node.target.subscripts)
        inside = [*(f"const ptrdiff_t {index.name} = {spell.integer(place)};"
                    for index, place in zip(node.free, plan.contraction.target, strict=True)
                    if place.name != index.name),
                  f"if (!({element} - {element} == 0)) {{", *indented(self.nodes(node.repair)),
                  "}"]
        for number, span in reversed(list(enumerate(plan.outputs))):
            low, stop = "0", str(span.extent)
            if not number and not plan.summed:
                o = plan.steps()[0]
                low = f"{o} * {own.low}"
                stop = f"{spell.prefix}_min({o} * ({own.low} + {own.count}), {span.extent})"
            inside = loop(span.name, low, stop, inside)
        if plan.summed:
            inside = loop(plan.scalar.across.name, own.low, f"{own.low} + {own.count}", inside)
        return loop(plan.vector.across.name, own.first, f"{own.first} + {own.many}", inside)


def _down(name: str, count: int, body: Sequence[str]) -> list[str]:
    """A loop from the last value to the first."""
    return [f"for (ptrdiff_t {name} = {count - 1}; {name} >= 0; {name}--) {{",
            *indented(body), "}"]


def _gaps(extents: Sequence[int], plane: int) -> list[int]:
    """The distances of neighbours along each axis of points, in elements."""
    return [math.prod(extents[d + 1:]) * plane for d in range(len(extents))]

"""Every Winograd plan for a contraction.

What is needed: axes that slide (`sliding`), and other variables that are no part of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from symconv.contraction import Contraction, Operand, Span, Strides
from symconv.integers import Int
from symconv.places import flat
from symconv.sharing import COUNTS, EVEN, grain, uneven
from symconv.sliding import Slide, Weave, schemes_of, slides_of
from symconv.toom import LIMIT, least_noise
from symconv.winograd import LINE, Winograd
from symconv.winograd_operands import Axis, Guard, Side

_MOST_TILES = 4096
_HIGH = 8       # rows that tasks have a multiple of, where their transform has vectors along them


def winograd_plans(contraction: Contraction, strides: Strides,
                   target: Sequence[int]) -> Iterator[Winograd]:
    """All plans whose windows slide over the first operand, X; the other one is K. `strides` are
    those of the arrays of both, `target` those of the target."""
    x, k = contraction.operands
    slides = slides_of(contraction, x, k, target)
    if any(k.guarded) or any(s.low for s in contraction.outer):
        return
    # what a tile has beyond the ends of two axes has no order of tiles that overwrites it, so
    # that all axes of a volume are cut where the outputs are one tile; otherwise the taps of
    # the first one are summed
    for axes, kinds in ((slides, (False, True) if len(slides) < 3 else (True,)),
                        (slides[1:], (False,) if len(slides) == 3 else ())):
        for summed in kinds if axes else ():
            yield from _plans(contraction, strides, target, axes, summed)


def _plans(contraction: Contraction, strides: Strides, target: Sequence[int],
           slides: tuple[Slide, ...], summed: bool) -> Iterator[Winograd]:
    x, k = contraction.operands
    moving = {name for s in slides for name in (s.outer.name, s.inner.name)}
    ours, theirs = (_others(operand, {getattr(s, at) for s in slides}, moving)
                    for operand, at in ((x, "patch"), (k, "kernel")))
    if ours is None or theirs is None:
        return
    outer = [s for s in contraction.outer if s.name not in moving]
    inner = [s for s in contraction.inner if s.name not in moving]
    if any(s.name not in ours | theirs for s in outer) or any(
            s.name not in ours & theirs for s in inner):
        return
    for schemes in itertools.product(*(schemes_of(s, summed) for s in slides)):
        noises = [noise for noise in (least_noise(*scheme) for scheme in schemes)
                  if noise is not None]
        if len(noises) < len(schemes) or math.prod(noises) > LIMIT:
            continue
        maker = _Maker(contraction, strides, target, slides, schemes, summed)
        only = [[s for s in outer if s.name in one - other]
                for one, other in ((ours, theirs), (theirs, ours))]
        yield from maker.plans(outer, inner, *only)


def _others(operand: Operand, axes: set[int], moving: set[str]) -> set[str] | None:
    """The names on all other axes; None where a sliding variable is among them."""
    names = {name for number, place in enumerate(operand.subscripts) if number not in axes
             for name in place.names()}
    return None if names & moving else names


@dataclass(frozen=True, slots=True)
class _Maker:
    contraction: Contraction
    strides: Strides
    target: Sequence[int]
    slides: tuple[Slide, ...]
    schemes: tuple[tuple[int, int], ...]
    summed: bool

    @property
    def weaves(self) -> tuple[Weave, ...]:
        return tuple(s.weave(self.summed, scheme[not self.summed])
                     for s, scheme in zip(self.slides, self.schemes, strict=True))

    def plans(self, outer: Sequence[Span], inner: Sequence[Span], ours: Sequence[Span],
              theirs: Sequence[Span]) -> Iterator[Winograd]:
        """`ours` are outer variables of X alone, `theirs` those of K alone."""
        weaves = self.weaves
        tiles = tuple(-(-s.cut(self.summed).extent // (weave.strands * scheme[self.summed]))
                      for s, weave, scheme in zip(self.slides, weaves, self.schemes, strict=True))
        if math.prod(tiles) * math.prod(weave.strands for weave in weaves) > _MOST_TILES or (
                not self._is_ordered(tiles)):
            return
        if self.summed:
            for one, other in itertools.product(ours, theirs):
                patch = self._side(one, None, True)
                kernel = self._side(other, None, False)
                for vector, scalar in ((patch, kernel), (kernel, patch)):
                    if vector is not None and scalar is not None and (
                            scalar is patch or all(weave.phases == 1 for weave in weaves)):
                        yield from self._blocked(tiles, vector, scalar, tuple(inner), outer)
            return
        for lane, depth in itertools.product(theirs, inner):
            patch = self._side(depth, None, True)
            kernel = self._side(lane, depth, False)
            if patch is not None and kernel is not None:
                rest = tuple(s for s in inner if s != depth)
                yield from self._blocked(tiles, kernel, patch, rest, outer)

    def _is_ordered(self, tiles: Sequence[int]) -> bool:
        """Whether an order of tiles, of strands and of phases overwrites what lies beyond the end
        of a line. It is the beginning of the next line, which must belong to another tile of the
        axis, taken later; or to the same one, where that takes line after line."""
        over = [(weave.whole(o) if self.summed else weave.strands * o * count) - s.outer.extent
                for s, weave, (o, _), count in zip(self.slides, self.weaves, self.schemes, tiles,
                                                   strict=True)]
        if self.summed:
            return sum(far > 0 for far in over[1:]) < 2
        lines = self.weaves[0].strands
        return all(count > 1 or far < weave.strands or lines == weave.strands == 1
                   for far, weave, count in zip(over[1:], self.weaves[1:], tiles[1:], strict=True))

    def _blocked(self, tiles: tuple[int, ...], vector: Side, scalar: Side,
                 rest: tuple[Span, ...], outer: Sequence[Span]) -> Iterator[Winograd]:
        moving = {s.outer.name for s in self.slides}
        used = {vector.across.name, *([scalar.across.name] if self.summed else []), *moving}
        slices = tuple(s for s in outer if s.name not in used)
        place = flat(self.contraction.target, self.target)
        lane = place.factor(vector.across.name)
        row = place.factor(scalar.across.name) if self.summed else 0
        outputs = tuple(s.outer for s in self.slides)
        start = place.substitute({s.name: Int.of(s.low) for s in (
            *outputs, vector.across, *([scalar.across] if self.summed else []))})
        whole = scalar.across.extent if self.summed else tiles[0]
        plan = Winograd(self.schemes, self.weaves, tiles, self.summed, vector, scalar, rest, slices,
                        vector.across.extent, whole, whole, tiles[0], 0, outputs, start, lane, row,
                        self.contraction)
        for group, band in itertools.product(_cuts(vector.across.extent, LINE),
                                             _cuts(whole, _HIGH if self.summed else 1)):
            others = -(-vector.across.extent // group) * math.prod(s.extent for s in slices)
            unit = _HIGH if self.summed else 1
            share = grain(whole, band, others, unit, unit)
            for part in _cuts(tiles[0], 1) if self.summed else (band,):
                cut = _in_strips(replace(plan, group=group, band=band, grain=share, part=part,
                                         slab=plan.depth))
                yield cut
                for slab in _slabs(cut):
                    yield replace(cut, slab=slab)

    def _side(self, across: Span, depth: Span | None, is_patch: bool) -> Side | None:
        """X or K with vectors along one variable; None where it does not lie in rows."""
        operand = self.contraction.operands[not is_patch]
        strides = self.strides[not is_patch]
        axes: list[Axis] = []
        base = Int.of(0)
        guards: list[Guard] = []
        sliding = [s.patch if is_patch else s.kernel for s in self.slides]
        for number, (place, stride) in enumerate(zip(operand.subscripts, strides, strict=True)):
            if number not in sliding:
                base = base + place * stride
                if operand.guarded[number]:
                    guards.append(Guard(place, *operand.valid[number]))
        for axis, slide, scheme, weave in zip(sliding, self.slides, self.schemes, self.weaves,
                                              strict=True):
            axes.append(self._axis(operand, axis, strides[axis], slide, scheme, weave, is_patch))
        names = {name for guard in guards for name in guard.place.names()}
        if names & {s.name for s in (across, depth) if s is not None}:
            return None
        if axes[-1].stride != 1 or (self.summed and any(axis.reversed for axis in axes)):
            return None
        apart = base.factor(across.name)
        deep = 0 if depth is None else base.factor(depth.name)
        lows = {s.name: Int.of(s.low) for s in (across, *([depth] if depth is not None else []))}
        room = 1 + sum((extent - 1) * stride for extent, stride in zip(
            (stop for _, stop in operand.valid), strides, strict=True))
        return Side(operand.tensor, room, across, apart, depth, deep, base.substitute(lows),
                    tuple(axes), tuple(guards), is_patch)

    def _axis(self, operand: Operand, axis: int, stride: int, slide: Slide,
              scheme: tuple[int, int], weave: Weave, is_patch: bool) -> Axis:
        """The windows of one axis. Taps are counted along X: tap t is m = low + t, or
        m = stop - 1 - t where m counts backwards in X."""
        outer, m = slide.outer, slide.inner
        place = operand.subscripts[axis]
        first = m.low if slide.along > 0 else m.stop - 1
        start = place.substitute({outer.name: Int.of(outer.low),
                                  m.name: Int.of(first)}).constant or 0
        cut = scheme[self.summed]
        if is_patch:
            window = (weave.gap * (sum(scheme) - 2) + weave.strands
                      + weave.move * (weave.phases - 1))
            return Axis(start, weave.gap * cut, window, False, operand.valid[axis], stride,
                        weave.gap, weave.strands, weave.move)
        backwards = place.factor(m.name) * slide.along < 0
        low = start - (m.extent - 1) if backwards else start
        valid = (max(operand.valid[axis][0], low), min(operand.valid[axis][1], low + m.extent))
        if self.summed:
            step = weave.strands * cut
            return Axis(low, step, step, backwards, valid, stride, weave.strands, weave.strands, 0)
        window = weave.whole(scheme[1])
        return Axis(start - (window - 1) if backwards else start, window, window, backwards, valid,
                    stride, weave.apart, 1, weave.shift)


def _in_strips(plan: Winograd) -> Winograd:
    """The plan with tasks that have some lanes, where they would have uneven numbers of tiles. Of
    several bands a thread shares but one with another."""
    others = math.prod(s.extent for s in plan.slices)
    if (plan.summed or plan.groups > 1 or plan.bands == 1
            or uneven(plan.whole, plan.grain, others) <= EVEN):
        return plan
    strip = grain(plan.group, plan.group, others * plan.bands, LINE, LINE)
    return replace(plan, grain=plan.band, strip=strip) if strip < plan.group else plan


def _slabs(plan: Winograd) -> list[int]:
    """How many terms of a sum may be taken at a time, if not all: powers of two."""
    if plan.summed or plan.rest or plan.phases > 1:
        return []
    return [1 << bits for bits in range(2, (plan.depth - 1).bit_length())]


def _cuts(extent: int, grain: int) -> list[int]:
    """Sizes of like parts of an extent."""
    found = {min(extent, math.ceil(-(-extent // count) / grain) * grain)
             for count in COUNTS if count <= extent}
    return sorted(found, reverse=True)

"""Blocks: a large product in parts that stay in the cache, over two axes of what is multiplied.

    for n0, n1, start, stop in _blocks(N, Ho, Wo, C*KH*KW, 2*O):

runs over an outer axis (n, a batch, where there is one) and an inner one (i, the rows of a map).
Every array that has one of the two axes is cut along it, and its extent is n1 - n0 or stop - start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symconv.emit.numpy_frame import Frame
from symconv.emit.numpy_helpers import CACHE
from symconv.emit.numpy_integers import plain
from symconv.emit.numpy_matmul import Labelled, volume, volume_text
from symconv.integers import Int, largest, smallest
from symconv.slicing import Span


@dataclass(frozen=True, slots=True)
class Blocks:
    """The two axes with their ends; `outer` is None where there is no such axis. `header` is the
    statement of the loop, or None where one block holds all."""

    outer: str | None
    inner: str
    ends: tuple[str, str, str, str]
    header: str | None

    @staticmethod
    def of(frame: Frame, extents: Mapping[str, Int], axes: tuple[str | None, str, Sequence[str]],
           depth: tuple[Sequence[str], int], least: tuple[Sequence[str], int]) -> Blocks:
        """Blocks over `axes` (outer, inner, those behind it) with volume(names) // a elements for
        `depth` = (names, a) at each of their places, but at least volume(names) * b places for
        `least` = (names, b)."""
        outer, inner, rest = axes
        ends = tuple(frame.name(stem) for stem in ("n0", "n1", "start", "stop"))
        names, under = depth
        few, times = least
        counts = [Int.of(1) if outer is None else extents[outer], extents[inner],
                  volume(rest, extents)]
        known = [count.constant for count in (*counts, volume(names, extents),
                                              volume(few, extents))]
        if None not in known:
            n, i, r, deep, thin = (value or 0 for value in known)
            most = max((1 << CACHE) * under // max(deep, 1), times * thin)
            if 2 * n * i * r <= 3 * most:       # half as much again is not worth a second block
                return Blocks(outer, inner, ("",) * 4, None)
        deep_text = volume_text(names, extents)
        deep_text = f"{deep_text}//{under}" if under != 1 else deep_text
        least_text = volume_text(few, extents) if few else ""
        least_text = f"{times}*{least_text}" if least_text not in ("", "1") else str(times)
        listed = ", ".join(end if outer or place > 1 else "_" for place, end in enumerate(ends))
        shape = ", ".join([plain(counts[0]), plain(counts[1]), volume_text(rest, extents)])
        return Blocks(outer, inner, (ends[0], ends[1], ends[2], ends[3]),
                      f"for {listed} in _blocks({shape}, {deep_text}, {least_text}):")

    def looped(self, lines: Sequence[str]) -> list[str]:
        """The statements for every block."""
        if self.header is None:
            return list(lines)
        return [self.header, *(f"    {line}" for line in lines)]

    @property
    def later(self) -> str:
        """The test whether a block is not the first one."""
        return " or ".join(end for end in self.ends[0 if self.outer else 2::2])

    def ends_of(self, name: str) -> tuple[Int, Int] | None:
        """Where a block begins and ends along an axis; None for an axis that is not cut."""
        if self.header is None or name not in (self.outer, self.inner):
            return None
        low, high = self.ends[:2] if name == self.outer else self.ends[2:]
        return Int.of(low), Int.of(high)

    def extents(self, extents: Mapping[str, Int]) -> dict[str, Int]:
        """The extents of one block."""
        found = dict(extents)
        for name in extents:
            ends = self.ends_of(name)
            if ends is not None:
                found[name] = ends[1] - ends[0]
        return found

    def cut(self, text: str, axes: Sequence[str | None], unit: str = ":") -> str:
        """The part of an array with these axes that belongs to a block; `unit` is the item for an
        axis that has no index, of extent 1 ("0" drops it)."""
        items = []
        for name in axes:
            ends = None if name is None else self.ends_of(name)
            items.append(unit if name is None else ":" if ends is None
                         else f"{plain(ends[0])}:{plain(ends[1])}")
        while items and items[-1] == ":":
            items.pop()
        return f"{text}[{', '.join(items)}]" if items else text

    def cut_labelled(self, array: Labelled) -> Labelled:
        return Labelled(self.cut(array.text, array.axes), array.axes)

    def cut_span(self, span: Span) -> Span:
        """The part of a range that belongs to a block."""
        ends = self.ends_of(span.name)
        if ends is None:
            return span
        if span.whole:
            return Span(span.name, span.extent, *ends, ordered=True)
        return Span(span.name, ends[1], largest(span.low, ends[0]), smallest(span.high, ends[1]))

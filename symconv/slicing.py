"""Which indices of a term become slices of whole arrays, and which are looped over.

With the looped indices fixed, every subscript and every inequality of a plan holds at most one
index, whose values form a range.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from symconv.integers import Int, ceil_div, floor_div, largest, smallest
from symconv.ir import AtLeast, Divides, Equal, Index, Row, Scalar, Size
from symconv.ranges import Facts, scalar_reads
from symconv.relation import is_nonnegative, ranges
from symconv.rewrite import accesses, row_expressions, row_names, scalar_integers
from symconv.substitution import Flat, inside_atoms


@dataclass(frozen=True, slots=True)
class Span:
    """An index with the values low <= index < high: none where high is at most low.

    `ordered`: low <= high is certain. `skipped` are values between numbers that a loop leaves out.
    """

    name: str
    extent: Int
    low: Int
    high: Int
    ordered: bool = False
    skipped: tuple[int, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it takes all values from 0 up to its extent."""
        return not self.low and self.high == self.extent and not self.skipped


@dataclass(frozen=True, slots=True)
class Slices:
    """target[...] = reduction over `spans` and `loops` of the body, by slices.

    The bounds of a loop use outer loops, those of a span all loops. `tests` hold loops and sizes
    alone; `masks` are the rows that no range can express.
    """

    loops: tuple[Span, ...]
    spans: tuple[Span, ...]
    tests: tuple[Row, ...]
    masks: tuple[Row, ...]
    target: tuple[Int, ...]
    body: Scalar
    witness: Int | None


@dataclass(frozen=True, slots=True)
class Preference:
    """Which index to loop over: windows are short, and weights come after data.

    Numbers come first, shortest first; then the free sizes, the one declared last first (data
    are named before weights); then derived sizes.
    """

    keys: Mapping[str, tuple[int, int, int]]

    @staticmethod
    def of(indices: Iterable[Index], sizes: Sequence[Size]) -> Preference:
        free = {size.name: place for place, size in enumerate(sizes) if size.value is None}
        keys: dict[str, tuple[int, int, int]] = {}
        for place, index in enumerate(indices):
            number, name = index.extent.constant, index.extent.name
            if number is not None:
                keys[index.name] = (0, number, -place)
            elif name is not None and name in free:
                keys[index.name] = (1, -free[name], -place)
            else:
                keys[index.name] = (2, 0, -place)
        return Preference(keys)

    def key(self, name: str) -> tuple[int, int, int]:
        return self.keys[name]


@dataclass(slots=True)
class Slicer:
    """A term on its way to `Slices`: subscripts, then loops, then guards, then ranges."""

    flat: Flat
    rows: tuple[Row, ...]
    facts: Facts
    preference: Preference
    looped: list[str] = field(default_factory=list)

    def subscripts(self) -> list[Int] | None:
        """All subscripts of target, body, rows and witness; None where one is no slice."""
        flat, found = self.flat, list(self.flat.target)
        for access in accesses(flat.body):
            found += access.subscripts
        integers = [*scalar_integers(flat.body),
                    *(e for row in self.rows for e in row_expressions(row))]
        if flat.witness is not None:
            integers.append(flat.witness)
        for element in (e for integer in integers for e in integer.elements()):
            found += element.subscripts
        names = {index.name for index in flat.indices} - flat.forced
        if any(sub.elements() or inside_atoms(sub) & names for sub in found):
            return None
        return found

    def choose(self, subscripts: Sequence[Int]) -> None:
        """Set the looped indices, as few as the preference allows."""
        boxes = [row.expression for row in self.rows if self._is_box(row)]
        forms = [(sub, True) for sub in subscripts] + [(row, False) for row in boxes]
        while (bad := next((f for f in forms if not self._sliceable(*f, self.looped)), None)):
            inside = self._unlooped(bad[0], self.looped)
            awkward = [name for name in inside if not self._plain(bad[0], name)]
            self.looped.append(min(awkward or inside, key=self.preference.key))
        for name in reversed(tuple(self.looped)):
            fewer = [other for other in self.looped if other != name]
            if all(self._sliceable(form, strict, fewer) for form, strict in forms):
                self.looped = fewer

    def order_points(self, free: Sequence[Index]) -> None:
        """For an arg max: loops over all bound indices, unless whole axes give their order."""
        kept = {index.name for index in free}
        bound = [index.name for index in self.flat.indices if index.name not in kept]
        plan = self.slices()
        if set(self.looped) & set(bound) or plan.masks or not all(
                span.whole for span in plan.spans if span.name in bound):
            self.looped += [name for name in bound if name not in self.looped]

    def guard(self, extents: Mapping[str, tuple[Int, ...]]) -> None:
        """Rows for the reads that only rows about other vectors keep in range.

        Such a row has no point at all where the read is out of range; the slices are empty
        then, but the read is done, and its slices must fit the others.
        """
        box = ranges(self.flat.indices)
        vectors = box.keys() - set(self.looped)
        for tensor, subscripts in scalar_reads(self.flat.body):
            for subscript, extent in zip(subscripts, extents[tensor], strict=True):
                if subscript.elements():
                    continue
                own = subscript.names() & vectors
                near = [row for row in self.rows if row_names(row) & vectors <= own]
                for condition in (subscript, extent - 1 - subscript):
                    row = AtLeast(condition)
                    if row not in self.rows and not self.facts.holds(condition, box, near):
                        self.rows = (*self.rows, row)

    def slices(self) -> Slices:
        """The plan for the chosen loops; every row becomes a bound, a test or a mask."""
        indices = {index.name: index.extent for index in self.flat.indices}
        loops = [name for name in indices if name in self.looped]
        lows: dict[str, list[Int]] = {name: [Int.of(0)] for name in indices}
        highs: dict[str, list[Int]] = {name: [extent] for name, extent in indices.items()}
        tests: list[Row] = []
        masks: list[Row] = []
        for row in self.rows:
            inside = [name for name in indices if name in row_names(row)]
            vectors = [name for name in inside if name not in loops]
            reads = any(e.elements() for e in row_expressions(row))
            name = vectors[0] if vectors else max(inside, key=loops.index, default=None)
            if len(vectors) > 1 or reads or name is None or not self._bounds(
                    row, name, lows[name], highs[name]):
                (masks if vectors or reads else tests).append(row)
        spans = {name: self._span(name, lows[name], highs[name]) for name in indices}
        return Slices(tuple(spans[name] for name in loops),
                      tuple(span for name, span in spans.items() if name not in loops),
                      tuple(tests), tuple(masks), self.flat.target, self.flat.body,
                      self.flat.witness)

    def _span(self, name: str, lows: Sequence[Int], highs: Sequence[Int]) -> Span:
        low, high = self._low(lows), self._high(highs)
        ordered = self.facts.holds(high - low, ranges(self.flat.indices))
        return Span(name, highs[0], low, high, ordered)

    def _low(self, lows: Sequence[Int]) -> Int:
        """The largest of 0 and other bounds, without those that never count."""
        box = ranges(self.flat.indices)
        others = [low for low in lows[1:] if not self.facts.holds(-low, box)]
        if any(self.facts.holds(low, box) for low in others):
            return largest(*others)
        return largest(lows[0], *others)

    def _high(self, highs: Sequence[Int]) -> Int:
        """The smallest of the extent and other bounds, without those that never count."""
        box = ranges(self.flat.indices)
        others = [high for high in highs[1:] if not self.facts.holds(high - highs[0], box)]
        if any(self.facts.holds(highs[0] - high, box) for high in others):
            return smallest(*others)
        return smallest(highs[0], *others)

    def _bounds(self, row: Row, name: str, lows: list[Int], highs: list[Int]) -> bool:
        """Whether the row bounds `name`, given the other indices; adds to the bounds then."""
        if isinstance(row, Divides) or not self._plain(row.expression, name):
            return False
        factor, rest = row.expression.coefficient(name), row.expression.without((name,))
        upper = not is_nonnegative(factor)
        if upper:
            factor = -factor
        else:
            rest = -rest                    # now index >= rest/factor, or <=, or =
        if isinstance(row, Equal) or not upper:
            lows.append(ceil_div(rest, factor))
        if isinstance(row, Equal) or upper:
            highs.append(floor_div(rest, factor) + 1)
        return True

    def _is_box(self, row: Row) -> bool:
        """Whether ranges can express the row once all its indices but one are fixed."""
        if isinstance(row, Divides) or row.expression.elements():
            return False
        names = {index.name for index in self.flat.indices}
        return not inside_atoms(row.expression) & (names - self.flat.forced)

    def _unlooped(self, form: Int, looped: Sequence[str]) -> list[str]:
        return [index.name for index in self.flat.indices
                if index.name in form.names() and index.name not in looped]

    def _sliceable(self, form: Int, strict: bool, looped: Sequence[str]) -> bool:
        """At most one index; in a subscript (`strict`) with a number as its coefficient."""
        inside = self._unlooped(form, looped)
        if not inside:
            return True
        return len(inside) == 1 and self._plain(form, inside[0]) and (
            not strict or form.coefficient(inside[0]).constant is not None)

    def _plain(self, form: Int, name: str) -> bool:
        """Affine in the index, with a coefficient of known sign; no index, which may be 0."""
        if name in inside_atoms(form) or not form.is_affine((name,)):
            return False
        factor = form.coefficient(name)
        if any(index.name in factor.names() for index in self.flat.indices):
            return False
        return is_nonnegative(factor) or is_nonnegative(-factor)

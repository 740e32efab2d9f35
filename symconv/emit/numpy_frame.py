"""What surrounds the statements of a slice plan: allocation, loops, bounds and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symconv.emit.numpy_integers import plain, rows
from symconv.emit.numpy_views import SliceReader, View, view
from symconv.integers import Int, largest, smallest
from symconv.ir import Definition, Tensor
from symconv.names import fresh
from symconv.rewrite import row_names
from symconv.slicing import Slices, Span
from symconv.substitution import inside_atoms

INTEGER = "np.int64"
EMPTY = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a function knows while its statements are written: its tensors, the text of its
    element type, the names that are taken, and those of sizes."""

    tensors: Mapping[str, Tensor]
    dtype: str
    names: frozenset[str]
    sizes: frozenset[str]

    def type_of(self, definition: Definition) -> str:
        """The element type of a target."""
        return self.dtype if definition.target.kind == "real" else INTEGER


class Frame:
    """The spans of a plan with variables as their ends, and the nest that defines those."""

    def __init__(self, definition: Definition, plan: Slices, scope: Scope) -> None:
        self.definition, self.plan, self.scope = definition, plan, scope
        self._used = {*scope.names, *(span.name for span in (*plan.loops, *plan.spans))}
        self._loops = [loop.name for loop in plan.loops]
        self._ends: list[tuple[int, list[str]]] = []
        self.spans = {span.name: self._bounded(span) for span in plan.spans}
        ends = (end.name for span in self.spans.values() for end in (span.low, span.high))
        indices = (*self.spans, *(name for name in ends if name is not None), *self._loops)
        self.first = tuple(name for name in indices if name not in scope.sizes)
        self.target = view(definition.target, plan.target, self.spans, self.first)
        self.summed = tuple(name for name in self.spans if name not in self.target.axes)

    def reader(self, order: Sequence[str] = (), dtype: str | None = None) -> SliceReader:
        """Leaves that broadcast against arrays with the axes `order`."""
        used = dtype or self.scope.type_of(self.definition)
        return SliceReader(self.scope.tensors, self.spans, tuple(order), used, self.first)

    def name(self, stem: str) -> str:
        """A new local name."""
        return fresh(stem, self._used)

    @property
    def straight(self) -> bool:
        """Whether the statement stands outside of loops and writes the whole target."""
        return (bool(self.target.items) and self.target.whole and not self.plan.loops
                and not self.plan.tests)

    def nest(self, body: Sequence[str]) -> list[str]:
        """The statements inside tests, bounds and loops, each as far out as it may stand."""
        tests = [(self._depth(row_names(test)), test) for test in self.plan.tests]
        lines: list[str] = []
        indent = ""
        for depth in range(len(self._loops) + 1):
            if depth:
                loop = self.plan.loops[depth - 1]
                lines.append(f"{indent}for {loop.name} in {self._values(loop)}:")
                indent += "    "
            here = [test for level, test in tests if level == depth]
            if here:
                lines.append(f"{indent}if {rows(here, self.reader()).text}:")
                indent += "    "
            lines += [indent + line for level, ends in self._ends if level == depth
                      for line in ends]
        return lines + [indent + line for line in body]

    def _values(self, loop: Span) -> str:
        """The values of a loop: its range, or the ranges before and behind what it skips, of which
        none may be left."""
        ranges, low = list[str](), loop.low
        for high in (*map(Int.of, loop.skipped), loop.high):
            if low != high:
                start = f"{plain(low, self._loops)}, " if low else ""
                ranges.append(f"range({start}{plain(high, self._loops)})")
            low = high + 1
        return ranges[0] if len(ranges) == 1 else f"({', '.join(f'*{each}' for each in ranges)})"

    def _depth(self, names: frozenset[str]) -> int:
        """How many loops must stand around a statement that uses these names."""
        return max((place + 1 for place, name in enumerate(self._loops) if name in names),
                   default=0)

    def _bounded(self, span: Span) -> Span:
        """The span with low <= high for certain; ends that have to be computed get names."""
        low, high, lines = span.low, span.high, list[str]()
        if span.whole or (span.ordered and not inside_atoms(low) | inside_atoms(high)):
            return span
        if span.ordered:
            low = self._let(f"{span.name}0", low, lines)
            high = self._let(f"{span.name}1", high, lines)
        elif high == span.extent:
            low = self._let(f"{span.name}0", smallest(low, high), lines)
        else:
            if low.constant is None:
                low = self._let(f"{span.name}0", low, lines)
            high = self._let(f"{span.name}1", largest(low, high), lines)
        self._ends.append((self._depth(span.low.names() | span.high.names()), lines))
        return Span(span.name, span.extent, low, high)

    def _let(self, stem: str, value: Int, lines: list[str]) -> Int:
        if value.constant is not None or value.name is not None:
            return value
        name = self.name(stem)
        lines.append(f"{name} = {plain(value, self._loops)}")
        return Int.of(name)


def window(target: View) -> str:
    """The part of the target that is written, as an array even where it is one element."""
    if target.items and not target.axes:
        return f"{target.name}[{', '.join(target.items)}, ...]"
    return target.raw()


def place(target: View) -> str:
    """The same on the left of an assignment, which must not be a call (a diagonal)."""
    return f"{target.raw()}[...]" if target.raw().endswith(")") else target.raw()


def identity(definition: Definition) -> str:
    """What a maximum or minimum starts from: it loses against every value."""
    high = definition.reduction.endswith("max")
    if definition.target.kind == "integer" and not definition.reduction.startswith("arg"):
        return f"np.iinfo({INTEGER}).{'min' if high else 'max'}"
    return "-np.inf" if high else "np.inf"


def allocation(tensor: Tensor, dtype: str, filled: str | None = None) -> str:
    """A new array for a target, of zeros, filled or `EMPTY`."""
    shape = shape_text(tensor.logical)
    if filled == EMPTY:
        return f"np.empty({shape}, dtype={dtype})"
    if filled is None:
        return f"np.zeros({shape}, dtype={dtype})"
    return f"np.full({shape}, {filled}, dtype={dtype})"


def shape_text(extents: Sequence[Int]) -> str:
    """Extents as a Python tuple."""
    shown = [plain(extent) for extent in extents]
    return f"({shown[0]},)" if len(shown) == 1 else f"({', '.join(shown)})"

"""What a place of a maximum picks, without a loop over the taps of its window.

    dx[2*i + a, 2*j + e] += dy[i,j]   where 3*a + e = y_at[i,j]

adds every element of dy once, at a distance from the window's corner that depends on y_at alone:

    places = (a*W + e).take(y_at) + 2*i*W + 2*j          (a, e: all taps, in their order)
    np.add.at(dx.reshape(-1), places.reshape(-1), dy.reshape(-1))

and ty[i,j] = tx[2*i + a, 2*j + e] is tx.take(places).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from symconv.emit.numpy_frame import Scope, allocation
from symconv.emit.numpy_integers import ATOM, SUM, Code, plain
from symconv.emit.numpy_picks import Pick, find_pick, names
from symconv.emit.numpy_scalars import scalar
from symconv.emit.numpy_views import SliceReader, align
from symconv.integers import Element, Int
from symconv.ir import Access, Definition, Index, Program, Tensor, Term
from symconv.names import fresh
from symconv.rewrite import scalar_names
from symconv.slicing import Span


def write_pick(definition: Definition, term: Term, program: Program, scope: Scope,
               first: bool) -> list[str] | None:
    """target += body, or target = body with `first`; None where no place of a maximum picks."""
    pick = find_pick(definition, term, program)
    if pick is None:
        return None
    used = {*scope.names, *(index.name for index in (*pick.grid, *pick.taps))}
    return _Writer(definition, pick, scope, used).written(first)


@dataclass(slots=True)
class _Writer:
    """The statements of a pick. `lines` are those that stand before its value."""

    definition: Definition
    pick: Pick
    scope: Scope
    used: set[str]
    lines: list[str] = field(default_factory=list)
    places: dict[tuple[str, str], str] = field(default_factory=dict)

    def written(self, first: bool) -> list[str]:
        pick, target = self.pick, self.definition.target
        order = tuple(index.name for index in pick.grid)
        spans = {index.name: Span(index.name, index.extent, Int.of(0), index.extent)
                 for index in pick.grid}
        dtype = self.scope.type_of(self.definition)
        plain_reader = SliceReader(self.scope.tensors, spans, order, dtype, order)
        self.lines += [_indices(pick.grid), _indices(pick.taps)]
        value = scalar(pick.body, _Reader(plain_reader, self))
        if not self.moves(pick.target):
            text = align(value, order, [str(sub.name) for sub in pick.target])
            return [*self.lines, f"{target.name} {'' if first else '+'}= {text}"]
        places = self.place(pick.target, target)
        text = value.at(ATOM)
        if not {*order} <= scalar_names(pick.body):
            text = f"np.broadcast_to({value.text}, {pick.at}.shape)"
        into = target.name if first else self.name("part")
        self.lines += [f"{into} = {allocation(target, dtype)}",
                       f"np.add.at({into}.reshape(-1), {places}.reshape(-1), {text}.reshape(-1))"]
        return [*self.lines, *([] if first else [f"{target.name} += {into}"])]

    def name(self, stem: str) -> str:
        return fresh(stem, self.used)

    def moves(self, subscripts: Sequence[Int]) -> bool:
        """Whether the taps move an access."""
        return bool(names(subscripts) & {tap.name for tap in self.pick.taps})

    def place(self, subscripts: Sequence[Int], tensor: Tensor) -> str:
        """A name for the places of an access in the array as one axis."""
        taps, grid = ([index.name for index in group] for group in (self.pick.taps, self.pick.grid))
        inside = _row_major([sub - sub.without(taps) for sub in subscripts], tensor, taps)
        corner = _row_major([sub.without(taps) for sub in subscripts], tensor, grid)
        key = (inside.text, corner.text)
        if key not in self.places:
            self.places[key] = self.name("places")
            self.lines.append(f"{self.places[key]} = {inside.at(ATOM)}.take({self.pick.at})"
                              f" + ({corner.text})")
        return self.places[key]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Leaves over the grid; what the taps move is taken from its places."""

    grid: SliceReader
    writer: _Writer

    @property
    def dtype(self) -> str:
        return self.grid.dtype

    @property
    def first(self) -> Sequence[str]:
        return self.grid.first

    def varies(self, expression: Int) -> bool:
        return self.grid.varies(expression)

    def index(self, name: str) -> str:
        return self.grid.index(name)

    def element(self, element: Element) -> str:
        return self.grid.element(element)

    def access(self, access: Access) -> str:
        if not self.writer.moves(access.subscripts):
            return self.grid.access(access)
        tensor = self.grid.tensors[access.tensor]
        return f"{tensor.name}.take({self.writer.place(access.subscripts, tensor)})"


def _indices(indices: Sequence[Index]) -> str:
    """Every index as an array along an axis of its own."""
    if len(indices) == 1:
        return f"{indices[0].name} = np.arange({plain(indices[0].extent)})"
    ends = ", ".join(f":{plain(index.extent)}" for index in indices)
    return f"{', '.join(index.name for index in indices)} = np.ogrid[{ends}]"


def _row_major(subscripts: Sequence[Int], tensor: Tensor, first: Sequence[str]) -> Code:
    """The place of an element in an array as one axis."""
    code = Code("0")
    for subscript, extent in zip(subscripts, tensor.logical, strict=True):
        shown = plain(subscript, first)
        if code.text == "0":
            code = Code(shown, ATOM if subscript.name else SUM)
            continue
        factor = plain(extent) if extent.name or extent.constant else f"({plain(extent)})"
        code = Code(f"{code.at(ATOM)}*{factor}", SUM)
        if subscript:
            code = Code(f"{code.text} + {shown}".replace("+ -", "- "), SUM)
    return code

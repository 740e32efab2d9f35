"""The body of a C function: the nodes of the loop IR, line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from symconv.alongside import Rows, merged, rows, widened
from symconv.emit.c_cascade import FEW, LANES, STRIP, Cascade, CascadeNames
from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import loop
from symconv.emit.c_strips import Strips
from symconv.integers import Int
from symconv.ir import Access, Number, Scalar, Whole
from symconv.lengths import Box, calls, is_innermost, longest, terms, within
from symconv.loops import (
    Begin,
    Fold,
    Let,
    Loop,
    Node,
    Refuse,
    Stenciled,
    Store,
    Tiled,
    Transformed,
    When,
)
from symconv.names import fresh
from symconv.rewrite import substitute_scalar

# what an extremum does with a new value: it replaces the best one unless ...
_KEEP = {("max", "first"): "<=", ("max", "last"): "<", ("min", "first"): ">=", ("min", "last"): ">"}


@dataclass(frozen=True, slots=True)
class Locals:
    """The emitter's own names within a function, kept apart from those of the program."""

    sizes: str
    workspace: str
    begin: str
    end: str
    task: str
    total: str
    best: str
    place: str
    seen: str
    value: str

    @staticmethod
    def beside(used: set[str]) -> Locals:
        return Locals(*(fresh(name, used) for name in (
            "sizes", "workspace", "task_begin", "task_end", "task", "total", "best", "place",
            "seen", "value")))


@dataclass(slots=True)
class Body:
    """Lines for nodes. `integers` are the tensors that hold int64; `code` numbers the messages
    of refusals, `tiles` spells tile plans, `stencils` stencil plans, `windows` Winograd plans;
    tensors that are `narrow` hold int32.

    The rest tells what is under way: the reduction (`folding`, for a `witness`, `counting`); the
    `cascade` of a long sum and the `lane` that takes its next term; the strips whose `row` comes;
    the `column` (first task, how many) of sums side by side; the `box` of the loops around.
    """

    spelling: Spelling
    own: Locals
    apart: CascadeNames
    integers: frozenset[str]
    code: Callable[[str], int]
    tiles: Callable[[Tiled], Iterator[str]] | None = None
    stencils: Callable[[Stenciled], Iterator[str]] | None = None
    windows: Callable[[Transformed], Iterator[str]] | None = None
    narrow: frozenset[str] = frozenset()
    folding: str = "sum"
    witness: bool = False
    counting: bool = False
    cascade: Cascade | None = None
    row: Strips | None = None
    lane: str = ""
    column: tuple[str, str] | None = None
    box: Box = field(default_factory=dict)

    def lines(self, nodes: Sequence[Node]) -> Iterator[str]:
        for place, node in enumerate(nodes):
            if isinstance(node, Begin):
                yield from self._begin(node, nodes[place + 1:])
            else:
                yield from self._node(node)

    def block(self, head: str, nodes: Sequence[Node]) -> Iterator[str]:
        yield head
        yield from (f"    {line}" for line in self.lines(nodes))
        yield "}"

    def _node(self, node: Node) -> Iterator[str]:
        spell, own = self.spelling, self.own
        match node:
            case Loop() if (lines := self._split(node)) is not None:
                yield from lines
            case Loop(name, low, stop, body):
                self.box = within(node, self.box)
                yield from self.block(
                    f"for (ptrdiff_t {name} = {spell.integer(low)}; "
                    f"{name} < {spell.integer(stop)}; {name}++) {{", body)
            case Let(name, value):
                yield f"const ptrdiff_t {name} = {spell.integer(value)};"
            case When(rows, body):
                yield from self.block(f"if ({spell.rows(rows)}) {{" if rows else "{", body)
            case Fold():
                yield from self._fold(node)
            case Store(target, None, False) if self.cascade is not None and self.column is not None:
                name, many = self.column
                moved = {name: Int.of(name) + self.apart.lane}
                yield self.cascade.gathered(many)
                places = tuple(place.substitute(moved) for place in target.subscripts)
                yield from loop(self.apart.lane, 0, many, [
                    f"{spell.element(target.tensor, places)} = "
                    f"{self.apart.lanes}[{self.apart.lane}];"])
                self.cascade = None
            case Store(target, value, add):
                yield (f"{spell.element(target.tensor, target.subscripts)} "
                       f"{'+=' if add else '='} {self._stored(target, value)};")
                self.cascade = None
            case Tiled() if self.tiles is not None:
                yield from self.tiles(node)
            case Transformed() if self.windows is not None:
                yield from self.windows(node)
            case Stenciled() if self.stencils is not None:
                yield from self.stencils(node)
            case Refuse(message):
                lacking = f"{own.total} == 0" if self.folding == "sum" else f"!{own.seen}"
                yield f"if ({lacking}) {{"
                yield f"    return {self.code(message)};"
                yield "}"

    def _split(self, node: Loop) -> Iterator[str] | None:
        """A loop of a long sum, whose terms are added up by pairs; None where it is another."""
        if self.row is not None:
            return self.row.round() if node is self.row.found.last else None
        if self.cascade is None:
            found = self._rows(node)
            if found is None:
                return None
            count = terms((found.loops,), self.box, found.last)
            if count is not None and count <= FEW:
                return None
            store = found.store
            return Strips(found, self.spelling, self.apart,
                          self._stored(store.target, store.value)).lines(self._rounds)
        if self.column is not None:
            return None
        whole = merged(node, self.spelling.extents.get)
        if is_innermost(whole):
            return self._run(self.cascade, whole)
        return None if whole == node else self._node(whole)

    def _rows(self, node: Loop) -> Rows | None:
        """The loop as sums of rows, where it can be, of several rows at once."""
        match node.body:
            case (Loop() as inside,) if (found := rows(inside)) is not None:
                return widened(node, found, self.spelling.extents.get) or rows(node)
        return rows(node)

    def _rounds(self, strips: Strips) -> Iterator[str]:
        """The loops around the elements of a strip."""
        self.row = strips
        yield from self._node(strips.found.loops)
        self.row = None

    def _run(self, cascade: Cascade, node: Loop) -> Iterator[str]:
        """The innermost loop of a sum."""
        def body(lane: str) -> list[str]:
            self.lane = lane
            return list(self.lines(node.body))

        yield from cascade.run(node, longest(node, self.box), body, calls(node.body))

    def columns(self, nodes: Sequence[Node], name: str, many: str) -> Iterator[str]:
        """One sum for each of `many` tasks from that of number `name` on, along which all that
        depends on it lies side by side (`alongside.columns`)."""
        self.column = name, many
        yield from self.lines(nodes)
        self.column = None

    def _begin(self, node: Begin, following: Sequence[Node]) -> Iterator[str]:
        own, real, reduction = self.own, self.spelling.real, node.reduction
        self.folding, self.witness = reduction, reduction.startswith("arg")
        self.counting, self.cascade = node.kind == "integer", None
        if reduction == "sum" and not self.counting:
            if self.column is not None:
                self.cascade = Cascade(self.spelling, self.apart, STRIP)
                yield from self.cascade.begin(self.column[1])
                return
            count = terms(following, self.box)
            if count is None or count > FEW + 1:        # and the one that stores
                self.cascade = Cascade(self.spelling, self.apart, LANES)
                yield from self.cascade.begin()
                return
        if reduction == "sum":
            yield f"{'int64_t' if self.counting else real} {own.total} = 0;"
            return
        yield f"{real} {own.best} = 0;"
        if self.witness:
            yield f"ptrdiff_t {own.place} = 0;"
        yield f"int {own.seen} = 0;"

    def _fold(self, node: Fold) -> Iterator[str]:
        own = self.own
        if self.cascade is not None and self.column is not None:
            name, many = self.column
            moved = {name: Int.of(name) + self.apart.lane}
            yield from loop(self.apart.lane, 0, many, [self.cascade.add(
                self.apart.lane, self.spelling.top(substitute_scalar(node.value, moved)))])
            yield from self.cascade.join("1", many)
            return
        if self.cascade is not None:
            yield self.cascade.add(self.lane, self._value(node.value, False))
            return
        if node.reduction == "sum":
            yield f"{own.total} += {self._value(node.value, self.counting)};"
            return
        ties = "last" if node.ties == "last" else "first"
        keep = _KEEP[node.reduction.removeprefix("arg"), ties]
        yield f"const {self.spelling.real} {own.value} = {self.spelling.top(node.value)};"
        # a NaN compares false: it replaces a number, and nothing replaces it
        yield (f"if (!{own.seen} || ({own.best} == {own.best} && "
               f"!({own.value} {keep} {own.best}))) {{")
        yield f"    {own.best} = {own.value};"
        if node.witness is not None:
            yield f"    {own.place} = {self.spelling.integer(node.witness)};"
        yield f"    {own.seen} = 1;"
        yield "}"

    def _stored(self, target: Access, value: Scalar | None) -> str:
        if value is not None:
            return self._value(value, target.tensor in self.integers)
        if self.cascade is not None:
            return self.cascade.total()
        if self.folding == "sum":
            return self.own.total
        kind = "int32_t" if target.tensor in self.narrow else "int64_t"
        return f"({kind}){self.own.place}" if self.witness else self.own.best

    def _value(self, value: Scalar, integer: bool) -> str:
        """A summand of the target's type: an integer definition has integer bodies."""
        match value:
            case Whole(number) if integer:
                return self.spelling.integer(number)
            case Number(number) if integer:
                return str(number)
        return self.spelling.top(value)

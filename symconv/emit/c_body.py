"""The body of a C function: the nodes of the loop IR, line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from symconv.emit.c_expressions import Spelling
from symconv.ir import Access, Number, Scalar, Whole
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
    tensors that are `narrow` hold int32."""

    spelling: Spelling
    own: Locals
    integers: frozenset[str]
    code: Callable[[str], int]
    tiles: Callable[[Tiled], Iterator[str]] | None = None
    stencils: Callable[[Stenciled], Iterator[str]] | None = None
    windows: Callable[[Transformed], Iterator[str]] | None = None
    narrow: frozenset[str] = frozenset()
    folding: str = "sum"
    witness: bool = False
    counting: bool = False

    def lines(self, nodes: Sequence[Node]) -> Iterator[str]:
        for node in nodes:
            yield from self._node(node)

    def block(self, head: str, nodes: Sequence[Node]) -> Iterator[str]:
        yield head
        yield from (f"    {line}" for line in self.lines(nodes))
        yield "}"

    def _node(self, node: Node) -> Iterator[str]:
        spell, own = self.spelling, self.own
        match node:
            case Loop(name, low, stop, body):
                yield from self.block(
                    f"for (ptrdiff_t {name} = {spell.integer(low)}; "
                    f"{name} < {spell.integer(stop)}; {name}++) {{", body)
            case Let(name, value):
                yield f"const ptrdiff_t {name} = {spell.integer(value)};"
            case When(rows, body):
                yield from self.block(f"if ({spell.rows(rows)}) {{" if rows else "{", body)
            case Begin(reduction, kind):
                yield from self._begin(reduction, kind)
            case Fold():
                yield from self._fold(node)
            case Store(target, value, add):
                yield (f"{spell.element(target.tensor, target.subscripts)} "
                       f"{'+=' if add else '='} {self._stored(target, value)};")
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

    def _begin(self, reduction: str, kind: str) -> Iterator[str]:
        own, real = self.own, self.spelling.real
        self.folding, self.witness = reduction, reduction.startswith("arg")
        self.counting = kind == "integer"
        if reduction == "sum":
            yield f"{'int64_t' if self.counting else real} {own.total} = 0;"
            return
        yield f"{real} {own.best} = 0;"
        if self.witness:
            yield f"ptrdiff_t {own.place} = 0;"
        yield f"int {own.seen} = 0;"

    def _fold(self, node: Fold) -> Iterator[str]:
        own = self.own
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

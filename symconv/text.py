"""From a program to text in the definition language, as a person writes it.

`parse(program_text(program))` is the program again, up to the wording of requirements, for every
program that `parse` returns.
Derived programs print in the same language; where they hold what the parser never makes (a row
left out because another implies it), the text means the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from symconv.integers import Int, floor_div, product
from symconv.ir import Axis, Definition, Equal, Program, Row, Scalar, Tensor, Term
from symconv.ranges import (
    Facts,
    Read,
    completed,
    infer,
    integer_reads,
    row_reads,
    scalar_reads,
)
from symconv.spelling import needs, row_text
from symconv.wording import Wording

__all__ = ["definition_text", "program_text", "row_text", "scalar_text"]


def program_text(program: Program) -> str:
    """All statements of a program, one a line; ends with a newline."""
    lines = [_declaration(tensor) for tensor in program.inputs]
    lines += [_declaration(d.target) for d in program.definitions if not _is_plain(d)]
    lines += [f"{name} = {value}" for name, value in _written_sizes(program).items()]
    lines += [f"{item.tensor} < {item.stop}" for item in program.value_ranges]
    lines += [row_text(requirement.row) for requirement in program.requirements
              if requirement.message == needs(requirement.row)]
    context = _Context.of(program)
    ranged = {name for d in program.definitions for name in context.not_inferred(d)}
    current: dict[str, Int] = {}
    for definition in program.definitions:
        for name, extent in _ranges(definition).items():
            if name in ranged and current.get(name) != extent:
                current[name] = extent
                lines.append(f"{name} < {extent}")
        lines.append(context.statement(definition))
    if program.outputs != tuple(d.target.name for d in program.definitions[-1:]):
        lines.append(f"return {', '.join(program.outputs)}")
    return "\n".join(lines) + "\n"


def definition_text(definition: Definition, program: Program | None = None) -> str:
    """One statement: y[i] = ...

    With the program that it belongs to, rows that the parser adds again are left out, and split
    axes of every tensor show; without it every row is printed.
    """
    if program is not None:
        return _Context.of(program).statement(definition)
    groups = {definition.target.name: _groups(definition.target)}
    return Wording(groups, frozenset(), tuple(_ranges(definition))).definition(definition)


def scalar_text(body: Scalar, indices: tuple[str, ...] = ()) -> str:
    """A body; names among `indices` come first in sums, in their order."""
    return Wording({}, frozenset(), indices).scalar(body)


# --- declarations and sizes -----------------------------------------------------------------


def _declaration(tensor: Tensor) -> str:
    axes = ", ".join(_axis(axis) for axis in tensor.axes)
    if tensor.kind == "real":
        return f"{tensor.name}: [{axes}]"
    return f"{tensor.name}: int[{axes}]" if axes else f"{tensor.name}: int"


def _axis(axis: Axis) -> str:
    if axis.logical == (axis.stored,):
        return str(axis.stored)
    parts = ", ".join(str(extent) for extent in axis.logical)
    parts = f"({parts},)" if len(axis.logical) == 1 else f"({parts})"
    return parts if axis.stored == product(axis.logical) else f"{axis.stored} == {parts}"


def _is_plain(definition: Definition) -> bool:
    """Whether the target follows from the statement, so that it needs no declaration."""
    target = definition.target
    extents = tuple(index.extent for index in definition.free)
    return (all(axis.stored == product(axis.logical) for axis in target.axes)
            and target.logical == extents
            and (target.kind == "integer") == definition.reduction.startswith("arg"))


def _written_sizes(program: Program) -> dict[str, Int]:
    """The derived sizes that need a statement: not those that the split of an axis implies."""
    derived = {size.name: size.value for size in program.sizes if size.value is not None}
    known: set[str] = set()
    implied: dict[str, Int] = {}
    for axis in (axis for tensor in program.inputs for axis in tensor.axes):
        known |= axis.stored.names()
        new = [e.name for e in axis.logical if e.name in derived and e.name not in known]
        if len(new) == 1 and axis.stored != product(axis.logical):
            name = str(new[0])
            others = product(e for e in axis.logical if e.name != name)
            if derived[name] == floor_div(axis.stored, others):
                implied[name] = derived[name]
        known |= {name for extent in axis.logical for name in extent.names()}
    rest = {name: value for name, value in derived.items() if name not in implied}
    return rest if [*implied, *rest] == list(derived) else derived


# --- what the parser finds by itself --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Context:
    """A program's tensors and sizes, as the parser knows them when it reads a statement."""

    tensors: Mapping[str, Tensor]
    groups: Mapping[str, tuple[int, ...]]
    facts: Facts
    parameters: frozenset[str]

    @classmethod
    def of(cls, program: Program) -> _Context:
        targets = (definition.target for definition in program.definitions)
        parameters = frozenset(program.parameters)
        values = {size.name: size.value for size in program.sizes if size.value is not None}
        tensors = {tensor.name: tensor for tensor in (*program.inputs, *targets)}
        groups = {name: _groups(tensor) for name, tensor in tensors.items()}
        equal = [r.row for r in program.requirements if isinstance(r.row, Equal)]
        return cls(tensors, groups, Facts(values, parameters, equal), parameters)

    def logical(self, name: str) -> tuple[Int, ...]:
        return self.tensors[name].logical

    def statement(self, definition: Definition) -> str:
        """The text of a definition without the rows that the parser adds."""
        shorter = replace(definition, terms=tuple(
            self._shortened(term, definition) for term in definition.terms))
        return Wording(self.groups, self.parameters, tuple(_ranges(definition))).definition(shorter)

    def _shortened(self, term: Term, definition: Definition) -> Term:
        """The term without the rows that the parser adds, where it adds exactly these."""
        if not term.bound:
            return term
        ranges = {index.name: index.extent for index in (*definition.free, *term.bound)}
        reads = list(_body_reads(term))

        def complete(rows: tuple[Row, ...]) -> tuple[Row, ...]:
            return completed(rows, reads, ranges, self.logical, self.facts)

        added = complete(())
        kept = tuple(row for row in term.rows if row not in added)
        return replace(term, rows=kept) if complete(kept) == term.rows else term

    def not_inferred(self, definition: Definition) -> tuple[str, ...]:
        """The indices whose extents the parser needs to be told.

        Terms may share a name; each has an index of its own, here with the number of its term.
        """
        ranges = {index.name: index.extent for index in definition.free}
        told = {} if _is_plain(definition) else dict(ranges)
        reads: list[Read] = []
        for number, term in enumerate(definition.terms):
            own = {index.name: f"{index.name}#{number}" for index in term.bound}
            ranges |= {own[index.name]: index.extent for index in term.bound}
            mapping = {name: Int.of(key) for name, key in own.items()}
            reads += [(tensor, tuple(sub.substitute(mapping) for sub in subscripts))
                      for tensor, subscripts in self._reads(term, definition)]
        asked: list[str] = []
        while True:
            found, clashes = infer(list(ranges), told, reads, self.logical)
            wrong = [key for key, extent in ranges.items()
                     if key not in found or not self._same(found[key], extent)]
            wrong += [clash.index for clash in clashes
                      if Equal(clash.extent - clash.other) not in self.facts.rows]
            if not wrong:
                return tuple(asked)
            name = wrong[0].partition("#")[0]
            asked.append(name)
            told |= {key: extent for key, extent in ranges.items()
                     if key.partition("#")[0] == name}

    def _reads(self, term: Term, definition: Definition) -> Iterator[Read]:
        yield from scalar_reads(term.body)
        for row in self._shortened(term, definition).rows:
            yield from row_reads(row)
        if term.witness is not None:
            yield from integer_reads(term.witness)

    def _same(self, found: Int, extent: Int) -> bool:
        """Whether an inferred extent gets the name that the index has."""
        if found == extent:
            return True
        values = self.facts.values
        return extent.name == next((name for name in values if values[name] == found), "")


def _groups(tensor: Tensor) -> tuple[int, ...]:
    return tuple(len(axis.logical) for axis in tensor.axes)


def _ranges(definition: Definition) -> dict[str, Int]:
    """The extents of all indices of a definition, free ones first."""
    return {index.name: index.extent
            for indices in (definition.free, *(term.bound for term in definition.terms))
            for index in indices}


def _body_reads(term: Term) -> Iterator[Read]:
    yield from scalar_reads(term.body)
    if term.witness is not None:
        yield from integer_reads(term.witness)

"""Terms to definitions: extents of indices, range rows, requirements, names of indices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from symconv.integers import Int, product
from symconv.ir import (
    Access,
    Axis,
    Definition,
    Equal,
    Index,
    Number,
    Requirement,
    Row,
    Scalar,
    Tensor,
    Term,
)
from symconv.language import normal
from symconv.language.environment import Environment, Shape
from symconv.language.extents import Extents, axes_of, capitalised, lone_axes
from symconv.language.indices import Indices
from symconv.language.inside import Inside
from symconv.language.names import fresh
from symconv.language.terms import RawDefinition, RawTerm, Statement
from symconv.ranges import (
    Facts,
    Read,
    completed,
    infer,
    integer_reads,
    row_reads,
    scalar_reads,
)
from symconv.rewrite import row_names, substitute_row, substitute_scalar


class Assembly:
    """Turns the statements of a program, in order, into definitions and requirements."""

    def __init__(self, env: Environment, extents: Extents,
                 statements: Sequence[tuple[int, Statement]], taken: set[str]) -> None:
        self.env = env
        self.extents = extents
        self.statements = statements
        self.taken = taken
        self.definitions: list[Definition] = []
        self.requirements: dict[Row, Requirement] = {}
        self.equal: list[Row] = []               # extents that one index made equal
        self.facts = Facts(extents.values, env.symbols, self.equal)
        self.inside = Inside(env, self.facts, self._logical, self.requirements)

    def run(self) -> None:
        for place in range(len(self.statements)):
            ranges = self._ranges(place)
            for raw in self.statements[place][1].definitions:
                self._definition(self.statements[place][1], raw, ranges)

    # --- extents of one statement -----------------------------------------------------------

    def _ranges(self, place: int) -> dict[str, Int]:
        """The extents of all variables of a statement."""
        statement = self.statements[place][1]
        known = self._declared(place)
        self._name_axes(place, _in_text_order(statement), known)
        reads = _reads(statement)
        for raw in statement.definitions:        # inner reductions: their axes are indices
            if raw is not statement.definitions[-1]:
                reads = [read for read in reads if read[0] != raw.name]
        extents, clashes = infer(list(statement.indices.names), known, reads, self._logical)
        for key, extent in extents.items():
            if key not in known and not any(extent == e for _, _, e in self._lone(reads, key)):
                extents[key] = self.extents.named(statement.indices.names[key], extent)
        for clash in clashes:
            name = statement.indices.names[clash.index]
            what = (f"index {name} runs over {clash.first[0]} (extent {clash.extent}) and over "
                    f"{clash.second[0]} (extent {clash.other})")
            row = Equal(clash.extent - clash.other)
            if row.expression.constant is not None:
                raise self.env.error(statement.where[clash.second], what,
                                     "an index alone on several axes needs them to be equal",
                                     f"write {name} < {clash.extent} or {name} < {clash.other}")
            self.equal.append(row)
            self.requirements.setdefault(row, Requirement(
                row, f"{what}, which must be equal; write {name} < ... to choose one"))
        for key, name in statement.indices.names.items():
            if key not in extents:
                raise self.env.error(
                    statement.indices.places[key], f"the extent of index {name} cannot be inferred",
                    "an index takes the extent of an axis that it indexes alone; from compound "
                    "subscripts one is inferred if every constant in them is >= 0 and the other "
                    "indices have extents", f"add the line {name} < ... with its extent")
        return extents

    def _declared(self, place: int) -> dict[str, Int]:
        """The extents that lines i < ... and a declared target give."""
        position, statement = self.statements[place]
        known = {key: extent for key, name in statement.indices.names.items()
                 if (extent := self.extents.extent_at(name, position)) is not None}
        main = statement.definitions[-1]
        shape = self.env.tensors[main.name]
        for key, extent in zip(main.free, shape.logical, strict=True):
            if extent is not None and known.setdefault(key, extent) != extent:
                raise self.env.error(
                    shape.node, f"index {statement.indices.names[key]} has two extents: "
                    f"{extent} here, {known[key]} by its own line",
                    "a declared target gives its indices their extents", "remove one")
        return known

    def _lone(self, reads: Sequence[Read], key: str) -> list[tuple[str, int, Int]]:
        """(tensor, axis, extent) of the axes of known extent that a variable indexes alone."""
        return [(tensor, axis, extent) for name, axis, tensor in lone_axes(reads) if name == key
                and (extent := self.env.tensors[tensor].logical[axis]) is not None]

    def _name_axes(self, place: int, reads: Sequence[Read], known: Mapping[str, Int]) -> None:
        """Give the axes of undeclared operands their extents, from indices alone on them."""
        statement = self.statements[place][1]
        inner = {raw.name for raw in statement.definitions}
        indices = statement.indices
        for key, axis, tensor in lone_axes(reads):
            shape = self.env.tensors[tensor]
            if shape.logical[axis] is None and tensor not in inner and key in indices.names:
                _fill(shape, axis, self._extent(indices, key, reads, known))
        for tensor, subscripts in reads:
            shape = self.env.tensors[tensor]
            for axis in range(len(subscripts)):
                if shape.logical[axis] is None and tensor not in inner:
                    _fill(shape, axis, self._later(place, tensor, axis)
                          or self.extents.new_base(f"{capitalised(tensor)}{axis}", shape.node))

    def _later(self, place: int, tensor: str, axis: int) -> Int | None:
        """The extent of an axis from a later statement in which an index is alone on it."""
        for later in range(place + 1, len(self.statements)):
            statement = self.statements[later][1]
            reads = _in_text_order(statement)
            for key, where, read in lone_axes(reads):
                if (read, where) == (tensor, axis) and key in statement.indices.names:
                    return self._extent(statement.indices, key, reads, self._declared(later))
        return None

    def _extent(self, indices: Indices, key: str, reads: Sequence[Read],
                known: Mapping[str, Int]) -> Int:
        """The extent of a variable that is alone on an axis: the known one, that of another axis
        that it is alone on, or a new size with the name of the index."""
        if key in known:
            return known[key]
        found = self._lone(reads, key)
        return found[0][2] if found else self.extents.new_base(
            capitalised(indices.names[key]), indices.places[key])

    def _logical(self, tensor: str) -> list[Int]:
        return [extent for extent in self.env.tensors[tensor].logical if extent is not None]

    # --- definitions ------------------------------------------------------------------------

    def _definition(self, statement: Statement, raw: RawDefinition,
                    extents: Mapping[str, Int]) -> None:
        shape = self.env.tensors[raw.name]
        for axis, key in enumerate(raw.free):
            _fill(shape, axis, extents[key])
        names: dict[str, str] = {}
        for key in raw.free:
            self._choose(key, statement, names, (), extents)
        terms: list[Term] = []
        for term in raw.terms:
            for key in term.bound:
                self._choose(key, statement, names, (*raw.free, *term.bound), extents)
            terms.append(self._term(statement, raw, term, names, extents))
        free = tuple(Index(names[key], extents[key]) for key in raw.free)
        self.definitions.append(Definition(tensor_of(shape, raw), free, tuple(terms),
                                           raw.reduction, raw.ties, raw.frozen))

    def _choose(self, key: str, statement: Statement, names: dict[str, str],
                beside: Sequence[str], extents: Mapping[str, Int]) -> None:
        """The name of a variable: as written, or numbered where it means something else.

        Terms share the name of an index where it has the same extent in both.
        """
        taken = {*self.env.symbols, *self.extents.values, *self.extents.base, *self.env.tensors}
        taken |= {name for other, name in names.items()
                  if other in beside or extents[other] != extents[key]}
        names[key] = fresh(statement.indices.names[key], taken)

    def _term(self, statement: Statement, raw: RawDefinition, term: RawTerm,
              names: Mapping[str, str], extents: Mapping[str, Int]) -> Term:
        mapping = {key: Int.of(name) for key, name in names.items()}
        body = substitute_scalar(term.body, mapping)
        rows = tuple(substitute_row(row, mapping) for row in term.rows)
        witness = None if term.witness is None else term.witness.substitute(mapping)
        bound = tuple(Index(names[key], extents[key]) for key in term.bound)
        free = tuple(Index(names[key], extents[key]) for key in raw.free)
        ranges = {index.name: index.extent for index in (*free, *bound)}
        reads = [*scalar_reads(body), *(integer_reads(witness) if witness is not None else ())]
        nodes = {(read[0], tuple(sub.substitute(mapping) for sub in read[1])): node
                 for read, node in statement.where.items()}
        if term.reduced:
            self.inside.refuse(reads, nodes, raw.node)
            rows = completed(rows, reads, ranges, self._logical, self.facts)
        else:
            reads += [read for row in rows for read in row_reads(row)]
            for read in reads:
                self.inside.require(read, nodes.get(read, raw.node), ranges, rows)
        if term.mean:
            body = self._averaged(body, free, bound, rows, raw)
        return Term(bound, rows, body, witness)

    def _averaged(self, body: Scalar, free: Sequence[Index], bound: tuple[Index, ...],
                  rows: tuple[Row, ...], raw: RawDefinition) -> Scalar:
        """The body over the number of points: a product of extents, or counted by a statement."""
        count: Scalar = normal.whole(product(index.extent for index in bound))
        if count == Number(Fraction(0)):
            raise self.env.error(raw.node, "the mean of no elements", "a mean runs over at least "
                                 "one element", "check the extents of its indices")
        if rows:
            used = frozenset[str]().union(*(row_names(row) for row in rows))
            over = tuple(index for index in free if index.name in used)
            name = self._fresh_target()
            axes = tuple(Axis(index.extent, (index.extent,)) for index in over)
            self.definitions.append(Definition(
                Tensor(name, axes), over, (Term(bound, rows, Number(Fraction(1))),)))
            count = Access(name, tuple(Int.of(index.name) for index in over))
        return normal.times((body, normal.inverse(count)))

    def _fresh_target(self) -> str:
        number = 1
        while f"t{number}" in self.taken:
            number += 1
        self.taken.add(f"t{number}")
        return f"t{number}"


def tensor_of(shape: Shape, raw: RawDefinition | None = None) -> Tensor:
    """The tensor of a shape that is known by now."""
    return Tensor(shape.name, axes_of(shape), shape.kind if raw is None else raw.kind)


def _fill(shape: Shape, axis: int, extent: Int) -> None:
    """Set the extent of a logical axis; an axis that is not split is stored as it is."""
    shape.logical[axis] = extent
    start = 0
    for place, size in enumerate(shape.groups):
        if start == axis and size == 1 and shape.stored[place] is None:
            shape.stored[place] = extent
        start += size


def _reads(statement: Statement) -> list[Read]:
    """Every read of a statement: term by term, in bodies, then rows, then witnesses."""
    return [read for raw in statement.definitions for term in raw.terms
            for read in (*scalar_reads(term.body),
                         *(r for row in term.rows for r in row_reads(row)),
                         *(integer_reads(term.witness) if term.witness is not None else ()))]


def _in_text_order(statement: Statement) -> list[Read]:
    def place(read: Read) -> tuple[int, int]:
        node = statement.where.get(read)
        return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)

    return sorted(_reads(statement), key=place)

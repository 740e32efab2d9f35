"""A term as a list of points: every index a flat array, filtered by one row after the other.

The general form: any subscript, any row, in the order in which rows guard each other's reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symconv.emit.numpy_frame import INTEGER, Scope, allocation, identity, shape_text
from symconv.emit.numpy_integers import integer, rows
from symconv.emit.numpy_scalars import scalar
from symconv.integers import Element, Int
from symconv.ir import Access, AtLeast, Definition, Index, Row, Tensor
from symconv.names import fresh
from symconv.relation import is_implied, ranges
from symconv.rewrite import row_expressions, row_names, scalar_names
from symconv.vectorise import Points


@dataclass(frozen=True, slots=True)
class PointReader:
    """Leaves as flat arrays over the points."""

    tensors: Mapping[str, Tensor]
    indices: frozenset[str]
    dtype: str
    first: tuple[str, ...]

    def varies(self, expression: Int) -> bool:
        return bool(expression.names() & self.indices)

    def index(self, name: str) -> str:
        return name

    def element(self, element: Element) -> str:
        return self._read(element.tensor, element.subscripts)

    def access(self, access: Access) -> str:
        return self._read(access.tensor, access.subscripts)

    def _read(self, name: str, subscripts: Sequence[Int]) -> str:
        listed = ", ".join(self.place(sub, extent) for sub, extent in zip(
            subscripts, self.tensors[name].logical, strict=True))
        return f"{name}[{listed}]" if subscripts else name

    def place(self, subscript: Int, extent: Int) -> str:
        """A subscript; an array of it where a single one may be out of range without a point."""
        text = integer(subscript, self).text
        if self.varies(subscript) or self.is_inside(subscript, extent):
            return text
        return f"np.full({self.first[0]}.shape, {text})"

    def is_inside(self, subscript: Int, extent: Int) -> bool:
        """Whether a subscript without indices is in range, points or none."""
        return is_implied(AtLeast(subscript), {}) and is_implied(
            AtLeast(extent - 1 - subscript), {})


class PointWriter:
    """Writes the statements of one `Points` plan."""

    def __init__(self, definition: Definition, plan: Points, scope: Scope) -> None:
        self.definition, self.plan, self.scope = definition, plan, scope
        self._used = {*scope.names, *(index.name for index in plan.indices)}
        self.indices = plan.indices or (Index(fresh("point", self._used), Int.of(1)),)
        dtype = scope.dtype if definition.reduction.startswith("arg") else scope.type_of(definition)
        self.reader = PointReader(scope.tensors, frozenset(i.name for i in self.indices), dtype,
                                  tuple(i.name for i in self.indices))
        places = list(zip(plan.target, definition.target.logical, strict=True))
        self.shown = shown = [self.reader.place(sub, extent) for sub, extent in places]
        self.where = f"({shown[0]},)" if len(shown) == 1 else f"({', '.join(shown)})"
        self.varying = [self.reader.varies(sub) or not self.reader.is_inside(sub, extent)
                        for sub, extent in places]
        self.scattered = any(self.varying)

    def write(self, first: bool) -> list[str]:
        """target = reduction; a sum adds to what is there, unless the target is new (`first`)."""
        definition, target = self.definition, self.definition.target
        extremum = definition.reduction in ("max", "min")
        made = allocation(target, self.scope.type_of(definition),
                          identity(definition) if extremum else None)
        lines = [f"{target.name} = {made}"] if first else []
        lines += self._points()
        if definition.reduction.startswith("arg"):
            return lines + (self._places() if self.scattered else self._place())
        operation = {"sum": "add", "max": "maximum", "min": "minimum"}[definition.reduction]
        if self.scattered:
            return [*lines, f"np.{operation}.at({target.name}, {self.where}, {self._body()})"]
        into = f"{target.name}[{self.where[1:-1].rstrip(',') or '...'}]"
        if not extremum:
            return [*lines, f"{into} += np.sum({self._body()})"]
        return [*lines, f"{into} = np.{definition.reduction}({self._body()}, "
                        f"initial={identity(definition)})"]

    def _body(self) -> str:
        text = scalar(self.plan.body, self.reader).text
        if scalar_names(self.plan.body) & self.reader.indices:
            return text
        return f"np.broadcast_to({text}, {self.indices[0].name}.shape)"

    def _points(self) -> list[str]:
        """All points of the box, then those that the rows keep; reads wait for earlier rows."""
        names = [index.name for index in self.indices]
        shape = shape_text([index.extent for index in self.indices])
        lines = [f"{names[0]} = np.arange({self.indices[0].extent})"] if len(names) == 1 else [
            f"{', '.join(names)} = np.indices({shape}).reshape({len(names)}, "
            f"{_volume(self.indices)})"]
        waiting: list[Row] = []
        for condition in self.plan.rows:
            if waiting and self._is_guarded(condition):
                lines += self._kept(waiting, names)
                waiting = []
            waiting.append(condition)
        return lines + (self._kept(waiting, names) if waiting else [])

    def _is_guarded(self, condition: Row) -> bool:
        """Whether an integer read in the row may need earlier rows to stay in range."""
        box = ranges(self.indices)
        return any(
            not is_implied(AtLeast(bound), box)
            for expression in row_expressions(condition) for element in expression.elements()
            for sub, extent in zip(element.subscripts,
                                   self.scope.tensors[element.tensor].logical, strict=True)
            for bound in (sub, extent - 1 - sub))

    def _kept(self, conditions: Sequence[Row], names: Sequence[str]) -> list[str]:
        kept = fresh("kept", set(self._used))
        test = rows(conditions, self.reader).text
        if not any(row_names(row) & self.reader.indices for row in conditions):
            test = f"np.full({names[0]}.shape, {test})"
        chosen = ", ".join(f"{name}[{kept}]" for name in names)
        return [f"{kept} = {test}", f"{', '.join(names)} = {chosen}"]

    def _witness(self) -> str:
        witness = self.plan.witness or Int.of(0)
        shown = integer(witness, self.reader)
        if self.reader.varies(witness):
            return shown.at(4)
        return f"np.broadcast_to({shown.text}, {self.indices[0].name}.shape)"

    def _place(self) -> list[str]:
        """A single element: its points are in their order."""
        reduction, found = self.definition.reduction, f"{self._body()}"
        if self.definition.ties == "last":
            found = f"_{reduction}_last({found})"
        else:
            found = f"np.{reduction}({found})"
        into = f"{self.definition.target.name}[{self.where[1:-1].rstrip(',') or '...'}]"
        return [f"{into} = {self._witness()}[{found}]"]

    def _places(self) -> list[str]:
        """First what is extremal, then the first or last of the points that reach it."""
        definition = self.definition
        best, value, wins, rank, place = (
            fresh(stem, self._used) for stem in ("best", "value", "wins", "rank", "place"))
        operation = "maximum" if definition.reduction == "argmax" else "minimum"
        number = f"np.arange({value}.size)"
        if definition.ties == "last":
            number = f"np.where(np.isnan({value}), {number}, -{number})"
        found = f"np.abs({place})" if definition.ties == "last" else place
        made = allocation(definition.target, self.scope.dtype, identity(definition))
        placed = allocation(definition.target, INTEGER, f"{value}.size")
        some = ", ".join(f"({part})[{wins}]" if varies else part
                         for part, varies in zip(self.shown, self.varying, strict=True))
        return [f"{value} = {self._body()}",
                f"{best} = {made}",
                f"np.{operation}.at({best}, {self.where}, {value})",
                f"{wins} = ({value} == {best}[{self.where}]) | np.isnan({value})",
                f"{rank} = {number}",
                f"{place} = {placed}",
                f"np.minimum.at({place}, ({some},), {rank}[{wins}])",
                f"{definition.target.name} = {self._witness()}[{found}]"]


def _volume(indices: Sequence[Index]) -> str:
    product = Int.of(1)
    for index in indices:
        product = product * index.extent
    return str(product)

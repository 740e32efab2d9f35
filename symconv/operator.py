"""What users hold: an operator, and the derivations made from it.

An `Operator` is a program with a name. It prints itself, tells its output shapes and derives its
vector-Jacobian product, its Jacobian-vector product and its Jacobian; the result of each is an
operator again, so derivations repeat.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, TypeVar

from symconv.errors import ParameterError, ShapeError, expect, shown
from symconv.ir import Program

if TYPE_CHECKING:
    from symconv.derivation import Derivation, Jacobian
    from symconv.graph import SymbolicTensor

_T = TypeVar("_T")
_MOST_EXTENT = 2**62


@dataclass(frozen=True, slots=True)
class OpenRank:
    """A program for every number of axes, which the `ranked` operands share (empty: all do).

    `make(rank)` gives the program; `least` is the smallest rank it takes. Where the number of
    operands is open too, `joining` gives the same for another number.
    """

    make: Callable[[int], Program]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    least: int = 0
    ranked: tuple[str, ...] = ()
    joining: Callable[[int], OpenRank | Program] | None = None


@dataclass(frozen=True, slots=True)
class Operator:
    """A definition with a name.

    `batch_operands` are the inputs that lead with the batch axis N; all of them may come without
    it, and then the outputs come without it too. `named` tells whether a user gave the name.
    `links` are the operators that a chain was made of.
    """

    source: Program | OpenRank
    name: str = "definition"
    batch_operands: tuple[str, ...] = ()
    named: bool = False
    links: tuple[Operator, ...] = ()

    @property
    def definition(self) -> Program:
        """The program. ParameterError where the number of axes is still open."""
        if isinstance(self.source, OpenRank):
            raise ParameterError(
                f"{self.name}: ndim is None, but a number of axes is needed here; give ndim, as "
                f"in {self.name}(ndim=2), or the shape of {self.source.inputs[0]}")
        return self.source

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the operands, in order."""
        if isinstance(self.source, OpenRank):
            return self.source.inputs
        return tuple(tensor.name for tensor in self.source.inputs)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the results, in order."""
        return self.source.outputs

    @property
    def batch_outputs(self) -> tuple[str, ...]:
        """The results that lead with the same axis as the batch operands."""
        if not self.batch_operands:
            return ()
        program = self.definition
        batch = program.tensor(self.batch_operands[0]).axes[0].stored
        return tuple(name for name in program.outputs
                     if [axis.stored for axis in program.tensor(name).axes[:1]] == [batch])

    def with_rank(self, rank: int) -> Operator:
        """The operator for a number of axes; itself where the number is not open."""
        if not isinstance(self.source, OpenRank):
            return self
        if rank < self.source.least:
            operand = (self.source.ranked or self.source.inputs)[0]
            raise ShapeError(f"{self.name}: {operand} has {rank} axes, but at least "
                             f"{self.source.least} are needed; give an array with more")
        return replace(self, source=self.source.make(rank))

    def for_shapes(self, shapes: Mapping[str, Sequence[int]]) -> Operator:
        """The operator with its number of axes taken from the operands, where it was open."""
        if not isinstance(self.source, OpenRank):
            return self
        if self.source.joining is not None and len(shapes) > len(self.inputs):
            return replace(self, source=self.source.joining(len(shapes))).for_shapes(shapes)
        ranked = self.source.ranked or self.inputs
        ranks = {name: len(shape) for name, shape in shapes.items() if name in ranked}
        if not ranks:
            raise ShapeError(f"{self.name}: no shape of {' or '.join(self.inputs)} is given, and "
                             "the number of axes follows from it")
        if len(set(ranks.values())) > 1:
            given = ", ".join(f"{name} has {rank}" for name, rank in ranks.items())
            raise ShapeError(f"{self.name}: the operands need one number of axes, but {given}")
        return self.with_rank(next(iter(ranks.values())))

    def batched(self, shapes: Mapping[str, Sequence[int]]) -> tuple[dict[str, tuple[int, ...]],
                                                                    bool]:
        """The shapes with a batch axis of 1 put in front where it is missing, and whether it
        was. ShapeError where some batch operands have it and others do not."""
        program = self.definition
        missing = {name: len(shapes[name]) == len(program.tensor(name).axes) - 1
                   for name in self.batch_operands if name in shapes}
        if not any(missing.values()):
            return {name: tuple(shape) for name, shape in shapes.items()}, False
        if not all(missing.values()):
            bare = ", ".join(name for name, absent in missing.items() if absent)
            raise ShapeError(f"{self.name}: {bare} comes without the batch axis N and other "
                             "operands with it; give it to all or to none")
        return {name: (1, *shape) if missing.get(name) else tuple(shape)
                for name, shape in shapes.items()}, True

    def output_shape(self, /, **shapes: Sequence[int]) -> dict[str, tuple[int, ...]]:
        """The shape of every output for shapes of the operands; one that follows from the others
        may be left out. ShapeError where they contradict each other."""
        from symconv.shapes import bind, output_shapes

        given = {name: shape_of(name, shape) for name, shape in shapes.items()}
        ready = self.for_shapes(given)
        full, single = ready.batched(given)
        found = output_shapes(ready.definition, bind(ready.definition, full))
        if single:
            return {name: shape[1:] if name in ready.batch_outputs else shape
                    for name, shape in found.items()}
        return found

    def vjp(self, *wrt: str) -> Derivation:
        """The gradient of <dy, y> with respect to the operands named, or all real ones."""
        from symconv import differentiate
        from symconv.derivation import Derivation

        return Derivation(differentiate.vjp(self.definition, self._operands(wrt)), self)

    def jvp(self) -> Derivation:
        """The tangent of the outputs for tangents of the operands."""
        from symconv import differentiate
        from symconv.derivation import Derivation

        return Derivation(differentiate.jvp(self.definition), self)

    def jacobian(self, wrt: str) -> Jacobian:
        """All partial derivatives of the output with respect to one operand."""
        from symconv import differentiate
        from symconv.derivation import Jacobian

        self._operands((wrt,))
        return Jacobian(differentiate.jacobian(self.definition, wrt), self)

    def __rshift__(self, other: Operator) -> Operator:
        """The chain: the output of this operator is the first operand of the other."""
        from symconv.chains import chain

        return chain(self, other) if isinstance(other, Operator) else NotImplemented

    def __call__(self, *operands: SymbolicTensor,
                 **named: SymbolicTensor) -> SymbolicTensor | tuple[SymbolicTensor, ...]:
        """The output for symbolic tensors, a tuple of several; see `symconv.graph`."""
        from symconv.graph import apply

        return apply(self, operands, named)

    def __str__(self) -> str:
        if isinstance(self.source, OpenRank):
            return f"# {self.name}: the number of axes follows from {self.source.inputs[0]}"
        from symconv.text import program_text

        return program_text(self.source)

    def _repr_latex_(self) -> str | None:
        if isinstance(self.source, OpenRank):
            return None                       # a notebook then shows the text
        from symconv import report

        return report.program_latex(self.definition)

    def _repr_html_(self) -> str | None:
        if isinstance(self.source, OpenRank):
            return None
        from symconv import report

        return str(report.formula_html(report.program_formula(self.definition), display=True))

    def _operands(self, wrt: Iterable[str]) -> tuple[str, ...]:
        program = self.definition
        real = tuple(tensor.name for tensor in program.inputs if tensor.kind == "real")
        names = tuple(wrt) or real
        for place, name in enumerate(names):
            if not isinstance(name, str) or name not in real:
                raise ParameterError(f"{self.name}: wrt is {shown(name)}, but must be a real "
                                     f"operand; choose among {', '.join(real) or 'none'}")
            if name in names[:place]:
                raise ParameterError(f"{self.name}: wrt names {name!r} twice; name it once")
        return names


def parse(text: str, params: Mapping[str, int | float | Fraction | str] | None = None,
          name: str = "definition") -> Operator:
    """The operator that a text in the definition language defines.

    `params` gives numbers for its parameters (a float means the decimal that it prints as); the
    others stay symbolic. Raises ParseError with the line, a caret, the rule and the remedy;
    ParameterError for `params` and `name`.
    """
    from symconv.language.reader import parse as read

    expect("text", text, str, "a definition such as \"y[i] = sum[a](x[i+a] * w[a])\"")
    expect("name", name, str, "a text such as \"blur\"")
    numbers = named("params", params, "{\"s\": 2}")
    return Operator(read(text, numbers), name=name)


def named(label: str, given: Mapping[str, _T] | None, example: str) -> Mapping[str, _T]:
    """An argument that is a dict with texts as keys, or None for an empty one."""
    if given is None:
        return {}
    expect(label, given, Mapping, f"a dict by name, such as {example}; give one")
    for key in given:
        expect(f"a key of {label}", key, str, f"a name, as in {example}")
    return given


def shape_of(name: str, shape: Sequence[int]) -> tuple[int, ...]:
    """The shape given for an operand as plain integers, or a ShapeError."""
    try:
        if not isinstance(shape, str | bytes | Mapping | Set):      # whose items have no order
            extents = tuple(operator.index(extent) for extent in shape)
            if all(abs(extent) < _MOST_EXTENT for extent in extents):
                return extents
    except TypeError:
        pass
    raise ShapeError(f"{name}: the shape {shown(shape)} is given, but a tuple of integers such as "
                     "(1, 3, 8, 8) is needed, each below 2**62; give one")



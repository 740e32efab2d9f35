"""From text to a program. The text is parsed, never executed.

    parse("y[i] = sum[a](x[s*i + a] * w[a])", {"s": 2})

The language: docs of `symconv.language`. Errors are `ParseError`s that show the line, a caret
under the place, the rule and the remedy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from symconv.errors import ParameterError
from symconv.ir import Program, Requirement, ValueRange
from symconv.language.assemble import Assembly, tensor_of
from symconv.language.environment import OUTSIDE, Shape
from symconv.language.extents import Extents
from symconv.language.names import RESERVED, derived_names, is_derived
from symconv.language.subscripts import comparison, integer
from symconv.language.survey import index_names, parameter_value, survey
from symconv.language.syntax import (
    Assignment,
    Declaration,
    ExtentStatement,
    RequirementStatement,
    ReturnStatement,
    SizeStatement,
    elements,
    read,
)
from symconv.language.syntax import Statement as Syntax
from symconv.language.terms import Statement
from symconv.rewrite import row_names, scalar_names
from symconv.spelling import needs


def parse(text: str, parameters: Mapping[str, int | float | Fraction | str] | None = None, *,
          allow_derived_names: bool = False) -> Program:
    """The program that a text in the definition language defines.

    `parameters` maps names to numbers, or to the name of a symbol that stays. Lower-case names
    that are no index, no operand and have no value are symbols under their own name. Operands
    named like a derivative of another one (dx, tx, vx, dy) are refused, unless
    `allow_derived_names` says that the text is a derived program; there they may be keywords
    (do, the gradient of o).

    Raises ParseError for the text, ParameterError for `parameters`.
    """
    return _Reader(text, parameters or {}, allow_derived_names).program()


class _Reader:
    """One parse: statements in order, then extents, then definitions."""

    def __init__(self, text: str, parameters: Mapping[str, int | float | Fraction | str],
                 derived: bool) -> None:
        self.derived = derived
        self.source, self.statements = read(text, derived)
        self.given = {name: parameter_value(name, value) for name, value in parameters.items()}
        self.env = survey(self.source, self.statements, self.given)
        self.extents = Extents(self.env)
        self.read: list[tuple[int, Statement]] = []
        self.requirements: list[Requirement] = []
        self.value_ranges: list[ValueRange] = []
        self.outputs: tuple[str, ...] = ()
        self.taken = {*self.source.identifiers,
                      *(value for value in self.given.values() if isinstance(value, str))}

    def program(self) -> Program:
        declared = self._declarations()
        for position, statement in enumerate(self.statements):
            self._statement(position, statement, declared)
        if not self.read:
            raise self.source.error_at(1, 0, "nothing is defined", "a definition has at least one "
                                       "statement y[i] = ...", "write one")
        assembly = Assembly(self.env, self.extents, self.read, self.taken)
        assembly.run()
        made = {definition.target.name for definition in assembly.definitions}
        inputs = [shape for name, shape in self.env.tensors.items() if name not in made]
        outputs = self.outputs or (self.read[-1][1].definitions[-1].name,)
        self._check_indices()
        self._check_parameters()
        if not self.derived:
            self._check_operands(inputs, outputs)
        self._check_arrays()
        self._check_symbols({*self.env.tensors, *self.extents.base, *self.extents.values})
        sizes = self.extents.sizes(inputs)
        program = Program(tuple(tensor_of(shape) for shape in inputs), tuple(assembly.definitions),
                          outputs, sizes, requirements=(*self.requirements,
                                                        *assembly.requirements.values()),
                          value_ranges=tuple(self.value_ranges))
        used = frozenset[str]().union(*_names(program))      # what cancels out is no parameter
        return replace(program, parameters=tuple(sorted(used & self.env.symbols.keys())))

    # --- statements -------------------------------------------------------------------------

    def _declarations(self) -> dict[str, Shape]:
        """Declare the operands; returns the shapes of declared targets."""
        targets: dict[str, Shape] = {}
        for statement in self.statements:
            if not isinstance(statement, Declaration):
                continue
            name = statement.name
            if self._is_reserved(name) or name in self.env.tensors or name in targets \
                    or name in self.env.size_nodes:
                raise self.env.error(statement.node, f"{name} means something already",
                                     "all names of a program are distinct and declared once, and "
                                     "functions keep their names", "choose another name")
            shape = self.extents.declare(statement, "integer" if statement.integer else "real")
            if name in self.env.targets:
                targets[name] = shape
            else:
                self.env.tensors[name] = shape
        return targets

    def _statement(self, position: int, statement: Syntax, declared: dict[str, Shape]) -> None:
        if self.outputs:
            raise self.env.error(statement.node, "a statement after return",
                                 "return is the last statement", "move it up")
        match statement:
            case SizeStatement():
                self.extents.define(statement)
            case ExtentStatement(index=name) if name in self.env.tensors:
                self._values(statement)
            case ExtentStatement():
                self.extents.range(statement, position, self.read[-1][0] if self.read else -1)
            case RequirementStatement(node):
                self.requirements += [
                    Requirement(row, needs(row))
                    for row in comparison(self.env, node, OUTSIDE)]
            case Assignment():
                self._assignment(position, statement, declared)
            case ReturnStatement():
                self._return(statement)

    def _values(self, statement: ExtentStatement) -> None:
        """k < C for an integer operand k: all its elements are at least 0 and below C."""
        shape = self.env.tensors[statement.index]
        if shape.kind != "integer" or statement.index in self.env.targets:
            raise self.env.error(statement.node, f"{statement.index} is no integer operand",
                                 "a range of values is given to operands declared int[...]",
                                 f"declare {statement.index}: int[...], or rename the index")
        stop = integer(self.env, statement.value, OUTSIDE)
        self.value_ranges.append(ValueRange(statement.index, stop))

    def _assignment(self, position: int, statement: Assignment,
                    declared: dict[str, Shape]) -> None:
        env, name = self.env, statement.name
        if self._is_reserved(name) or name in env.size_nodes:
            raise env.error(statement.node, f"{name} means something already", "all names of a "
                            "program are distinct, and functions keep their names",
                            "choose another name")
        if name in env.tensors:
            raise env.error(statement.node, f"{name} is defined already", "every target is "
                            "defined by one statement, and operands by none",
                            "add the parts in one statement, or choose another name")
        lowered = Statement(env, self.taken, index_names(statement))
        places = tuple(elements(part) for part in statement.subscripts)
        free = lowered.free(places)
        groups = tuple(len(place) for place in places)
        shape = declared.get(name) or Shape(name, "real", groups, [None] * len(free),
                                            [None] * len(places), statement.node)
        if shape.groups != groups:
            raise env.error(statement.node, f"{name} is declared with other axes",
                            "a target has one index per declared axis, and a tuple of indices "
                            "for a split one", "change the declaration or the left side")
        main = lowered.define(name, free, statement.value, lowered.scope, statement.node,
                              shape.kind)
        shape.kind = main.kind
        env.tensors[name] = shape
        self.read.append((position, lowered))

    def _is_reserved(self, name: str) -> bool:
        """Functions keep their names, but the tangent of anh is tanh."""
        return name in RESERVED and not (self.derived and is_derived(name))

    def _return(self, statement: ReturnStatement) -> None:
        made = [item.definitions[-1].name for _, item in self.read]
        names = tuple(node.id for node in statement.names)
        for place, node in enumerate(statement.names):
            if node.id not in made or node.id in names[:place]:
                raise self.env.error(node, f"{node.id} is returned twice" if node.id in made else
                                     f"{node.id} is not defined by a statement above",
                                     "return names targets, each once",
                                     f"choose among {', '.join(made)}" if made
                                     else "define a target first: y[i] = ...")
        self.outputs = names

    # --- checks at the end ------------------------------------------------------------------

    def _check_indices(self) -> None:
        for statement in self.statements:
            if isinstance(statement, ExtentStatement) and statement.index not in (
                    self.env.indices | self.env.tensors.keys()):
                raise self.env.error(statement.node, f"{statement.index} is no index of a "
                                     "statement", "i < ... gives an index its extent",
                                     f"remove the line; a requirement on a parameter is written "
                                     f"... > {statement.index}")

    def _check_parameters(self) -> None:
        for name in self.given:
            if name not in self.env.parameters:
                known = ", ".join(sorted(self.env.parameters)) or "none"
                raise ParameterError(f"{name} is no parameter of this definition; its parameters "
                                     f"are: {known}. Leave {name} out or correct its name")

    def _check_operands(self, inputs: list[Shape], outputs: tuple[str, ...]) -> None:
        for other, is_output in [*((shape.name, False) for shape in inputs),
                                 *((name, True) for name in outputs)]:
            for shape in inputs:
                if shape.name in derived_names(other, is_output):
                    raise self.env.error(
                        shape.node, f"the operand {shape.name} has the name of a derivative of "
                        f"{other}", "d<output>, d<operand>, t<operand> and v<operand> are "
                        "cotangents, gradients, tangents and directions", "rename the operand")

    def _check_arrays(self) -> None:
        for name, shape in self.env.tensors.items():
            if name in self.extents.base or name in self.extents.values:
                raise self.env.error(shape.node, f"{name} is an array and a size",
                                     "all names of a program are distinct", "rename one of them")

    def _check_symbols(self, others: set[str]) -> None:
        for symbol, node in self.env.symbols.items():
            if symbol in others:
                raise self.env.error(node, f"the parameter {symbol} has the name of a size or an "
                                     "array", "all names of a program are distinct",
                                     "rename the parameter")


def _names(program: Program) -> Iterator[frozenset[str]]:
    """All names in integer expressions of a program."""
    targets = tuple(definition.target for definition in program.definitions)
    for axis in (axis for tensor in (*program.inputs, *targets) for axis in tensor.axes):
        yield from (extent.names() for extent in (axis.stored, *axis.logical))
    yield from (size.value.names() for size in program.sizes if size.value is not None)
    yield from (row_names(requirement.row) for requirement in program.requirements)
    for definition in program.definitions:
        yield from (index.extent.names() for index in definition.free)
        for term in definition.terms:
            yield from (index.extent.names() for index in term.bound)
            yield from (row_names(row) for row in term.rows)
            yield scalar_names(term.body)
            yield term.witness.names() if term.witness is not None else frozenset()

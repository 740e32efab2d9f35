"""Shapes: from the extents of arrays to the value of every size, and back.

`bind` reads free sizes off the stored axes of the inputs, computes the derived ones, and checks
everything that must hold before a kernel or the interpreter may run: ranks, repeated extents,
splits of axes, requirements, outputs of at least one element, and that every window of a max or
min has a point. Each refusal is a `ShapeError` that names the operand and the axis, what was
given, what is needed and the remedy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from symconv.errors import ParameterError, ShapeError
from symconv.integers import Int, evaluate, product
from symconv.ir import AtLeast, Divides, Equal, Program, Requirement, Row, Tensor
from symconv.rewrite import row_names, substitute_program
from symconv.sizes import listing, solve_sizes
from symconv.windows import check_windows

Shape = tuple[int, ...]
_MOST_ELEMENTS = 2**59


def bind(program: Program, shapes: Mapping[str, tuple[int, ...]],
         parameters: Mapping[str, int] | None = None) -> dict[str, int]:
    """The value of every size (in the order of `program.sizes`) and of every parameter.

    A free size is read off an axis that it is the extent of, or solved from an axis whose extent
    is affine in that one unknown (2*H + 1). The shape of an input may be left out where the
    others determine all sizes. Raises ShapeError; ParameterError for a parameter without a value.
    """
    given = _given(program, shapes)
    values = _parameters(program, parameters or {})
    solve_sizes(program, given, values)
    _check_inputs(program, given, values)
    for requirement in program.requirements:
        if not holds(requirement.row, values):
            raise ShapeError(_requirement_message(requirement, values))
    _check_tensors(program, values)
    _check_amounts(program, values)
    check_windows(specialise(program, values))
    return {name: values[name]
            for name in (*(size.name for size in program.sizes), *program.parameters)}


def stored_shape(tensor: Tensor, values: Mapping[str, int]) -> Shape:
    """The extents of the axes as they lie in memory."""
    return tuple(evaluate(axis.stored, values) for axis in tensor.axes)


def logical_shape(tensor: Tensor, values: Mapping[str, int]) -> Shape:
    """The extents of the logical axes, which subscripts run over."""
    return tuple(evaluate(extent, values) for extent in tensor.logical)


def output_shapes(program: Program, values: Mapping[str, int]) -> dict[str, Shape]:
    """The stored shape of every output, in the order of the outputs."""
    return {name: stored_shape(program.tensor(name), values) for name in program.outputs}


def specialise(program: Program, values: Mapping[str, int]) -> Program:
    """The program with numbers for all sizes and parameters, as `bind` returned them.

    It declares neither sizes nor parameters, nor the requirements, which `bind` has checked.
    """
    numbers = {name: Int.of(value) for name, value in values.items()}
    return replace(substitute_program(program, numbers), sizes=(), requirements=())


def _given(program: Program, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Shape]:
    """The shapes with operand names, ranks and signs checked, in the order of the inputs."""
    names = [tensor.name for tensor in program.inputs]
    for name in shapes:
        if name not in names:
            raise ShapeError(f"{name}: no operand has this name; the operands are "
                             f"{', '.join(names) or 'none'}")
    found: dict[str, Shape] = {}
    for tensor in program.inputs:
        if tensor.name not in shapes:
            continue
        shape = tuple(shapes[tensor.name])
        needed = ", ".join(str(axis.stored) for axis in tensor.axes)
        if len(shape) != len(tensor.axes):
            raise ShapeError(f"{tensor.name}: given shape {shape} has {_axes(len(shape))}, needed "
                             f"are {_axes(len(tensor.axes))}: [{needed}]")
        for place, extent in enumerate(shape):
            if isinstance(extent, bool) or not isinstance(extent, int) or extent < 0:
                raise ShapeError(f"{tensor.name}, axis {place}: extent {extent!r} given, "
                                 "an integer of at least 0 is needed")
        found[tensor.name] = shape
    return found


def _axes(count: int) -> str:
    return "1 axis" if count == 1 else f"{count} axes"


def _parameters(program: Program, parameters: Mapping[str, int]) -> dict[str, int]:
    for name in program.parameters:
        if name not in parameters:
            raise ParameterError(f"parameter {name} has no value: give it one, as in {name}=1")
    for name in parameters:
        if name not in program.parameters:
            known = ", ".join(program.parameters) or "none"
            raise ParameterError(f"{name} is no symbolic parameter here; those are: {known}")
    return dict(parameters)


def _check_inputs(program: Program, given: Mapping[str, Shape], values: Mapping[str, int]) -> None:
    sources: dict[str, str] = {}
    for tensor in program.inputs:
        for place, axis in enumerate(tensor.axes):
            needed = evaluate(axis.stored, values)
            if tensor.name in given and given[tensor.name][place] != needed:
                reason = ", ".join(f"{name} = {values[name]}{sources.get(name, '')}"
                                   for name in sorted(axis.stored.names()))
                equation = f"{axis.stored} = " if axis.stored.constant is None else ""
                raise ShapeError(
                    f"{tensor.name}, axis {place}: extent {given[tensor.name][place]} given, "
                    f"needed is {equation}{needed}" + (f" ({reason})" if reason else ""))
            if tensor.name in given and axis.stored.name is not None:
                sources.setdefault(axis.stored.name, f" from {tensor.name}, axis {place}")
            _check_split(tensor, place, values)


def _check_split(tensor: Tensor, place: int, values: Mapping[str, int]) -> None:
    axis = tensor.axes[place]
    stored, needed = evaluate(axis.stored, values), evaluate(product(axis.logical), values)
    if stored != needed:
        factors = " * ".join(str(extent) for extent in axis.logical)
        numbers = " * ".join(str(evaluate(extent, values)) for extent in axis.logical)
        raise ShapeError(f"{tensor.name}, axis {place}: extent {stored} does not split into "
                         f"({factors}), which is {numbers} = {needed}; choose an extent that "
                         "all factors divide")


def _check_tensors(program: Program, values: Mapping[str, int]) -> None:
    """No negative extent anywhere, and no empty output except by an empty batch."""
    empty = {size.name for size in program.sizes
             if size.value is None and values[size.name] == 0}
    for definition in program.definitions:
        tensor = definition.target
        for place, axis in enumerate(tensor.axes):
            extent = evaluate(axis.stored, values)
            batch = bool(axis.stored.terms) and all(
                empty.intersection(m for m in monomial if isinstance(m, str))
                for monomial, _ in axis.stored.terms)
            least = 1 if tensor.name in program.outputs and not batch else 0
            if extent < least:
                what = "output" if tensor.name in program.outputs else "intermediate tensor"
                raise ShapeError(
                    f"{what} {tensor.name}, axis {place}: its extent "
                    f"{_defined(axis.stored, program)} is {extent}, needed is at least {least} "
                    f"({listing(_sources(axis.stored, program), values)}); "
                    "enlarge the input or the padding, or shrink the kernel")
            _check_split(tensor, place, values)


def _check_amounts(program: Program, values: Mapping[str, int]) -> None:
    """No tensor so large that positions in it leave 64 bits, its empty axes aside."""
    for tensor in (*program.inputs, *(definition.target for definition in program.definitions)):
        shape = stored_shape(tensor, values)
        if math.prod(max(extent, 1) for extent in shape) > _MOST_ELEMENTS:
            raise ShapeError(f"{tensor.name}: shape {shape} has more elements than memory can "
                             f"address, at most 2**{_MOST_ELEMENTS.bit_length() - 1}; give smaller "
                             "shapes")


def _defined(expression: Int, program: Program) -> str:
    """An extent, followed by its defining equation where it is a derived size."""
    for size in program.sizes:
        if size.name == expression.name and size.value is not None:
            return f"{size.name} = {size.value}"
    return str(expression)


def _sources(expression: Int, program: Program) -> frozenset[str]:
    """The free sizes and parameters that an extent comes from."""
    derived = {size.name: size.value for size in program.sizes if size.value is not None}
    found: set[str] = set()
    for name in expression.names():
        found |= _sources(derived[name], program) if name in derived else {name}
    return frozenset(found)


def _requirement_message(requirement: Requirement, values: Mapping[str, int]) -> str:
    names = row_names(requirement.row)
    return f"{requirement.message} ({listing(names, values)})" if names else requirement.message


def holds(row: Row, values: Mapping[str, int]) -> bool:
    """Whether a row holds for these values of its names; a divisor must be positive."""
    match row:
        case Equal(expression):
            return evaluate(expression, values) == 0
        case AtLeast(expression):
            return evaluate(expression, values) >= 0
        case Divides(modulus, expression):
            divisor = evaluate(modulus, values)
            return divisor > 0 and evaluate(expression, values) % divisor == 0

"""NumPy source: one importable module for all passes of an operator.

    passes --vectorise--> array plans --numpy_slices, numpy_points--> statements
           --templates/module.py.jinja--> source text

Every function reads the sizes off its arguments, computes its definitions one after the other as
arrays with logical axes, and returns the outputs in stored shape and in the element type of its
first real argument.
"""

from __future__ import annotations

import json
import keyword
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from symconv.absence import number_of_points, refusal
from symconv.emit.comments import entry_comment, pass_comment, rule_comment, shared_comment
from symconv.emit.numpy_folding import WIDTH, fold
from symconv.emit.numpy_frame import Frame, Scope, allocation, shape_text
from symconv.emit.numpy_helpers import HELPERS, helper_sources
from symconv.emit.numpy_integers import plain
from symconv.emit.numpy_picking import write_pick
from symconv.emit.numpy_places import write_place
from symconv.emit.numpy_points import PointWriter
from symconv.emit.numpy_separable import separate, separated
from symconv.emit.numpy_slices import write_extremum, write_sum
from symconv.emit.renaming import rename
from symconv.ir import Definition, Program, Tensor
from symconv.names import fresh, global_names, names_of
from symconv.passes import Pass
from symconv.render import render
from symconv.slicing import Slices
from symconv.vectorise import arrange
from symconv.wanted import guards, readers

_WORD = re.compile(r"[A-Za-z_]\w*")
_OWN = frozenset({"np", "range", "min", "max", "int", "bool", *keyword.kwlist,
                  *(f"_{helper}" for helper in HELPERS)})


@dataclass(frozen=True, slots=True)
class Function:
    """What the template needs of one function."""

    name: str
    arguments: str
    comment: list[str]
    body: list[str]
    results: str


def emit_numpy(name: str, passes: Sequence[Pass], heading: str) -> str:
    """The text of a module with one function per pass; it needs NumPy alone."""
    functions = [function for item in passes for function in _functions(item)]
    used = _words("\n".join(line for function in functions for line in function.body))
    return render("module.py.jinja", name=name, heading=heading, functions=functions,
                  helpers=helper_sources(used))


def _functions(item: Pass) -> Iterator[Function]:
    """The function of a pass, and the entries to it."""
    program = rename(item.program, _OWN.__contains__)
    whole = _function(item, program)
    yield whole
    arguments = ", ".join(tensor.name for tensor in program.inputs)
    rules = rule_comment(program) if item.entries else []
    for place, (entry, key) in enumerate(zip(item.entries, item.keys, strict=True)):
        yield Function(entry, arguments,
                       entry_comment(program, program.outputs[place], item.name, rules), [],
                       f'{item.name}({arguments}, ("{key}",))[{place}]')


def _function(item: Pass, shown: Program) -> Function:
    program = separated(shown)
    real = next((tensor.name for tensor in program.inputs if tensor.kind == "real"), None)
    tensors = {tensor.name: tensor for tensor in (
        *program.inputs, *(definition.target for definition in program.definitions))}
    scope = Scope(tensors, "np.dtype(np.float64)" if real is None else f"{real}.dtype",
                  frozenset(global_names(program) | _OWN),
                  frozenset(size.name for size in program.sizes))
    wanted = fresh("wrt", {*scope.names, *names_of(program)})
    body = _body(item, program, scope, wanted)
    outputs = [_stored(program.tensor(output)) for output in program.outputs]
    written = "\n".join((*body, *outputs)).replace(scope.dtype, "")
    words = _words(written)
    regrouped = [f"{tensor.name} = {tensor.name}.reshape({shape_text(tensor.logical)})"
                 for tensor in program.inputs if _is_split(tensor) and tensor.name in words]
    sizes = _sizes(program, _words("\n".join((*regrouped, written))))
    arguments = [tensor.name for tensor in program.inputs]
    comment = pass_comment(shown)
    if item.entries:
        arguments.append(f"{wanted}=({', '.join(map(json.dumps, item.keys))},)")
        comment += shared_comment(f"not named in {wanted}")
        outputs = [output if output == name else f"{output} if {name} is not None else None"
                   for name, output in zip(program.outputs, outputs, strict=True)]
    return Function(item.name, ", ".join(arguments), comment,
                    [line for statement in (*sizes, *regrouped, *body) for line in fold(statement)],
                    ", ".join(outputs))


def _body(item: Pass, program: Program, scope: Scope, wanted: str) -> list[str]:
    """The statements of all definitions, under tests where results may be left out."""
    if not item.entries:
        return [line for definition in program.definitions
                for line in _definition(definition, program, scope)]
    needed = readers(program)
    flags, tests = guards(program, [needed[d.target.name] for d in program.definitions])
    asked = {name: f'"{key}" in {wanted}'
             for name, key in zip(program.outputs, item.keys, strict=True)}
    lines = [*(f"{name} = None" for name in program.outputs),
             *(f"{flag.name} = {' or '.join(asked.get(one, one) for one in flag.any_of)}"
               for flag in flags)]
    for test, group in groupby(zip(tests, program.definitions, strict=True), lambda pair: pair[0]):
        block = [line for _, definition in group
                 for line in _definition(definition, program, scope)]
        lines += block if test is None else [f"if {asked.get(test, test)}:",
                                             *(f"    {line}" for line in block)]
    return lines


def _definition(definition: Definition, program: Program, scope: Scope) -> list[str]:
    """The statements that compute one target, behind those that refuse it where data leave an
    element without a point."""
    lacking = refusal(definition)
    if lacking is None:
        return _statements(definition, program, scope)
    points = fresh("points", {*scope.names, *names_of(program)})
    counted = number_of_points(definition, points)
    parts = [json.dumps(part) for part in textwrap.wrap(
        lacking, WIDTH - 16, drop_whitespace=False, break_on_hyphens=False)]
    return [*_statements(counted, program, replace(scope, names=scope.names | {points})),
            f"if not {points}.all():", "    raise _NoPoint(",
            *(f"        {part}" for part in parts[:-1]), f"        {parts[-1]})",
            *_statements(definition, program, scope)]


def _statements(definition: Definition, program: Program, scope: Scope) -> list[str]:
    """target = reduction, term by term."""
    plans = arrange(definition, program)
    if not plans:
        made = allocation(definition.target, scope.type_of(definition))
        return [f"{definition.target.name} = {made}"]
    lines: list[str] = []
    for term, plan in zip(definition.terms, plans, strict=True):
        first = not lines
        picked = write_pick(definition, term, program, scope, first)
        if picked is not None:
            lines += picked
            continue
        if not isinstance(plan, Slices):
            lines += PointWriter(definition, plan, scope).write(first)
            continue
        frame = Frame(definition, plan, scope)
        if definition.reduction == "sum":
            lines += write_sum(frame, first)
        elif definition.reduction in ("max", "min"):
            lines += write_extremum(frame)
        else:
            lines += write_place(frame, lambda other: _separately(other, program, scope))
    return lines


def _separately(definition: Definition, program: Program, scope: Scope) -> list[str]:
    """The statements of a definition that the program lacks."""
    parts = separate(definition, program)
    tensors = {part.target.name: part.target for part in parts}
    inside = replace(scope, tensors={**scope.tensors, **tensors}, names=scope.names | {*tensors})
    return [line for part in parts for line in _statements(part, replace(
        program, definitions=(*program.definitions, *parts)), inside)]


def _sizes(program: Program, words: frozenset[str]) -> list[str]:
    """Statements for the sizes that are used: read off a shape, or computed."""
    needed = set(words)
    for size in reversed(program.sizes):
        if size.value is not None and size.name in needed:
            needed |= size.value.names()
    free = [size.name for size in program.sizes if size.value is None and size.name in needed]
    lines: list[str] = []
    for tensor in program.inputs:
        found = [axis.stored.name if axis.stored.name in free else None for axis in tensor.axes]
        named = [name for name in found if name is not None]
        free = [name for name in free if name not in named]
        if len(named) == 1:
            lines.append(f"{named[0]} = {tensor.name}.shape[{found.index(named[0])}]")
        elif named:
            seen: set[str | None] = set()
            shown = []
            for name in found:
                shown.append("_" if name is None or name in seen else name)
                seen.add(name)
            lines.append(f"{', '.join(shown)} = {tensor.name}.shape")
    for name in free:
        lines.append(f"{name} = {_solved(program, name)}")
    lines += [f"{size.name} = {plain(size.value)}" for size in program.sizes
              if size.value is not None and size.name in needed]
    return lines


def _solved(program: Program, name: str) -> str:
    """A size from an axis whose extent is affine in it alone, such as 2*H + 1."""
    for tensor in program.inputs:
        for place, axis in enumerate(tensor.axes):
            factor = axis.stored.coefficient(name).constant if axis.stored.is_affine(
                (name,)) else None
            if factor and axis.stored.names() == {name}:
                rest = axis.stored.without((name,))
                shape = f"{tensor.name}.shape[{place}]"
                top = f"({shape} - {plain(rest)})" if rest else shape
                return f"{top} // {factor}" if factor != 1 else top
    raise RuntimeError(f"no input gives the size {name}")


def _stored(tensor: Tensor) -> str:
    if not _is_split(tensor):
        return tensor.name
    return f"{tensor.name}.reshape({shape_text([axis.stored for axis in tensor.axes])})"


def _is_split(tensor: Tensor) -> bool:
    return any(axis.logical != (axis.stored,) for axis in tensor.axes)


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))



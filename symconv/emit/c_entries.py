"""An emitted C function as finished lines, and the entries to one that computes several results.

    int NAME_vjp_w(dy, x, w, dw, ...) { return NAME_vjp(dy, x, w, NULL, dw, ...); }
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from symconv.emit.c_body import Locals
from symconv.emit.comments import entry_comment, rule_comment
from symconv.errors import ParameterError
from symconv.ir import Program

_ENDS = 3               # arguments behind the results: workspace, task_begin, task_end
_WIDTH = 92


@dataclass(frozen=True, slots=True)
class PackFunction:
    """The function `name` that packs an operand for a pass, into the `argument` of that pass."""

    name: str
    operand: str
    argument: str
    arguments: str
    size: list[str]
    body: list[str]


@dataclass(frozen=True, slots=True)
class Function:
    """What the templates need of one emitted function, as finished lines."""

    name: str
    comment: list[str]
    arguments: list[str]
    prototype: list[str]
    workspace: list[str]
    tasks: list[str]
    body: list[str]
    parts: list[str] = field(default_factory=list)      # functions that stand in front of it
    packs: list[PackFunction] = field(default_factory=list)


def entry_functions(whole: Function, program: Program, names: Sequence[str], own: Locals,
                    kernel: str, sizes: bool) -> Iterator[Function]:
    """One function per result of `whole`, which computes `program`: it passes NULL for the other
    results, and its workspace and tasks are those of `whole`."""
    called = f"{kernel}_{whole.name}"
    leading = own.sizes if sizes else ""
    rules = rule_comment(program) if names else []
    for place, name in enumerate(names):
        passed = [*([leading] if sizes else []), *(tensor.name for tensor in program.inputs),
                  *(result if number == place else "NULL"
                    for number, result in enumerate(program.outputs)),
                  own.workspace, own.begin, own.end]
        chosen = [number for number in range(len(whole.arguments))
                  if not 0 <= number - _first(whole, program) < len(program.outputs)
                  or number == _first(whole, program) + place]
        yield Function(
            name, entry_comment(program, program.outputs[place], called, rules),
            [whole.arguments[number] for number in chosen],
            [whole.prototype[number] for number in chosen],
            [f"return {called}_workspace({leading});"], [f"return {called}_tasks({leading});"],
            textwrap.wrap(f"return {called}({', '.join(passed)});", _WIDTH,
                          subsequent_indent="    ", break_long_words=False,
                          break_on_hyphens=False))


def expect_distinct(kernel: str, functions: Sequence[Function], companions: Sequence[str]) -> None:
    """Raise ParameterError where an operand x_tasks has a gradient called like the tasks of that
    of x; `companions` are such endings."""
    names = {function.name for function in functions}
    for function in functions:
        for ending in companions:
            companion = f"{function.name}_{ending}"
            if companion in names:
                operand = companion.rpartition("vjp_")[2]
                raise ParameterError(
                    f"operand {operand}: its gradient would be {kernel}_{companion}, which is the "
                    f"name of a function that belongs to {kernel}_{function.name}; rename it")


def expect_packs_distinct(kernel: str, functions: Sequence[Function]) -> None:
    """Raise ParameterError where an operand x_packed has a gradient called like the pass for a
    packed operand, or one x_pack_w like the function that packs."""
    names = [f"{kernel}_{function.name}" for function in functions]
    names += [name for function in functions for pack in function.packs
              for name in (pack.name, f"{pack.name}_size")]
    for name in names:
        if names.count(name) > 1:
            raise ParameterError(f"pack: two functions would be called {name}, the gradient of an "
                                 "operand and what packs one; rename that operand")


def _first(whole: Function, program: Program) -> int:
    """The place of the first result among the arguments."""
    return len(whole.arguments) - _ENDS - len(program.outputs)

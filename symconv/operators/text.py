"""From the lines of a definition to the operator that wraps its program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from symconv.ir import Program, Requirement
from symconv.language.reader import parse
from symconv.operator import OpenRank, Operator
from symconv.operators import arguments


def defined(lines: Sequence[str], requirements: Iterable[Requirement] = ()) -> Program:
    """The program that the statements define, with further requirements on its shapes.

    Requirements of the operator come first: their messages name its parameters.
    """
    program = parse("\n".join(lines), {})
    own = tuple(dict.fromkeys(requirements))
    return replace(program, requirements=own + program.requirements)


def catalogued(kind: str, name: str | None, program: Program,
               batch_operands: tuple[str, ...] = ()) -> Operator:
    """The operator of the catalogue's name, or of the name that a user gave."""
    given = arguments.label(kind, name)
    return Operator(program, name=given or kind, batch_operands=batch_operands,
                    named=given is not None)


def ranked(kind: str, ndim: int | None, name: str | None, make: Callable[[int], Program],
           inputs: tuple[str, ...] = ("x",), least: int = 0,
           leading: tuple[str, ...] = ()) -> Operator:
    """An operator of a given number of axes, or of the number that the arrays have; `leading`
    are the operands with that number, if not all have it."""
    count = arguments.rank(kind, ndim, least)
    given = arguments.label(kind, name)
    source = OpenRank(make, inputs, ("y",), least, leading) if count is None else make(count)
    return Operator(source, name=given or kind, named=given is not None)


def cube(rank: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Index and extent names for an array of any rank."""
    return tuple("ijklmnpq"[:rank]), tuple(f"D{axis}" for axis in range(rank))

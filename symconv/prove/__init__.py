"""Proofs for all sizes: what the derivation and the loops do, judged by z3 and isl.

    prove(op) -> statements, each proved or not

The judges share nothing with what they judge but the data: relations, solved forms and loops are
read as constraints, as they stand. SymPy and `solve` derive; z3 and isl only decide.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from symconv.errors import BuildError
from symconv.prove.statement import Statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from symconv.ir import Program
    from symconv.operator import Operator

__all__ = ["Statement", "proof_status", "prove", "standard_proofs"]

_JUDGES = {"z3": "z3-solver", "islpy": "islpy"}


def prove(op: Operator) -> tuple[Statement, ...]:
    """Every statement about an operator, for all sizes that meet its requirements.

    With symbolic parameters: the gradients in gather form are the forward relation, and reads are
    in bounds. With numbers for all of them the emitted loops of every pass are judged as well.
    Raises BuildError where z3 or isl is not installed.
    """
    _installed()
    from symconv.prove.program import program_statements

    return tuple(program_statements(op.definition))


def standard_proofs() -> Iterator[tuple[str, tuple[Statement, ...]]]:
    """(title, statements) for the standard set, the one-axis operators with every parameter
    symbolic, and strides and dilations up to 4 with any padding."""
    _installed()
    from symconv.prove.program import program_statements
    from symconv.prove.standard import standard_programs

    for title, program in standard_programs():
        yield title, tuple(program_statements(program))


def proof_status(program: Program) -> str:
    """One line for the comment of an emitted file; no proof is run, so emission stays fast.

    It tells what `symconv prove` decides, by the rule that the judges go by: isl decides
    whatever is linear in indices and sizes; elsewhere z3 may give up.
    """
    from symconv.prove.status import nonlinear

    product = nonlinear(program)
    if product is None:
        return ("Bounds, writes and points of the loops are decidable for all sizes; "
                "`symconv prove` has z3 and isl decide them.")
    return (f"{product} is not linear: `symconv prove` has z3 try bounds, writes and points of "
            "the loops for all sizes, and it may give up.")


def _installed() -> None:
    missing = [package for module, package in _JUDGES.items() if find_spec(module) is None]
    if missing:
        raise BuildError(f"{' and '.join(missing)} not installed: proofs need z3-solver and "
                         "islpy; pip install 'symconv[verify]'")

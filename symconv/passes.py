"""The passes of a program: the functions that are emitted for it.

Each pass is a program of its own whose inputs are the function's arguments in order and whose
outputs are its results. All passes of a program share its sizes.

    forward          (x, w, b) -> (y)
    vjp_x            (dy, x, w, b) -> (dx)                    one for every real operand
    jvp              (tx, tw, tb, x, w, b) -> (ty)
    double_vjp_k     (vx, vw, vb, dy, x, w, b) -> (gk)        k = dy, x, w, b: the gradient of
                                                              <dx, vx> + <dw, vw> + <db, vb>
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from symconv.differentiate import differentiable, jvp, real_outputs, vjp
from symconv.ir import Program


@dataclass(frozen=True, slots=True)
class Pass:
    """One function to emit: its name and the program that it computes."""

    name: str
    program: Program


def forward_passes(program: Program) -> tuple[Pass, ...]:
    return (Pass("forward", program),)


def vjp_passes(program: Program) -> tuple[Pass, ...]:
    """One pass per real operand; none where the program has no real output."""
    if not real_outputs(program):
        return ()
    return tuple(Pass(f"vjp_{name}", vjp(program, (name,)).result)
                 for name in differentiable(program))


def jvp_passes(program: Program) -> tuple[Pass, ...]:
    if not real_outputs(program) or not differentiable(program):
        return ()
    return (Pass("jvp", jvp(program).result),)


def double_passes(program: Program) -> tuple[Pass, ...]:
    """The VJP of the VJP: one pass per cotangent and per real operand."""
    return tuple(_double_passes(program))


def all_passes(program: Program) -> tuple[Pass, ...]:
    """Every pass, in the order in which they are emitted."""
    return (*forward_passes(program), *vjp_passes(program), *jvp_passes(program),
            *double_passes(program))


def _double_passes(program: Program) -> Iterator[Pass]:
    operands = differentiable(program)
    if not real_outputs(program) or not operands:
        return
    first = vjp(program, operands)
    gradients = first.result
    directions = {gradient: f"v{operand}"
                  for gradient, operand in zip(gradients.outputs, operands, strict=True)}
    for name in differentiable(gradients):
        second = vjp(gradients, (name,), directions, {name: f"g{name}"})
        yield Pass(f"double_vjp_{name}", second.result)

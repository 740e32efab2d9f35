"""The passes of a program: the functions that are emitted for it.

Each pass is a program of its own whose inputs are the function's arguments in order and whose
outputs are its results. All passes of a program share its sizes.

    forward          (x, w, b) -> (y)
    vjp_x            (dy, x, w, b) -> (dx)                    one for every real operand
    jvp              (tx, tw, tb, x, w, b) -> (ty)
    double_vjp_k     (vx, vw, vb, dy, x, w, b) -> (gk)        k = dy, x, w, b: the gradient of
                                                              <dx, vx> + <dw, vw> + <db, vb>

The gradients of a program with several definitions have most of their work in common: the forward
pass and the cotangents of what it computes. There one pass computes all of them,

    vjp              (dy, x, w, b) -> (dx, dw, db)
    double_vjp       (vx, vw, vb, dy, x, w, b) -> (gdy, gx, gw, gb)

and the function of a single gradient is an entry to it, which leaves the others out. So text and
work grow with the length of a program, and not with its square.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from symconv.differentiate import differentiable, jvp, real_outputs, vjp
from symconv.ir import Program


@dataclass(frozen=True, slots=True)
class Pass:
    """One function to emit: its name and the program that it computes.

    Where `entries` are given, one for each output, the function computes those outputs that the
    caller asks for, and each entry is a function that computes one of them.
    """

    name: str
    program: Program
    entries: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """What the entries say behind the name of the pass: operands, and dy."""
        return tuple(entry.removeprefix(f"{self.name}_") for entry in self.entries)


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
    """Every pass that computes one result, and the others, in the order of emission."""
    return (*forward_passes(program), *vjp_passes(program), *jvp_passes(program),
            *double_passes(program))


def shares(program: Program) -> bool:
    """Whether the gradients of a program are computed by one pass.

    Not where the gradient of an operand would be called like a companion of that pass:
    NAME_vjp_workspace, NAME_vjp_tasks.
    """
    operands = differentiable(program)
    return (len(program.definitions) > 1 and len(operands) > 1 and bool(real_outputs(program))
            and not {"workspace", "tasks"} & {*operands})


def emitted_vjp(program: Program) -> tuple[Pass, ...]:
    """The gradients as they are emitted: in one pass, or in one each."""
    if not shares(program):
        return vjp_passes(program)
    operands = differentiable(program)
    return (Pass("vjp", vjp(program, operands).result,
                 tuple(f"vjp_{name}" for name in operands)),)


def emitted_double(program: Program) -> tuple[Pass, ...]:
    """The double gradients as they are emitted: in one pass, or in one each."""
    if not shares(program):
        return double_passes(program)
    gradients, directions = _gradients(program)
    names = differentiable(gradients)
    second = vjp(gradients, names, directions, {name: f"g{name}" for name in names})
    return (Pass("double_vjp", second.result, tuple(f"double_vjp_{name}" for name in names)),)


def emitted_passes(program: Program) -> tuple[Pass, ...]:
    """Every pass as it is emitted; with their entries, these are the functions of `all_passes`."""
    return (*forward_passes(program), *emitted_vjp(program), *jvp_passes(program),
            *emitted_double(program))


def _double_passes(program: Program) -> Iterator[Pass]:
    if not real_outputs(program) or not differentiable(program):
        return
    gradients, directions = _gradients(program)
    for name in differentiable(gradients):
        second = vjp(gradients, (name,), directions, {name: f"g{name}"})
        yield Pass(f"double_vjp_{name}", second.result)


def _gradients(program: Program) -> tuple[Program, dict[str, str]]:
    """The program of all gradients, and the names of their own cotangents."""
    operands = differentiable(program)
    result = vjp(program, operands).result
    return result, {gradient: f"v{operand}"
                    for gradient, operand in zip(result.outputs, operands, strict=True)}

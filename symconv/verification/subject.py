"""What is under test: a kernel, and the programs that its passes stand for.

The passes are derived here as the thing under test: interpreting them checks lowering and
emission; the derivation itself is checked by differences of the forward pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from symconv.arithmetic import Arithmetic
from symconv.arrays import Array
from symconv.errors import ParameterError
from symconv.evaluate import evaluate
from symconv.ir import Program
from symconv.jobs import Group
from symconv.kernel import Kernel
from symconv.make import build
from symconv.operator import Operator
from symconv.passes import Pass
from symconv.shapes import stored_shape
from symconv.verification.points import Point

GROUPS: tuple[Group, ...] = ("forward", "vjp", "jvp", "double")


@dataclass(frozen=True, slots=True)
class Subject:
    """An operator with its kernel, the values of all sizes and all passes."""

    operator: Operator
    target: str
    dtype: str
    values: Mapping[str, int]
    kernel: Kernel
    passes: tuple[Pass, ...]

    @property
    def program(self) -> Program:
        return self.operator.definition

    @property
    def operands(self) -> tuple[str, ...]:
        """The operands that have gradients; none where no output does."""
        return tuple(item.name.removeprefix("vjp_") for item in self.passes
                     if item.name.startswith("vjp_"))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs that have cotangents."""
        return tuple(name for name in self.program.outputs
                     if self.program.tensor(name).kind == "real")

    def prepare(self) -> None:
        """Compile the kernels of all passes; no kernel runs."""
        starts = {item.name.partition("_")[0] for item in self.passes}
        self.kernel.prepare(*(group for group in GROUPS if group in starts))

    def reference(self, item: Pass, point: Point, arithmetic: Arithmetic) -> tuple[Array, ...]:
        """What the interpreter finds for a pass, in the order of its outputs."""
        given = arguments(item, point)
        named = {tensor.name: array for tensor, array in zip(item.program.inputs, given,
                                                             strict=True)}
        found = evaluate(item.program, named, self.values, arithmetic)
        return tuple(found[name] for name in item.program.outputs)

    def result(self, name: str, point: Point) -> tuple[Array, ...]:
        """What the kernel returns for one pass."""
        if name == "forward":
            return self.forward(point.operands)
        if name == "jvp":
            return self.jvp(point.tangents, point.operands)
        if name.startswith("vjp_"):
            operand = name.removeprefix("vjp_")
            return (self.vjp(point.cotangents, point.operands, operand)[operand],)
        key = name.removeprefix("double_vjp_")
        return (self.double(point.directions, point.cotangents, point.operands)[key],)

    def forward(self, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        with np.errstate(all="ignore"):
            return as_tuple(self.kernel.forward(**operands))

    def vjp(self, cotangents: Mapping[str, Array], operands: Mapping[str, Array],
            wrt: str | tuple[str, ...] | None = None) -> dict[str, Array]:
        with np.errstate(all="ignore"):
            return self.kernel.vjp(cotangents, wrt, **operands)

    def jvp(self, tangents: Mapping[str, Array],
            operands: Mapping[str, Array]) -> tuple[Array, ...]:
        with np.errstate(all="ignore"):
            return as_tuple(self.kernel.jvp(tangents, **operands))

    def double(self, directions: Mapping[str, Array], cotangents: Mapping[str, Array],
               operands: Mapping[str, Array]) -> dict[str, Array]:
        with np.errstate(all="ignore"):
            return self.kernel.double_vjp(directions, cotangents, **operands)


def make_subject(operator: Operator, target: str, dtype: str, values: Mapping[str, int],
                 passes: tuple[Pass, ...], fixed: bool = False, *, accuracy: str = "strict",
                 schedule: str = "auto") -> Subject:
    """The subject for a kernel with run-time sizes, or one that is `fixed` to these values: with
    direct sums, of which the checks know that integers stay exact, unless `accuracy` says so."""
    program = operator.definition
    shapes = {tensor.name: stored_shape(tensor, values) for tensor in program.inputs}
    kernel = build(operator, target, dtype, shapes if fixed else None, schedule,
                   accuracy=accuracy)
    if not isinstance(kernel, Kernel):
        raise ParameterError(f"{operator.name}: the number of axes is open; give shapes")
    return Subject(operator, target, dtype, values, kernel, passes)


def arguments(item: Pass, point: Point) -> tuple[Array, ...]:
    """The arguments of a pass in order; a pass takes its operands last."""
    groups = {"forward": (), "vjp": (point.cotangents,), "jvp": (point.tangents,),
              "double": (point.directions, point.cotangents)}
    leading = groups[item.name.partition("_")[0]]
    return tuple(array for group in (*leading, point.operands) for array in group.values())


def as_tuple(found: Array | tuple[Array, ...]) -> tuple[Array, ...]:
    return found if isinstance(found, tuple) else (found,)

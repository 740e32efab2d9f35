"""Contractions without a window: linear and dot; and flatten, a pure regrouping of axes."""

from __future__ import annotations

from symconv.ir import Program
from symconv.operator import Operator
from symconv.operators import arguments
from symconv.operators.text import catalogued, cube, defined, ranked


def linear(bias: bool = True, name: str | None = None) -> Operator:
    """The affine map x w^T + b: x (N,I), w (O,I), b (O)."""
    biased = arguments.flag("linear", "bias", bias)
    lines = ["x: [N, I]", "w: [O, I]", *(["b: [O]"] if biased else []),
             f"y[n,o] = {'b[o] + ' if biased else ''}sum[i](x[n,i] * w[o,i])"]
    return catalogued("linear", name, defined(lines), ("x",))


def dot(name: str | None = None) -> Operator:
    """The inner product of two vectors a and b of one length."""
    return catalogued("dot", name, defined(["a: [I]", "b: [I]", "y = sum[i](a[i] * b[i])"]))


def flatten(ndim: int | None = None, name: str | None = None) -> Operator:
    """All axes of x but the first as one, in C order."""

    def make(rank: int) -> Program:
        indices, sizes = cube(rank)
        rest = ",".join(indices[1:])
        target = f"({rest})" if rank > 2 else rest
        return defined([f"x: [{', '.join(sizes)}]",
                        f"y[{indices[0]},{target}] = x[{','.join(indices)}]"])

    return ranked("flatten", ndim, name, make, least=2)

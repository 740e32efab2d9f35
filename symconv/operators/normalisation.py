"""Programs of a few statements: batch normalisation and the cross-entropy of a softmax."""

from __future__ import annotations

from symconv.integers import Int
from symconv.ir import AtLeast, Program, Requirement
from symconv.operator import Operator
from symconv.operators import arguments
from symconv.operators.arguments import Real, refuse
from symconv.operators.text import defined, ranked

_SPACE = "hijklm"


def batch_norm(eps: Real = 1e-5, ndim: int | None = None, name: str | None = None) -> Operator:
    """gamma*(x - mean)/sqrt(variance + eps) + beta, with mean and variance over batch and space."""
    small = arguments.real("batch_norm", "eps", eps, 0)
    if small == 0:
        raise refuse("batch_norm", "eps", eps, "above 0", "give a small number such as 1e-5")

    def make(rank: int) -> Program:
        space = _SPACE[:rank - 2]
        place = ",".join(("n", "c", *space))
        over = ",".join(("n", *space))
        shape = ", ".join(("N", "C", *_sizes(rank)))
        # the centred values are stored, so that a batch of one has the gradient 0 exactly
        lines = [f"x: [{shape}]", "gamma: [C]", "beta: [C]",
                 f"mu[c] = mean[{over}](x[{place}])",
                 f"centred[{place}] = x[{place}] - mu[c]",
                 f"variance[c] = mean[{over}](centred[{place}]**2)",
                 f"scale[c] = gamma[c] * (variance[c] + {small})**(-1/2)",
                 f"y[{place}] = centred[{place}] * scale[c] + beta[c]"]
        needs = [Requirement(AtLeast(Int.of(size) - 1), f"batch_norm: axis {size} of x is empty; "
                             "give at least one element") for size in _sizes(rank)]
        return defined(lines, needs)

    return ranked("batch_norm", ndim, name, make, ("x", "gamma", "beta"), 2, ("x",))


def softmax_cross_entropy(reduction: str = "mean", ndim: int | None = None,
                          name: str | None = None) -> Operator:
    """-log softmax(x)[label], over the classes x (N,C,...) with integer labels (N,...)."""
    rule = arguments.choice("softmax_cross_entropy", "reduction", reduction,
                            ("mean", "sum", "none"))

    def make(rank: int) -> Program:
        space = _SPACE[:rank - 2] if rank > 1 else ""
        batch = ("n",) if rank > 1 else ()
        sizes = (*(("N",) if rank > 1 else ()), *_sizes(rank))
        place, case = ",".join((*batch, "c", *space)), ",".join((*batch, *space))
        shape = ", ".join((*sizes[:1], "C", *sizes[1:]))
        at = f"[{case}]" if case else ""
        labels = f"int[{', '.join(sizes)}]" if sizes else "int"
        # m is frozen: adding a constant to all logits changes nothing, so its derivative is 0
        lines = [f"x: [{shape}]", f"labels: {labels}", "labels < C",
                 f"m{at} = frozen(max[c](x[{place}]))",
                 f"z{at} = sum[c](exp(x[{place}] - m{at}))"]
        loss = f"log(z{at}) + sum[c]([c == labels{at}] * (m{at} - x[{place}]))"
        if rule == "none" or not case:
            lines.append(f"y{at} = {loss}")
        else:
            lines += [f"loss{at} = {loss}",
                      f"y = {'mean' if rule == 'mean' else 'sum'}[{case}](loss{at})"]
        needs = [Requirement(AtLeast(Int.of("C") - 1), "softmax_cross_entropy: axis 1 of x has "
                             "no classes; give at least one")]
        return defined(lines, needs)

    return ranked("softmax_cross_entropy", ndim, name, make, ("x", "labels"), 1, ("x",))


def _sizes(rank: int) -> tuple[str, ...]:
    """The names of the spatial extents of an array of that rank."""
    named = {3: ("H",), 4: ("H", "W"), 5: ("D", "H", "W")}
    return named.get(rank, tuple(f"D{number}" for number in range(2, rank)))

"""Products summed over shared indices: `np.matmul` where the axes stand right, else `np.einsum`
(which moves them for BLAS).

Where a factor lacks an index that is summed over, the sum is taken in steps, and that factor
stands outside of one. An infinite one may not: infinity*(2 - 1) is infinite where the sum of the
products is NaN. The helper `_einsum` looks for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from symconv.emit.numpy_integers import ATOM, Code
from symconv.emit.numpy_matmul import Labelled, plain_product
from symconv.emit.numpy_scalars import product, split
from symconv.emit.numpy_views import SliceReader, letters
from symconv.ir import Access, Number, Power, Scalar
from symconv.rewrite import scalar_names


@dataclass(frozen=True, slots=True)
class Value:
    """An array: its text and the indices that its axes belong to."""

    code: Code
    axes: tuple[str, ...]


@dataclass(slots=True)
class _Operand:
    """Factors with the same indices, multiplied before the contraction."""

    axes: tuple[str, ...]
    over: list[Scalar]
    under: list[Scalar] = field(default_factory=list)

    def spelled(self, reader: Callable[[Sequence[str]], SliceReader]) -> Value:
        aligned = reader(self.axes)
        match self.over, self.under:
            case [Access(name, subscripts)], []:
                seen = aligned.view(Access(name, subscripts))
                return Value(Code(seen.raw()), seen.axes)
        factors = [*self.over, *(Power(factor, Fraction(-1)) for factor in self.under)]
        return Value(product(factors, aligned), self.axes)


def contracted(body: Scalar, reader: Callable[[Sequence[str]], SliceReader],
               summed: Sequence[str], target: Sequence[str]) -> Value | None:
    """The sum of a product over `summed`; None where it is no contraction of two operands.

    A constant stands outside of the sum.
    """
    outside, inside = constant_apart(body)
    _, over, under = split(inside)
    operands: list[_Operand] = []
    fixed: list[Scalar] = []
    for factor in over:
        axes = reader(()).axes(scalar_names(factor))
        same = next((operand for operand in operands if operand.axes == axes), None)
        if not axes:
            fixed.append(factor)
        elif same is not None:
            same.over.append(factor)
        else:
            operands.append(_Operand(axes, [factor]))
    for factor in under:
        axes = reader(()).axes(scalar_names(factor))
        wide = next((operand for operand in operands if {*axes} <= {*operand.axes}), None)
        if not axes:
            fixed.append(Power(factor, Fraction(-1)))
        elif wide is not None:
            wide.under.append(factor)
        else:
            return None
    if not summed or not _is_contraction(operands, summed):
        return None
    operands[0].over += fixed
    spelled = [operand.spelled(reader) for operand in operands]
    known = [name for name in target if any(name in value.axes for value in spelled)]
    named = letters([*target, *summed])
    left = ",".join("".join(named[name] for name in value.axes) for value in spelled)
    right = "".join(named[name] for name in known)
    listed = ", ".join(value.code.text for value in spelled)
    spans = reader(()).spans
    whole = all(spans[name].whole for value in spelled for name in value.axes)
    single = known and all(spans[name].extent.constant == 1 for name in known)
    # BLAS would have parts of two arrays copied for a single sum of their products
    moved = "" if single and len(spelled) == 2 and not whole else ", optimize=True"
    inside_all = len(spelled) == 2 and all({*summed} <= {*value.axes} for value in spelled)
    code = Code(f'np.einsum("{left}->{right}", {listed}{moved})' if inside_all else
                f'_einsum("{left}->{right}", {listed})')
    if inside_all:
        extents = {name: span.extent for name, span in spans.items()}
        pair = [Labelled(value.code.at(ATOM), value.axes) for value in spelled]
        simple = plain_product(pair[0], pair[1], known, extents, whole)
        code = Code(simple) if simple is not None else code
    if outside:
        code = product(outside, reader(()), code)
    return Value(code, tuple(known))


def constant_apart(body: Scalar) -> tuple[list[Scalar], list[Scalar]]:
    """The number in a product, which may stand outside of a sum, and all other factors.

    A sum without points is 0: what could be infinite, NaN or a division by 0 stays inside.
    """
    number, over, under = split((body,))
    inside = [*over, *(Power(factor, Fraction(-1)) for factor in under)]
    if number == 1 or not inside:
        return [], [body]
    return [Number(number)], inside


def _is_contraction(operands: Sequence[_Operand], summed: Sequence[str]) -> bool:
    """Whether operands share a summed index, or none of them has all indices."""
    every = {name for operand in operands for name in operand.axes}
    shared = any(sum(name in operand.axes for operand in operands) > 1 for name in summed)
    return len(operands) > 1 and (shared or all({*o.axes} != every for o in operands))

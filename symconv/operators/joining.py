"""concat: arrays one behind the other along an axis, a disjoint union of ranges."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from symconv.integers import Int
from symconv.ir import Program
from symconv.operator import OpenRank, Operator
from symconv.operators import arguments
from symconv.operators.arguments import refuse
from symconv.operators.text import defined

_OPERANDS = "abcdefghijklmnopqrs"


def concat(axis: int = 1, count: int | None = None, ndim: int | None = None,
           name: str | None = None) -> Operator:
    """The operands a, b, ... one behind the other along an axis.

    With count None there are as many as arrays are given; with a count or ndim, count or two.
    """
    most = arguments.MAXIMAL_RANK
    place = arguments.whole("concat", "axis", axis, -most, most - 1, "give the number of one axis")
    rank = arguments.rank("concat", ndim, 1)
    given = arguments.label("concat", name)
    form = _open(place, 2 if count is None else count)
    if count is None:
        form = replace(form, joining=partial(_open, place))
    return Operator(form if rank is None else form.make(rank), name=given or "concat",
                    named=given is not None)


def _open(axis: int, count: int) -> OpenRank:
    number = arguments.whole("concat", "count", count, 1, len(_OPERANDS),
                             "join the results of several concats")
    return OpenRank(partial(_joined, axis, number), tuple(_OPERANDS[:number]), ("y",), 1)


def _joined(axis: int, count: int, rank: int) -> Program:
    if not -rank <= axis < rank:
        raise refuse("concat", "axis", axis, f"from {-rank} to {rank - 1}",
                     f"the operands have {rank} axes")
    place = axis % rank
    operands = _OPERANDS[:count]
    indices = [f"i{number}" for number in range(rank)]
    lines, parts = [], []
    start = Int.of(0)
    for operand in operands:
        own = f"{operand.upper()}{place}"
        sizes = [own if number == place else f"D{number}" for number in range(rank)]
        lines.append(f"{operand}: [{', '.join(sizes)}]")
        stop = start + own
        along = indices[place]
        rows = ([f"{along} >= {start}"] if start else []) + [f"{along} < {stop}"]
        spot = [f"{along} - ({start})" if number == place and start else index
                for number, index in enumerate(indices)]
        parts.append(f"[{', '.join(rows)}] * {operand}[{', '.join(spot)}]")
        start = stop
    lines += [f"Y{place} = {start}", f"{indices[place]} < Y{place}",
              f"y[{','.join(indices)}] = {' + '.join(parts)}"]
    return defined(lines)

"""pad: an array of any rank, enlarged or cropped at both ends of every axis."""

from __future__ import annotations

from collections.abc import Sequence

from symconv.integers import Int
from symconv.integers import text as int_text
from symconv.ir import AtLeast, Program, Requirement
from symconv.operator import Operator
from symconv.operators import arguments
from symconv.operators.arguments import MAXIMAL_RANK, Padding, Real, refuse
from symconv.operators.padding import MODES, Pad
from symconv.operators.text import cube, defined, ranked
from symconv.operators.window import fresh

_SOURCES = "abcdefgh"


def pad(padding: Padding, mode: str = "constant", value: Real = 0, ndim: int | None = None,
        name: str | None = None) -> Operator:
    """x with (low, high) elements added at the ends of each axis, first to last; negative crops."""
    arguments.choice("pad", "mode", mode, ("constant", *MODES))
    number = arguments.real("pad", "value", value)
    if number and mode != "constant":
        raise refuse("pad", "value", value, f"0 with mode=\"{mode}\", which copies elements of x",
                     'leave it out, or use mode="constant"')
    given = arguments.rank("pad", ndim)
    if not isinstance(padding, int | str):
        length = len(padding) if isinstance(padding, Sequence) else 0
        if not 0 < length <= MAXIMAL_RANK:
            raise refuse("pad", "padding", padding, "a (low, high) pair for every axis",
                         "write for instance ((0, 0), (1, 2))")
        if given is not None and given != length:
            raise refuse("pad", "padding", padding, f"one (low, high) pair for each of the {given} "
                         "axes that ndim names", f"give {given} of them, or leave ndim out")
        given = length

    def make(rank: int) -> Program:
        return _padded(rank, padding, mode, str(number))

    return ranked("pad", given, name, make)


def _padded(rank: int, padding: Padding, mode: str, value: str) -> Program:
    letters, sizes = cube(rank)
    pairs = arguments.pads("pad", padding, sizes)
    taken = {side.name for pair in pairs for side in pair if side.name is not None}
    letters = tuple(fresh(letter, taken) for letter in letters)
    sources = [fresh(letter, taken) for letter in _SOURCES[:rank]]
    turn = fresh("r", taken)
    pads = [Pad(size, f"{size}p" if low or high else size, index, source, turn, low, high)
            for size, index, source, (low, high)
            in zip(sizes, letters, sources, pairs, strict=True)]
    lines = [f"x: [{', '.join(sizes)}]"]
    changed = [item for item in pads if not item.trivial]
    for item in changed:
        lines += item.extent()
    needs = [Requirement(AtLeast(Int.of(item.padded) - 1), f"pad: axis {place} of x: nothing is "
                         f"left of it ({item.padded} is below 1); crop less")
             for place, item in enumerate(pads) if not item.trivial]
    if mode == "constant" or not changed:
        lines.append(_constant(pads, value))
        return defined(lines, needs)
    operand = "x"
    for place, item in enumerate(pads):
        if item.trivial:
            continue
        target = "y" if item is changed[-1] else f"x{place}"
        lines += item.statement(mode, target, operand,
                                tuple(done.index for done in pads[:place]),
                                tuple(rest.index if rest.trivial else rest.source
                                      for rest in pads[place + 1:]))[0:]
        needs += item.requirements("pad", mode)
        operand = target
    return defined(lines, needs)


def _constant(pads: Sequence[Pad], value: str) -> str:
    """y = x inside, the value outside."""
    inside, places = [], []
    for item in pads:
        if item.low.constant is None or item.low.constant > 0:
            inside.append(f"{item.index} >= {int_text(item.low)}")
        if item.high.constant is None or item.high.constant > 0:
            inside.append(f"{item.index} < {int_text(Int.of(item.size) + item.low)}")
        places.append(int_text(Int.of(item.index) - item.low))
    left = f"y[{','.join(item.index for item in pads)}]" if pads else "y"
    read = f"x[{', '.join(places)}]" if pads else "x"
    if not inside:
        return f"{left} = {read}"
    rows = f"[{', '.join(inside)}]"
    outside = f"({value})*(1 - {rows}) + " if value != "0" else ""
    return f"{left} = {outside}{rows} * {read}"

"""A small matrix times vectors of numbers, as straight-line C with shared sums.

Two rows that differ in the signs of some entries only are the sum and the difference of two
shorter ones, u + v and u - v: points p and -p give such rows. An odd denominator is taken
out of a row, so that its multiples stay whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from symconv.emit.c_expressions import Spelling
from symconv.toom import fraction, quietest
from symconv.winograd import Winograd

Rows: TypeAlias = tuple[tuple[Fraction, ...], ...]


@dataclass(frozen=True, slots=True)
class Transform:
    """A function of C that multiplies by a matrix: to[k * gap] = sum of rows[k][j] from[j * step]
    for whole vectors."""

    name: str
    rows: Rows


def function_lines(transform: Transform, prefix: str, real: str,
                   number: Callable[[Fraction], str]) -> Iterator[str]:
    """The function; `number` spells a constant."""
    columns = len(transform.rows[0])
    yield f"static inline void {transform.name}(const {real} *from, ptrdiff_t step,"
    yield f"    {real} *to, ptrdiff_t gap)"
    yield "{"
    for column in range(columns):
        if any(row[column] for row in transform.rows):
            where = "" if not column else " + step" if column == 1 else f" + {column} * step"
            yield (f"    const {prefix}_vector x{column} = "
                   f"*(const {prefix}_part *)(from{where});")
    done: set[int] = set()
    for place, row in enumerate(transform.rows):
        if place in done:
            continue
        mate = next((other for other in range(place + 1, len(transform.rows))
                     if other not in done and _mates(row, transform.rows[other])), None)
        if mate is None:
            yield f"    {_store(prefix, place, _scaled(row, number))}"
            continue
        done.add(mate)
        other = transform.rows[mate]
        same = tuple(a if a == b else Fraction(0) for a, b in zip(row, other, strict=True))
        apart = tuple(a if a != b else Fraction(0) for a, b in zip(row, other, strict=True))
        yield f"    const {prefix}_vector u{place} = {_scaled(same, number)};"
        yield f"    const {prefix}_vector v{place} = {_scaled(apart, number)};"
        yield f"    {_store(prefix, place, f'u{place} + v{place}')}"
        yield f"    {_store(prefix, mate, f'u{place} - v{place}')}"
    yield "}"


def _store(prefix: str, place: int, value: str) -> str:
    to = "to" if not place else "to + gap" if place == 1 else f"to + {place} * gap"
    return f"*({prefix}_part *)({to}) = {value};"


def _mates(one: Sequence[Fraction], other: Sequence[Fraction]) -> bool:
    """Whether two rows are u + v and u - v for rows u, v that are not zero."""
    pairs = list(zip(one, other, strict=True))
    return (all(abs(a) == abs(b) for a, b in pairs) and any(a and a == b for a, b in pairs)
            and any(a and a != b for a, b in pairs))


def _scaled(row: Sequence[Fraction], number: Callable[[Fraction], str]) -> str:
    """A row times the inputs, its odd denominator taken out."""
    odd = math.lcm(*(_odd(value.denominator) for value in row))
    terms = [(value * odd, f"x{column}") for column, value in enumerate(row) if value]
    terms.sort(key=lambda term: term[0] < 0)
    common = abs(terms[0][0])
    if len(terms) > 1 and all(abs(value) == common for value, _ in terms):
        terms = [(value / common, name) for value, name in terms]
    else:
        common = Fraction(1)
    if len(terms) == 1:
        (value, name), = terms
        if odd == 1:
            return _times(value, name, number)
        text, common = name, value
    else:
        text = _times(terms[0][0], terms[0][1], number)
        for value, name in terms[1:]:
            text += f" {'-' if value < 0 else '+'} {_times(abs(value), name, number)}"
        if common == odd == 1:
            return text
        text = f"({text})"
    for factor in factors(odd):
        text = f"{number(common / factor)} * {text}"
        text, common = f"({text})", Fraction(1)
    return text[1:-1]


def factors(odd: int) -> tuple[int, ...]:
    """Factors by whose reciprocals every multiple is divided exactly, where there are some: the
    rounding of 1/c must be so small that c * k * (1/c), rounded, is k for all k of fewer bits."""
    for factor in range(1, odd + 1):
        if odd % factor == 0 and _is_faithful(factor) and _is_faithful(odd // factor):
            return (odd // factor,) if factor == 1 else (odd // factor, factor)
    return (odd,)


def _is_faithful(divisor: int) -> bool:
    double = Fraction(1.0 / divisor)
    # to 24 bits, the nearest: 1/c lies between 2**-s and 2**(1-s) for s bits of c
    unit = 2 ** (24 + (divisor - 1).bit_length() - 1)
    single = Fraction(round(Fraction(unit, divisor)), unit)
    return (abs(double * divisor - 1) <= Fraction(1, 2 ** 54)
            and abs(single * divisor - 1) <= Fraction(1, 2 ** 25))


def _times(value: Fraction, name: str, number: Callable[[Fraction], str]) -> str:
    if value == 1:
        return name
    return f"-{name}" if value == -1 else f"{number(value)} * {name}"


def _odd(whole: int) -> int:
    while whole % 2 == 0:
        whole //= 2
    return whole


def plane_lines(name: str, transforms: Sequence[Transform], prefix: str,
                real: str) -> Iterator[str]:
    """A function that applies one matrix along each axis of a tile: `from` has strides s0, s1,
    .., `to` has t0, t1, .."""
    dims = range(len(transforms))
    steps = ", ".join(f"ptrdiff_t s{d}" for d in dims)
    gaps = ", ".join(f"ptrdiff_t t{d}" for d in dims)
    yield f"static void {name}(const {real} *from, {steps},"
    yield f"    {real} *to, {gaps})"
    yield "{"
    shape = [len(t.rows[0]) for t in transforms]
    source, step = "from", [f"s{d}" for d in dims]
    for d in dims:
        shape[d] = len(transforms[d].rows)
        last = d == len(transforms) - 1
        if last:
            target, gap = "to", [f"t{e}" for e in dims]
        else:
            target = f"part{d}"
            yield f"    _Alignas(64) {real} {target}[{math.prod(shape)} * {prefix}_LANES];"
            gap = [f"{math.prod(shape[e + 1:])} * {prefix}_LANES" for e in dims]
        others = [e for e in dims if e != d]
        lines = [f"{transforms[d].name}({_at(source, others, step)}, {step[d]}, "
                 f"{_at(target, others, gap)}, {gap[d]});"]
        for e in reversed(others):
            lines = [f"for (ptrdiff_t k{e} = 0; k{e} < {shape[e]}; k{e}++) {{",
                     *(f"    {line}" for line in lines), "}"]
        yield from (f"    {line}" for line in lines)
        source, step = target, gap
    yield "}"


def _at(base: str, axes: Sequence[int], steps: Sequence[str]) -> str:
    return " + ".join([base, *(f"k{axis} * {_factor(steps[axis])}" for axis in axes)])


def _factor(text: str) -> str:
    return text.removeprefix("1 * ") if text.startswith("1 * ") else text


def transform_lines(plans: Sequence[Winograd], spelling: Spelling) -> list[str]:
    """The functions that the plans need, each matrix once."""
    prefix, real = spelling.prefix, spelling.real
    lines: list[str] = []
    known: set[str] = set()
    for plan in plans:
        for kind in "abg":
            made = [_transform(prefix, kind, scheme) for scheme in plan.schemes]
            for transform in made:
                if transform.name not in known:
                    known.add(transform.name)
                    lines += ["", *function_lines(transform, prefix, real, spelling.number)]
            name = plane_name(prefix, kind, plan)
            if name not in known:
                known.add(name)
                lines += ["", *plane_lines(name, made, prefix, real)]
    return lines


def plane_name(prefix: str, kind: str, plan: Winograd) -> str:
    return f"{prefix}_tile_{kind}_" + "_".join(f"{o}x{r}" for o, r in plan.schemes)


def _transform(prefix: str, kind: str, scheme: tuple[int, int]) -> Transform:
    found = quietest(*scheme)
    if found is None:
        raise AssertionError(f"no points for F{scheme}")
    matrix = {"a": found.a, "b": found.b, "g": found.g}[kind]
    rows: Rows = tuple(tuple(fraction(value) for value in matrix.row(row))
                       for row in range(matrix.rows))
    return Transform(f"{prefix}_{kind}_{scheme[0]}x{scheme[1]}", rows)

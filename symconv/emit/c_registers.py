"""The innermost loops of tile plans: sums in registers, unrolled for rows and vectors.

A tile has rows x vectors sums, as many as the registers hold beside the vectors of a step and
one number: 6 x 2 of 16 registers, 8 x 3 of 32. Fewer rows leave room for more vectors.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from symconv.tiles import Tiles


@dataclass(frozen=True, slots=True)
class Machine:
    """The lines for processors with so many vector registers, under a test of the compiler."""

    test: str
    lines: list[str]


def machines(plans: Sequence[Tiles], prefix: str, real: str) -> list[Machine]:
    """The functions that the plans call: PREFIX_rows, _covering, _fitting, _regular, _scattered."""
    many = "defined(__AVX512F__) || defined(__aarch64__)"
    return [Machine(test, list(_Registers(most, registers, plans, prefix, real).lines()))
            for test, most, registers in ((many, 8, 32), (f"!({many})", 6, 16))]


def blocks(rows: int, most: int) -> list[int]:
    """Rows cut into blocks of nearly the same height, at most `most`: what PREFIX_rows does."""
    found: list[int] = []
    while rows > 0:
        left = -(-rows // most)
        found.append(-(-rows // left))
        rows -= found[-1]
    return found


def widths(rows: int, registers: int) -> list[int]:
    """How many vectors tiles of so many rows have, the widest first."""
    widest = max(v for v in range(1, 9) if rows * v + v + 1 < registers)
    return sorted({widest, (widest + 1) // 2, 1} if widest > 3 else {widest, 1}, reverse=True)


@dataclass(frozen=True, slots=True)
class _Registers:
    most: int
    registers: int
    plans: Sequence[Tiles]
    prefix: str
    real: str

    def lines(self) -> Iterator[str]:
        used: dict[str, set[int]] = {}
        for plan in self.plans:
            mode = "scattered" if plan.regular is None else "regular"
            for extent in {plan.group, plan.row.extent - (plan.groups - 1) * plan.group}:
                used.setdefault(mode, set()).update(blocks(extent, self.most))
        every = sorted(set().union(*used.values()))
        largest = max(rows * widths(rows, self.registers)[0] for rows in every)
        yield "/* The sums of the largest tile; runs leave it in whole vectors. */"
        yield f"enum {{ {self.prefix}_MOST = {largest + 1} * {self.prefix}_LANES }};"
        yield from self._rows()
        yield from self._choice("covering", "> ", every, -1)
        if any(plan.packing is None for plan in self.plans):
            yield from self._choice("fitting", ">= ", every, 0)
        for mode, rows in sorted(used.items()):
            for row in sorted(rows):
                for vectors in widths(row, self.registers):
                    yield from self._tile(mode, row, vectors)
            yield from self._dispatch(mode, sorted(rows))

    def _rows(self) -> Iterator[str]:
        yield ""
        yield f"/* The rows of the next tile: blocks of like height, at most {self.most}. */"
        yield f"static inline ptrdiff_t {self.prefix}_rows(ptrdiff_t left)"
        yield "{"
        yield f"    const ptrdiff_t blocks = (left + {self.most - 1}) / {self.most};"
        yield "    return (left + blocks - 1) / blocks;"
        yield "}"

    def _choice(self, name: str, relation: str, every: Iterable[int], before: int) -> Iterator[str]:
        yield ""
        yield ("/* The vectors of a tile that covers the lanes left, if it can. */" if before
               else "/* The vectors of a tile with no more lanes than are left, at least one. */")
        yield f"static inline ptrdiff_t {self.prefix}_{name}(ptrdiff_t rows, ptrdiff_t left)"
        yield "{"
        yield "    switch (rows) {"
        for rows in every:
            choices = widths(rows, self.registers)
            shown = ""
            for wide, narrower in itertools.pairwise(choices):
                bound = narrower if before else wide
                shown += f"left {relation}{bound} * {self.prefix}_LANES ? {wide} : "
            yield f"    case {rows}:"
            yield f"        return {shown}1;"
        yield "    default:"
        yield "        return 1;"
        yield "    }"
        yield "}"

    def _arguments(self, mode: str) -> list[str]:
        step = [f"const {self.real} *scalar", "ptrdiff_t row"]
        step += ["ptrdiff_t next"] if mode == "regular" else []
        return [f"ptrdiff_t count, const {self.prefix}_step *steps",
                ", ".join(step), f"const {self.real} *vector, {self.real} *sum, int join"]

    def _tile(self, mode: str, rows: int, vectors: int) -> Iterator[str]:
        vector = f"{self.prefix}_vector"
        yield ""
        yield f"static void {self.prefix}_{mode}_{rows}x{vectors}("
        arguments = self._arguments(mode)
        yield from (f"    {line}{',' if line is not arguments[-1] else ')'}" for line in arguments)
        yield "{"
        yield f"    {self.prefix}_part *const to = ({self.prefix}_part *)sum;"
        for row in range(rows):
            yield f"    {vector} {', '.join(f's{row}{v} = {{0}}' for v in range(vectors))};"
        if rows == 1:
            yield "    (void)row;"
        yield "    for (ptrdiff_t k = 0; k < count; k++) {"
        yield (f"        const {self.prefix}_part *const x = "
               f"(const {self.prefix}_part *)(vector + steps[k].vector);")
        if mode == "regular":
            yield f"        const {self.real} *const a = scalar + k * next;"
        else:
            yield f"        const {self.real} *const a = scalar + steps[k].scalar;"
        yield f"        const {vector} {', '.join(f'x{v} = x[{v}]' for v in range(vectors))};"
        for row in range(rows):
            place = ("0", "row")[row] if row < 2 else f"{row} * row"
            yield "        " + " ".join(f"s{row}{v} += a[{place}] * x{v};" for v in range(vectors))
        yield "    }"
        yield "    if (join) {"
        for row in range(rows):
            yield "        " + " ".join(f"s{row}{v} += to[{row * vectors + v}];"
                                        for v in range(vectors))
        yield "    }"
        for row in range(rows):
            yield "    " + " ".join(f"to[{row * vectors + v}] = s{row}{v};"
                                    for v in range(vectors))
        yield "}"

    def _dispatch(self, mode: str, rows: Sequence[int]) -> Iterator[str]:
        yield ""
        yield f"static void {self.prefix}_{mode}(ptrdiff_t rows, ptrdiff_t vectors,"
        arguments = self._arguments(mode)
        yield from (f"    {line}{',' if line is not arguments[-1] else ')'}" for line in arguments)
        names = ["count", "steps", "scalar", "row", *(["next"] if mode == "regular" else []),
                 "vector", "sum", "join"]
        yield "{"
        yield "    switch (rows * 16 + vectors) {"
        for row in rows:
            for vectors in widths(row, self.registers):
                yield f"    case {row * 16 + vectors}:"
                yield f"        {self.prefix}_{mode}_{row}x{vectors}({', '.join(names)});"
                yield "        break;"
        yield "    default:"
        yield "        break;"
        yield "    }"
        yield "}"

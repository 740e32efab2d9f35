"""The innermost loops of tile plans: sums in registers, unrolled for rows and vectors.

A tile has rows x vectors sums, as many as the registers hold beside the vectors of a step and
one number: 6 x 2 of 16 registers, 8 x 3 of 32. Fewer rows leave room for more vectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from symconv.effort import split, widest
from symconv.emit.c_tile_shapes import heights, mode_of
from symconv.tiles import Tiles

_AT_ONCE = 128      # vectors of a dot product that are added up one after the other


@dataclass(frozen=True, slots=True)
class Machine:
    """The lines for processors with so many vector registers, under a test of the compiler."""

    test: str
    lines: list[str]


def machines(plans: Sequence[Tiles], prefix: str, real: str,
             tall: Sequence[int] = ()) -> list[Machine]:
    """The functions that the plans call: PREFIX_rows, _covering, _fitting, _regular, _scattered;
    and those of regular products with so many rows as `tall` tells."""
    many = "defined(__AVX512F__) || defined(__aarch64__)"
    return [Machine(test, list(_Registers(most, registers, plans, prefix, real, tall).lines()))
            for test, most, registers in ((many, 8, 32), (f"!({many})", 6, 16))]


def _times(number: int, name: str) -> str:
    return ("0", name)[number] if number < 2 else f"{number} * {name}"


@dataclass(frozen=True, slots=True)
class _Registers:
    most: int
    registers: int
    plans: Sequence[Tiles]
    prefix: str
    real: str
    tall: Sequence[int]

    def lines(self) -> Iterator[str]:
        tiles: dict[str, set[tuple[int, int]]] = {}
        every: set[int] = set()
        for rows in (block for whole in self.tall for block in split(whole, self.most)):
            every.add(rows)
            tiles.setdefault("regular", set()).update(
                (rows, vectors) for vectors in range(1, widest(rows, self.registers) + 1))
        for plan in self.plans:
            for rows, runs in heights(plan, self.most).items():
                every.add(rows)
                columns = 8 if plan.dots is None else plan.lanes[0].extent
                tiles.setdefault(mode_of(plan), set()).update(
                    (run, vectors) for run in runs
                    for vectors in range(1, min(columns, widest(rows, self.registers)) + 1))
        largest = max(rows * widest(rows, self.registers) for rows in every)
        yield "/* The sums of the largest tile; runs leave it in whole vectors. */"
        yield f"enum {{ {self.prefix}_MOST = {largest + 1} * {self.prefix}_LANES }};"
        if self.tall or not all(plan.low for plan in self.plans):
            yield from self._rows("rows", self.most)
        if any(plan.low for plan in self.plans):
            yield from self._rows("low", self.most // 2)
        yield from self._balanced(sorted(every))
        if self.tall or any(plan.dots is None for plan in self.plans):
            yield from self._covering()
        if any(plan.packing is None and plan.dots is None for plan in self.plans):
            yield from self._fitting()
        for mode, found in sorted(tiles.items()):
            for rows, vectors in sorted(found):
                yield from self._tile(mode, rows, vectors)
            yield from self._dispatch(mode, sorted(found))

    def _rows(self, name: str, most: int) -> Iterator[str]:
        yield ""
        yield f"/* The rows of the next tile: blocks of like height, at most {most}. */"
        yield f"static inline ptrdiff_t {self.prefix}_{name}(ptrdiff_t left)"
        yield "{"
        yield f"    const ptrdiff_t blocks = (left + {most - 1}) / {most};"
        yield "    return (left + blocks - 1) / blocks;"
        yield "}"

    def _balanced(self, every: Sequence[int]) -> Iterator[str]:
        yield ""
        yield "/* The vectors of the next tile, if so many are left: tiles of like width. */"
        yield f"static inline ptrdiff_t {self.prefix}_balanced(ptrdiff_t rows, ptrdiff_t vectors)"
        yield "{"
        most = {rows: widest(rows, self.registers) for rows in every}
        shown = "".join(f"rows == {rows} ? {most[rows]} : " for rows in every[:-1])
        yield f"    const ptrdiff_t most = {shown}{most[every[-1]]};"
        if len(every) == 1:
            yield "    (void)rows;"
        yield "    const ptrdiff_t tiles = (vectors + most - 1) / most;"
        yield "    return (vectors + tiles - 1) / tiles;"
        yield "}"

    def _covering(self) -> Iterator[str]:
        p = self.prefix
        yield ""
        yield f"static inline ptrdiff_t {p}_covering(ptrdiff_t rows, ptrdiff_t left)"
        yield "{"
        yield f"    return {p}_balanced(rows, (left + {p}_LANES - 1) / {p}_LANES);"
        yield "}"

    def _fitting(self) -> Iterator[str]:
        p = self.prefix
        yield ""
        yield "/* The same, but no wider than all lanes are. */"
        yield (f"static inline ptrdiff_t {p}_fitting(ptrdiff_t rows, ptrdiff_t left, "
               "ptrdiff_t lanes)")
        yield "{"
        yield f"    const ptrdiff_t vectors = {p}_covering(rows, left);"
        yield (f"    return vectors * {p}_LANES <= lanes ? vectors : "
               f"lanes / {p}_LANES;")
        yield "}"

    def _arguments(self, mode: str) -> list[str]:
        step = [f"const {self.real} *scalar", "ptrdiff_t row"]
        step += ["ptrdiff_t next"] if mode == "regular" else []
        step += ["ptrdiff_t column", "ptrdiff_t width"] if mode == "dots" else []
        pitch = "" if mode == "dots" else "ptrdiff_t pitch, "
        return [f"ptrdiff_t count, const {self.prefix}_step *steps",
                ", ".join(step), f"const {self.real} *vector, {self.real} *sum, {pitch}int join"]

    def _tile(self, mode: str, rows: int, vectors: int) -> Iterator[str]:
        vector = f"{self.prefix}_vector"
        yield ""
        yield f"static void {self.prefix}_{mode}_{rows}x{vectors}("
        arguments = self._arguments(mode)
        yield from (f"    {line}{',' if line is not arguments[-1] else ')'}" for line in arguments)
        yield "{"
        part = f"{self.prefix}_part"
        for row in range(rows):
            start = (f"sum + {row * vectors} * {self.prefix}_LANES" if mode == "dots"
                     else f"sum + {_times(row, 'pitch')}")
            yield f"    {part} *const to{row} = ({part} *)({start});"
        for row in range(rows):
            yield f"    {vector} {', '.join(f's{row}{v} = {{0}}' for v in range(vectors))};"
        if rows == 1:
            yield "    (void)row;"
            yield from [] if mode == "dots" else ["    (void)pitch;"]
        if vectors == 1 and mode == "dots":
            yield "    (void)column;"
        if mode == "dots":
            yield from self._products(rows, vectors)
        else:
            yield "#pragma GCC unroll 2"
            yield "    for (ptrdiff_t k = 0; k < count; k++) {"
            yield from self._multiples(mode, rows, vectors)
            yield "    }"
        yield from self._joining(rows, vectors, "    ")
        yield "}"

    def _joining(self, rows: int, vectors: int, pad: str) -> Iterator[str]:
        """The sums join those that are there."""
        yield f"{pad}if (join) {{"
        for row in range(rows):
            yield f"{pad}    " + " ".join(f"s{row}{v} += to{row}[{v}];" for v in range(vectors))
        yield f"{pad}}}"
        for row in range(rows):
            yield pad + " ".join(f"to{row}[{v}] = s{row}{v};" for v in range(vectors))

    def _products(self, rows: int, columns: int) -> Iterator[str]:
        """Steps of dot products: a vector of each row by one of each column, along the run. The
        sums of so many vectors join the others before the next ones are added up."""
        part, lanes = f"{self.prefix}_part", f"{self.prefix}_LANES"
        sums = [f"s{row}{v}" for row in range(rows) for v in range(columns)]
        yield "    ptrdiff_t taken = 0;"
        yield "    for (ptrdiff_t k = 0; k < count; k++) {"
        yield f"        const {self.real} *const a = scalar + steps[k].scalar;"
        yield f"        const {self.real} *const x = vector + steps[k].vector;"
        yield "        for (ptrdiff_t l = 0; l < width;) {"
        yield f"            if (taken >= {_AT_ONCE}) {{"
        yield from self._joining(rows, columns, "                ")
        yield f"                {' = '.join(sums)} = ({self.prefix}_vector){{0}};"
        yield "                join = 1;"
        yield "                taken = 0;"
        yield "            }"
        yield f"            const ptrdiff_t left = l + {_AT_ONCE} * {lanes};"
        yield "            const ptrdiff_t stop = left < width ? left : width;"
        yield f"            taken += (stop - l + {lanes} - 1) / {lanes};"
        yield f"            for (; l < stop; l += {lanes}) {{"
        for column in range(columns):
            yield (f"                const {self.prefix}_vector x{column} = "
                   f"*(const {part} *)(x + {_times(column, 'column')} + l);")
        for row in range(rows):
            yield (f"                const {self.prefix}_vector a{row} = "
                   f"*(const {part} *)(a + {_times(row, 'row')} + l);")
            yield "                " + " ".join(f"s{row}{v} += a{row} * x{v};"
                                                for v in range(columns))
        yield "            }"
        yield "        }"
        yield "    }"

    def _multiples(self, mode: str, rows: int, vectors: int) -> Iterator[str]:
        """A step of a tile: a number of each row by all vectors."""
        vector = f"{self.prefix}_vector"
        yield (f"        const {self.prefix}_part *const x = "
               f"(const {self.prefix}_part *)(vector + steps[k].vector);")
        if mode == "regular":
            yield f"        const {self.real} *const a = scalar + k * next;"
        else:
            yield f"        const {self.real} *const a = scalar + steps[k].scalar;"
        yield f"        const {vector} {', '.join(f'x{v} = x[{v}]' for v in range(vectors))};"
        for row in range(rows):
            yield "        " + " ".join(f"s{row}{v} += a[{_times(row, 'row')}] * x{v};"
                                        for v in range(vectors))

    def _dispatch(self, mode: str, tiles: Sequence[tuple[int, int]]) -> Iterator[str]:
        yield ""
        yield f"static void {self.prefix}_{mode}(ptrdiff_t rows, ptrdiff_t vectors,"
        arguments = self._arguments(mode)
        yield from (f"    {line}{',' if line is not arguments[-1] else ')'}" for line in arguments)
        own = {"regular": ["next"], "dots": ["column", "width"]}
        names = ["count", "steps", "scalar", "row", *own.get(mode, []), "vector", "sum",
                 *([] if mode == "dots" else ["pitch"]), "join"]
        yield "{"
        yield "    switch (rows * 16 + vectors) {"
        for rows, vectors in tiles:
            yield f"    case {rows * 16 + vectors}:"
            yield f"        {self.prefix}_{mode}_{rows}x{vectors}({', '.join(names)});"
            yield "        break;"
        yield "    default:"
        yield "        break;"
        yield "    }"
        yield "}"

"""Sheets in C: rows of an operand, copied column by column behind what stands in front of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import indented, loop
from symconv.emit.c_stencil_names import StencilNames
from symconv.integers import Int
from symconv.stencil import Pad, Sheet, Stencil

_FEW = 4        # lanes for which a loop over columns does not pay


def element_type(sheet: Sheet, spell: Spelling, whole: str) -> str:
    """The type of a sheet's elements: numbers, or places."""
    return whole if sheet.pad == "never" else spell.real


def room(plan: Stencil, spell: Spelling, own: StencilNames, whole: str) -> Iterator[str]:
    """Room for the rows of the operands that a band reads, unless they are read in place."""
    for number, sheet in enumerate(plan.sheets):
        if not sheet.direct:
            size = sheet.height(plan.band) * sheet.step * sheet.pitch(plan.lanes)
            yield (f"_Alignas(64) {element_type(sheet, spell, whole)} "
                   f"{own.sheet}_{number}[{size}];")


def bands(plan: Stencil, spell: Spelling, own: StencilNames, staged: Iterable[str],
          block: Iterable[str], test: str = "") -> Iterator[str]:
    """All rows, band by band while `test` holds: the sheets are `staged`, and every `block` of
    rows is computed."""
    yield (f"for (ptrdiff_t {own.band} = 0; {own.band} < {plan.rows}{test}; "
           f"{own.band} += {plan.band}) {{")
    yield from indented(staged)
    yield (f"    for (ptrdiff_t {own.top} = {own.band}; {own.top} < {band_stop(plan, spell, own)}; "
           f"{own.top} += {plan.block}) {{")
    yield from indented(block, 2)
    yield "    }"
    yield "}"


def band_stop(plan: Stencil, spell: Spelling, own: StencilNames) -> str:
    """Where the rows of the band that is set end."""
    stop = f"{own.band} + {plan.band}"
    return f"{spell.prefix}_min({stop}, {plan.rows})" if plan.rows % plan.band else stop


def staging(plan: Stencil, number: int, spell: Spelling, own: StencilNames,
            integers: Mapping[str, str], whole: str, rows: Int | None = None) -> Iterator[str]:
    """Fill a sheet for the band that is set, or for so many rows, wherever they begin; `integers`
    are stored types by tensor."""
    sheet = plan.sheets[number]
    kind = element_type(sheet, spell, whole)
    stored = integers.get(sheet.tensor, spell.real)
    size = sheet.step * sheet.pitch(plan.lanes)
    places = list(sheet.places)
    if sheet.axis is not None:
        places[sheet.axis] = (Int.of(own.band) * sheet.row_step + Int.of(own.at)
                              + sheet.rows[0])
    count = plan.rows if rows is not None else -(-plan.rows // plan.band) * plan.band
    tests = list(_tests(sheet, places, spell, count))
    offset = spell.offset(sheet.tensor, tuple(places))
    inside = [f"{kind} *const {own.to} = {own.sheet}_{number} + {own.at} * {size};"]
    if tests:
        inside += [f"if ({' || '.join(tests)}) {{",
                   *indented(_fill(own, 0, size, pad_text(sheet.pad, spell))),
                   "    continue;", "}"]
    inside += [f"const {stored} *const {own.source} = {sheet.tensor} + {offset};",
               *(fetched(own.source, spell.extents[sheet.tensor][-1], 0, spell)
                 if plan.ahead else ()),
               *_columns(plan, sheet, spell, own, stored, kind)]
    height = str(sheet.height(plan.band)) if rows is None else spell.integer(
        (rows - 1) * sheet.row_step + (sheet.rows[1] - sheet.rows[0] + 1))
    if tests:
        inside.append(f"{spell.prefix}_FENCE;")
    yield from loop(own.at, 0, height, inside)


def fetched(row: str, extent: Int, writes: int, spell: Spelling) -> Iterator[str]:
    """What lies behind a row is fetched, to be read or written soon."""
    yield f"{spell.prefix}_ahead({row}, {spell.integer(extent)} * sizeof *{row}, {writes});"


def pad_text(pad: Pad, spell: Spelling) -> str:
    """What stands outside of an operand."""
    suffix = "f" if spell.dtype == "float32" else ""
    infinity = "INFINITY" if suffix else "(double)INFINITY"
    match pad:
        case "zero":
            return f"0.0{suffix}"
        case "one":
            return f"1.0{suffix}"
        case "low":
            return f"-{infinity}"
        case "high":
            return infinity
        case "never":
            return "-1"
        case "unequal":
            return "NAN" if suffix else "(double)NAN"


def _tests(sheet: Sheet, places: list[Int], spell: Spelling, rows: int) -> Iterator[str]:
    """Where a row is outside of its operand, which so many rows of a plan read."""
    for axis, (place, valid) in enumerate(zip(places[:-1], sheet.valid[:-1], strict=True)):
        low, high = sheet.ends[axis]
        if axis == sheet.axis:
            low, high = sheet.rows[0], sheet.row_step * (rows - 1) + sheet.rows[1]
        if low < valid[0]:
            yield f"{spell.integer(place)} < {valid[0]}"
        if high >= valid[1]:
            yield f"{spell.integer(place)} >= {valid[1]}"


def _columns(plan: Stencil, sheet: Sheet, spell: Spelling, own: StencilNames, stored: str,
             kind: str) -> Iterator[str]:
    """One row: what stands in front, the columns by residue, and what stands behind."""
    step, origin, pitch = sheet.step, sheet.origin(), sheet.pitch(plan.lanes)
    low, stop = sheet.valid[-1]
    first = sheet.columns[0] // step
    last = plan.lanes + sheet.columns[1] // step
    spans = [(max(first, -(-(low - phase) // step)), min(last, -(-(stop - phase) // step)))
             for phase in range(step)]
    pad = pad_text(sheet.pad, spell)
    begin, end = max(span[0] for span in spans), min(span[1] for span in spans)
    end = max(begin, end)
    looped = step == 1 or plan.lanes > _FEW         # over the columns that all residues have
    for phase, (left, right) in enumerate(spans):
        at = phase * pitch + origin
        right = max(left, right)
        yield from _fill(own, at + first, at + left, pad)
        for column in range(left, right):
            if not (looped and begin <= column < end):
                yield from _copy(plan, sheet, own, str(column), [phase], stored, kind, spell)
        yield from _fill(own, at + right, at + last, pad)
    if looped:
        yield from loop(own.lane, begin, end, _copy(
            plan, sheet, own, own.lane, list(range(step)), stored, kind, spell))


def _copy(plan: Stencil, sheet: Sheet, own: StencilNames, column: str, phases: list[int],
          stored: str, kind: str, spell: Spelling) -> Iterator[str]:
    """One column of some residues; of an extremum a NaN is noticed here."""
    step, origin, pitch = sheet.step, sheet.origin(), sheet.pitch(plan.lanes)
    names: list[str] = []
    variable = not column.lstrip("-").isdigit()
    for phase in phases:
        if variable:
            here = spell.integer(Int.of(column) * step + phase)
            there = spell.integer(Int.of(column) + phase * pitch + origin)
        else:
            here = str(int(column) * step + phase)
            there = str(int(column) + phase * pitch + origin)
        cast = f"({kind})" if stored != kind else ""
        yield f"{own.to}[{there}] = {cast}{own.source}[{here}];"
        names.append(f"{own.source}[{here}]")
    if plan.sheets.index(sheet) in plan.noticed:
        pairs = [(names[n], names[min(n + 1, len(names) - 1)]) for n in range(0, len(names), 2)]
        tests = " | ".join(f"isunordered({left}, {right})" for left, right in pairs)
        yield f"{own.odd}[{column}] |= {tests};"


def _fill(own: StencilNames, begin: int, end: int, pad: str) -> Iterator[str]:
    if end - begin == 1:
        yield f"{own.to}[{begin}] = {pad};"
    elif end > begin:
        yield from loop(own.lane, begin, end, [f"{own.to}[{own.lane}] = {pad};"])

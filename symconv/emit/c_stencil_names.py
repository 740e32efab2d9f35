"""The names that the lines of a stencil plan share."""

from __future__ import annotations

from dataclasses import dataclass, fields

from symconv.names import fresh


@dataclass(frozen=True, slots=True)
class StencilNames:
    """Locals of the emitted loops, apart from the names of the program.

    `band`: the first row of a band, `top`: of a block of rows, `lane`: the lane; `at`: a row of
    a sheet; `to`, `there`, `source`: rows in memory; `out`, `spot`: lanes that wait to be
    written; `kept`: places that no target gets, or sums of the turns before; `run` of lanes, from
    `first` on; `next`: where a band ends; `odd`: what must not be, by lane; `bad`: the element
    loops are needed.

    With numbers behind them: `total`, `best` and `place`, a sum, an extremum and where it is, by
    line and cell; `sheet`, `factor` and `value`, the sheets, scalars and reads of a plan.
    """

    band: str
    top: str
    lane: str
    at: str
    to: str
    there: str
    source: str
    out: str
    spot: str
    odd: str
    bad: str
    total: str
    best: str
    place: str
    next: str
    run: str
    first: str
    sheet: str
    factor: str
    value: str
    kept: str

    @staticmethod
    def beside(used: set[str]) -> StencilNames:
        """Names that are free, with numbers behind them too."""
        return StencilNames(*(_apart(field.name, used) for field in fields(StencilNames)))


def _apart(stem: str, used: set[str]) -> str:
    """A name that is free, with numbers behind it too."""
    while any(name.startswith(f"{stem}_") for name in used):
        stem += "s"
    return fresh(stem, used)

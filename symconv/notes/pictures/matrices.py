"""Jacobians drawn: which entries can be nonzero, and small ones written out in symbols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from symconv.notes.pictures.canvas import Drawing, Label, Rect, Role, Shape

if TYPE_CHECKING:
    import sympy

_WRITTEN = 16                       # columns up to which entries are written into the cells
_SHADES: tuple[Role, ...] = ("kernel-soft", "input-soft", "output-soft", "warn-soft", "faint")
_EDGES: tuple[Role, ...] = ("kernel", "input", "output", "warn", "muted")


def pattern(matrix: sympy.Matrix, rows: str = "outputs", columns: str = "inputs") -> Drawing:
    """The matrix with a square where an entry is not 0; equal entries have equal colours.

    Up to 16 columns the entries are written out, and rows and columns are numbered from 0.
    """
    written = matrix.cols <= _WRITTEN
    cell = 40.0 if written else max(4.0, min(18.0, 620.0 / max(matrix.cols, 1)))
    left, top = 44.0, 40.0
    colours: dict[object, int] = {}
    shapes: list[Shape] = [Rect(left, top, matrix.cols * cell, matrix.rows * cell, "paper",
                                "muted", 1.2)]
    for row in range(matrix.rows):
        for column in range(matrix.cols):
            entry = matrix[row, column]
            x, y = left + column * cell, top + row * cell
            if entry != 0:
                shade = colours.setdefault(entry, len(colours)) % len(_SHADES)
                shapes.append(Rect(x, y, cell, cell, _SHADES[shade], _EDGES[shade],
                                   0.9 if written else 0.4))
            if written:
                shapes.append(Label(x + cell / 2, y + cell / 2 + 5,
                                    _written(entry), 14 if entry != 0 else 12, math=entry != 0,
                                    fill="ink" if entry != 0 else "muted"))
    if written:
        shapes += [Label(left + (column + .5) * cell, top - 6, str(column), 11, fill="muted")
                   for column in range(matrix.cols)]
        shapes += [Label(left - 7, top + (row + .5) * cell + 4, str(row), 11, "end", "muted")
                   for row in range(matrix.rows)]
    shapes += [Label(left, 16, f"{columns}: {matrix.cols}", 12, "start", "muted"),
               Label(left + matrix.cols * cell + 10, top + 14, f"{rows}: {matrix.rows}", 12,
                     "start", "muted")]
    return Drawing(left + matrix.cols * cell + 104, top + matrix.rows * cell + 12, tuple(shapes))


def _written(entry: sympy.Basic) -> str:
    """w[0,0,1,0] as w with the indices that are not leading zeros of a batch or channel."""
    import sympy

    if isinstance(entry, sympy.Indexed):
        indices = [str(index) for index in entry.indices]
        while len(indices) > 2 and indices[0] == "0":
            indices = indices[1:]
        comma = "" if all(len(index) == 1 for index in indices) else ","
        return f"{entry.base}_{{{comma.join(indices)}}}"
    return str(entry)


def columns_of(matrix: sympy.Matrix) -> Sequence[int]:
    """How many entries of each column are not 0."""
    return [sum(matrix[row, column] != 0 for row in range(matrix.rows))
            for column in range(matrix.cols)]

"""A Jacobian written out as a matrix, in plain text and in LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symconv.report.style import Style

if TYPE_CHECKING:
    import sympy


def matrix_text(matrix: sympy.Matrix) -> str:
    """One line per output element; columns aligned."""
    cells = [[_plain(entry) for entry in row] for row in _rows(matrix)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "".join("[ " + "  ".join(cell.rjust(width) for cell, width
                                    in zip(row, widths, strict=True)) + " ]\n" for row in cells)


def matrix_latex(matrix: sympy.Matrix) -> str:
    """A displayed array; as wide as needed, so that no limit of columns applies."""
    import sympy

    rows = [" & ".join(sympy.latex(entry) for entry in row) for row in _rows(matrix)]
    body = " \\\\\n".join(rows)
    columns = "c" * matrix.cols
    return f"\\[\n\\left[\\begin{{array}}{{{columns}}}\n{body}\n\\end{{array}}\\right]\n\\]\n"


def restyled_matrix(matrix: sympy.Matrix, style: Style) -> sympy.Matrix:
    """The matrix in another notation: transposed in denominator layout, and with the indices of
    its symbols counted from the base."""
    import sympy

    if style.base:
        matrix = matrix.applyfunc(lambda entry: entry.replace(
            lambda part: isinstance(part, sympy.Indexed),
            lambda part: part.base[tuple(index + style.base for index in part.indices)]))
    return matrix.T if style.layout == "denominator" else matrix


def _rows(matrix: sympy.Matrix) -> list[list[Any]]:
    return [[matrix[row, column] for column in range(matrix.cols)] for row in range(matrix.rows)]


def _plain(entry: Any) -> str:
    return str(entry).replace(", ", ",")

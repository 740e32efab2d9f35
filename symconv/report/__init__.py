"""Reports: derivations and definitions as LaTeX, Markdown, HTML, plain text and JSON.

    story.py      what is told: steps, sentences, formulas, conventions
    formula.py    a definition as a formula (rows, bodies, symbols, classes below it)
    words.py      the sentences, per language
    style.py      notation where the literature differs
    mathml.py     formulas as MathML
    formats.py    the story in each format, through the skeletons in templates/report
    matrix.py     a Jacobian as a matrix
"""

from __future__ import annotations

from symconv.report.formats import formula_html, html, html_fragment, json, latex, markdown, text
from symconv.report.formula import program_formula, program_latex
from symconv.report.matrix import matrix_latex, matrix_text, restyled_matrix
from symconv.report.style import Style

__all__ = ["Style", "formula_html", "html", "html_fragment", "json", "latex", "markdown",
           "matrix_latex", "matrix_text", "program_formula", "program_latex", "restyled_matrix",
           "text"]

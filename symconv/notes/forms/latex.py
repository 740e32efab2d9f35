r"""The notes in LaTeX: a document, and a fragment per chapter for \input.

A fragment needs amsmath, booktabs, array, graphicx, xcolor with the colours of the pictures, and
tikz; what else it uses it provides itself. Numbers are set by symconv, so that a
chapter on its own bears the same numbers as in the whole. Displays that are wider than the line
are set smaller.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from symconv.glossary import TERMS
from symconv.notes.forms.words import FIXED, Fixed
from symconv.notes.inline import Code, Inline, Marked, Math, Plain, Reference, plain
from symconv.notes.model import Lang
from symconv.notes.pictures.tikz import colours, tikz
from symconv.notes.typeset import (
    Display,
    Grid,
    Head,
    Item,
    Line,
    List,
    Page,
    Paragraph,
    Picture,
    Verbatim,
    figures,
)
from symconv.render import render

_CLASSES = {"en": r"\documentclass[10pt,a4paper]{article}",
            "zh": r"\documentclass[10pt,a4paper,fontset=fandol,scheme=plain]{ctexart}"}
_SPECIAL = re.compile(r"[&%$#_{}~^\\<>|\"]")
_ESCAPES = {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}",
            "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
            '"': r"\textquotedbl{}"}
_UNICODE = {"−": "$-$", "×": r"$\times$", "≤": r"$\le$", "≥": r"$\ge$", "δ": r"$\delta$",
            "→": r"$\to$", "≠": r"$\ne$", "∂": r"$\partial$", "·": r"$\cdot$", "ℝ": r"$\mathbb{R}$"}
# a caption stays with its table or picture
_KEPT = "\\begin{center}\\begin{minipage}{\\linewidth}\\centering\n"
_END_KEPT = "\\end{minipage}\\end{center}"
_LINE = 84                              # characters of a table that fit a line
_NARROW = 26                            # a column that is never broken


def document(pages: Sequence[Page], lang: Lang) -> str:
    r"""The main file, which reads the chapters by \input."""
    fixed = FIXED[lang]
    return render("notes/document.tex.jinja", documentclass=_CLASSES[lang], title=fixed.title,
                  subtitle=fixed.subtitle, colours=colours(), contents=fixed.contents,
                  chapters=[file_name(page, lang) for page in pages], glossary=fixed.glossary,
                  heads=fixed.terms, terms=[(escaped(term.en), escaped(term.zh)) for term in TERMS],
                  chinese=lang == "zh")


def file_name(page: Page, lang: Lang) -> str:
    """Where the fragment of a chapter lies, relative to the main file."""
    return f"{lang}/ch{page.number:02}.tex"


def chapter(page: Page, lang: Lang) -> str:
    r"""The fragment of a chapter."""
    fixed = FIXED[lang]
    title = fixed.chapter.format(page.number, line(page.title))
    return render("notes/chapter.tex.jinja", title=title, anchor=page.anchor,
                  short=_unmarked(fixed.chapter.format(page.number, plain(page.title))),
                  items=[_item(item, fixed) for item in page.items])


def escaped(text: str) -> str:
    """Plain text in which no character means anything to LaTeX."""
    return "".join(_UNICODE.get(character, character) for character in _unmarked(text))


def _unmarked(text: str) -> str:
    return _SPECIAL.sub(lambda found: _ESCAPES.get(found[0], "\\" + found[0]), text)


def line(nodes: Sequence[Inline]) -> str:
    """Inline content as LaTeX."""
    return "".join(map(_node, nodes))


def _node(node: Inline) -> str:
    match node:
        case Plain(text):
            return escaped(text)
        case Math(latex):
            return f"${latex}$"
        case Code(text):
            return rf"\sccode{{{_breakable(escaped(text))}}}"
        case Marked(strong, inside):
            return rf"\{'textbf' if strong else 'emph'}{{{line(inside)}}}"
        case Reference(anchor, label):
            return rf"\scref{{{anchor}}}{{{escaped(label)}}}"


def _breakable(code: str) -> str:
    """Code that may be broken after commas and underscores."""
    return code.replace(r"\_", r"\_\allowbreak{}").replace(",", r",\allowbreak{}")


def _item(item: Item, fixed: Fixed) -> str:
    match item:
        case Head(inside):
            return rf"\subsection*{{{line(inside)}}}"
        case Paragraph(inside, kind):
            return _paragraph(inside, kind, fixed)
        case List(items, ordered):
            name = "enumerate" if ordered else "itemize"
            entries = "\n".join(rf"\item {line(entry)}" for entry in items)
            return f"\\begin{{{name}}}\n{entries}\n\\end{{{name}}}"
        case Display(latex, number, anchor):
            if not number:
                return f"\\[\n\\scfit{{{latex}}}\n\\]"
            return (f"\\begin{{equation*}}\n\\sctarget{{{anchor}}}\\scfit{{{latex}}}\n"
                    f"\\tag*{{({number})}}\n\\end{{equation*}}")
        case Grid():
            return _grid(item, fixed)
        case Picture(_, drawing, _, caption, number, anchor):
            return (f"{_KEPT}"
                    f"\\sctarget{{{anchor}}}{tikz(drawing)}\n\n\\nopagebreak\\smallskip\n"
                    rf"\sccaption{{{fixed.figure} {number}.}} {line(caption)}"
                    f"\n{_END_KEPT}")
        case Verbatim(text):
            return f"\\begin{{verbatim}}\n{text.rstrip()}\n\\end{{verbatim}}"


def _paragraph(inside: Line, kind: str, fixed: Fixed) -> str:
    shown, lead = line(inside), fixed.kinds.get(kind, "")
    if "{}" in lead:
        return rf"\scquote{{{lead.format(shown)}}}"
    shown = rf"\textup{{\textbf{{{lead}}}}} {shown}" if lead else shown
    return rf"\scquote{{{shown}}}" if kind == "question" else shown


def _grid(grid: Grid, fixed: Fixed) -> str:
    """A table whose long columns share what the short ones leave of the line."""
    lengths = [max((_length(row[place]) for row in (grid.header, *grid.rows)), default=1)
               for place in range(len(grid.header))]
    sides = ["r" if column else "l" for column in figures(grid)]
    if sum(lengths) <= _LINE:
        columns = "".join(sides)
    else:
        long = [length for length in lengths if length > _NARROW]
        room = max(0.25, 0.96 - sum(length for length in lengths if length <= _NARROW)
                   / _LINE - 0.03 * len(lengths))
        columns = "".join(side if length <= _NARROW else
                          rf">{{\raggedright\arraybackslash}}p{{{room * length / sum(long):.3f}"
                          r"\linewidth}" for side, length in zip(sides, lengths, strict=True))
    head = " & ".join(line(cell) for cell in grid.header)
    body = "\n".join(" & ".join(line(cell) for cell in row) + r" \\" for row in grid.rows)
    high = any("frac" in node.latex for row in grid.rows for cell in row for node in cell
               if isinstance(node, Math))
    stretch = "\\renewcommand{\\arraystretch}{1.35}" if high else ""
    return (f"{_KEPT}\\sctarget{{{grid.anchor}}}"
            rf"\sccaption{{{fixed.table} {grid.number}.}} {line(grid.caption)}"
            "\n\n\\nopagebreak\\smallskip\n"
            f"{stretch}\\scfittext{{\\begin{{tabular}}{{{columns}}}\n\\toprule\n"
            f"{head} \\\\\n\\midrule\n"
            f"{body}\n\\bottomrule\n\\end{{tabular}}}}\n{_END_KEPT}")


def _length(cell: Line) -> int:
    """About how many characters a cell is wide; one of Chinese counts as two."""
    total = 0
    for node in cell:
        match node:
            case Math(latex):
                total += len(re.sub(r"\\[A-Za-z]+|[{}_^\\]", "", latex)) + 1
            case Marked(_, inside):
                total += _length(inside)
            case Plain(text) | Code(text) | Reference(_, text):
                total += sum(1 + (ord(character) > 0x2E80) for character in text)
    return total

"""A chapter in one language: numbered, filled with its computed values, ready to be printed.

The forms (LaTeX, HTML, Markdown, JSON) print what is made here and decide nothing themselves.
Displays, tables and figures are numbered together within a chapter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from symconv.errors import ParameterError
from symconv.notes.inline import Inline, Math, Plain, Reference, filled, inline
from symconv.notes.model import (
    Block,
    Chapter,
    Computed,
    DerivationBlock,
    Example,
    Figure,
    Formula,
    Heading,
    Identity,
    Items,
    Lang,
    Listing,
    Misstatement,
    Prose,
    Question,
    Table,
    Text,
    once,
    text_in,
)

if TYPE_CHECKING:
    from symconv.notes.pictures.canvas import Drawing

Line: TypeAlias = tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """A section heading."""

    inline: Line


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; `kind` tells "prose", "example", "question", "answer", "said", "refuted",
    "step" (of a derivation) or "note"."""

    inline: Line
    kind: str = "prose"


@dataclass(frozen=True, slots=True)
class List:
    """A list."""

    items: tuple[Line, ...]
    ordered: bool


@dataclass(frozen=True, slots=True)
class Display:
    """A displayed formula; without a number where it is a step of a derivation."""

    latex: str
    number: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A table."""

    header: tuple[Line, ...]
    rows: tuple[tuple[Line, ...], ...]
    caption: Line
    number: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure; `moving` is the HTML that may stand in its place."""

    name: str
    drawing: Drawing
    moving: str | None
    caption: Line
    number: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text as it is, line by line."""

    text: str


Item: TypeAlias = Head | Paragraph | List | Display | Grid | Picture | Verbatim


@dataclass(frozen=True, slots=True)
class Page:
    """A chapter, set in one language."""

    number: int
    anchor: str
    title: Line
    items: tuple[Item, ...]


def figures(grid: Grid) -> tuple[bool, ...]:
    """Which columns of a table hold numbers alone, and are set flush right; the first one tells
    what a row is about, and is not."""
    columns = [[_source(row[place]) for row in grid.rows] for place in range(len(grid.header))]
    return tuple(place > 0 and all(map(_COUNT.fullmatch, column))
                 for place, column in enumerate(columns))


def _source(cell: Line) -> str:
    return "".join(node.latex if isinstance(node, Math) else "?" for node in cell)


_COUNT = re.compile(r"[\d\\,. ]*")
_NUMBERED = (Formula, Identity, Computed, DerivationBlock, Table, Figure)


def anchors(chapters: Sequence[Chapter], lang: Lang) -> dict[str, Reference]:
    """What [[key]] stands for. Raises ParameterError where a key occurs twice."""
    found: dict[str, Reference] = {}
    for chapter in chapters:
        word = f"chapter {chapter.number}" if lang == "en" else f"第 {chapter.number} 章"
        found[str(chapter.number)] = Reference(f"ch{chapter.number}", word)
        for block, number in numbered(chapter):
            if block.key in found:
                raise ParameterError(f"the key {block.key!r} is used twice in the notes")
            if block.key:
                found[block.key] = Reference(f"n{number.replace('.', '-')}", _label(block, number,
                                                                                    lang))
    return found


def numbered(chapter: Chapter) -> Iterator[tuple[Formula | Identity | Computed | DerivationBlock
                                                 | Table | Figure, str]]:
    """The blocks that bear a number, each with it."""
    count = 0
    for block in chapter.blocks:
        if isinstance(block, _NUMBERED):
            count += 1
            yield block, f"{chapter.number}.{count}"


def page(chapter: Chapter, lang: Lang, known: Mapping[str, Reference]) -> Page:
    """A chapter in a language."""
    numbers = iter([number for _, number in numbered(chapter)])
    items: list[Item] = []
    for block in chapter.blocks:
        number = next(numbers) if isinstance(block, _NUMBERED) else ""
        items += _set(block, lang, known, number)
    return Page(chapter.number, f"ch{chapter.number}", inline(chapter.title.get(lang), known),
                tuple(items))


def _set(block: Block, lang: Lang, known: Mapping[str, Reference], number: str) -> list[Item]:
    def line(text: Text, values: Mapping[str, object] | None = None) -> Line:
        return inline(filled(text_in(text, lang), values), known)

    anchor = f"n{number.replace('.', '-')}"
    match block:
        case Heading(words):
            return [Head(line(words))]
        case Prose(words, values):
            return [Paragraph(line(words, once(values) if values else None))]
        case Items(words, ordered):
            return [List(tuple(map(line, words)), ordered)]
        case Formula(latex, _, _, values):
            shown = filled(text_in(latex, lang), once(values) if values else None)
            return [Display(shown, number, anchor)]
        case Identity():
            return [Display(identity_latex(block), number, anchor)]
        case Computed():
            return [Display(computed_latex(block), number, anchor)]
        case DerivationBlock():
            return _derivation(block, lang, number, anchor)
        case Table(header, rows, _, caption):
            cells = tuple(tuple(line(cell) for cell in row) for row in once(rows))
            return [Grid(tuple(map(line, header)), cells, line(caption), number, anchor)]
        case Figure(name, draw, caption, _, moving):
            return [Picture(name, draw(lang), moving(lang) if moving else None, line(caption),
                            number, anchor)]
        case Example(words, compute, _):
            return [Paragraph(line(words, once(compute)), "example")]
        case Listing(text, _):
            return [Verbatim(text)]
        case Question(asked, answer, _, values):
            found = once(values) if values else None
            return [Paragraph(line(asked, found), "question"),
                    Paragraph(line(answer, found), "answer")]
        case Misstatement(said, refuted, _, values):
            found = once(values) if values else None
            return [Paragraph(line(said, found), "said"), Paragraph(line(refuted, found),
                                                                    "refuted")]


def _label(block: Block, number: str, lang: Lang) -> str:
    match block:
        case Table():
            return f"table {number}" if lang == "en" else f"表 {number}"
        case Figure():
            return f"figure {number}" if lang == "en" else f"图 {number}"
    return f"({number})"


def identity_latex(block: Identity) -> str:
    """The sides of an identity, printed by SymPy."""
    import sympy

    sides = [sympy.latex(side) for side in once(block.sides)]
    return " = ".join(([block.left] if block.left else []) + sides)


def computed_latex(block: Computed) -> str:
    """A definition, printed by the engine."""
    from symconv.report.formula import aligned, definition_formula
    from symconv.report.symbols import Notation

    program = block.operator().for_shapes(block.shapes).definition
    notation = Notation.of(program)
    return aligned([definition_formula(d, notation) for d in program.definitions])


def _derivation(block: DerivationBlock, lang: Lang, number: str, anchor: str) -> list[Item]:
    from symconv.notes.examine import derived
    from symconv.report.story import story
    from symconv.report.words import LANGUAGES

    told, words = story(derived(block), lang, block.depth), LANGUAGES[lang]
    items: list[Item] = []
    for place, line in enumerate(told.lines):
        if line.sentence:
            items.append(Paragraph((Plain(f"{line.title}{words.colon}{line.sentence}"),), "step"))
        last = place == len(told.lines) - 1
        items.append(Display(line.formula, number if last else "", anchor if last else ""))
    if told.conventions:
        items.append(Paragraph((Plain(words.space.join(told.conventions)),), "note"))
    return items

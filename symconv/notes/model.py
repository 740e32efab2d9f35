"""What the lecture notes are made of: chapters of blocks, each block with its own check.

A block that states something brings a `check`, a function without arguments that returns True
where the statement holds. The builder runs every check before anything is rendered; one that
returns anything else, or raises, stops the build. Blocks hold data and functions and compute
nothing themselves, so that importing a chapter is cheap.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import sympy

    from symconv.notes.pictures.canvas import Drawing
    from symconv.operator import Operator

Lang: TypeAlias = Literal["en", "zh"]
Check: TypeAlias = Callable[[], bool]
Values: TypeAlias = Callable[[], Mapping[str, object]]
Shapes: TypeAlias = Mapping[str, tuple[int, ...]]

PLACE = re.compile(r"<<(\w+)>>")
REFERENCE = re.compile(r"\[\[([\w-]+)\]\]")


@dataclass(frozen=True, slots=True)
class Words:
    r"""The same text in both languages.

    Inline markup: $math$ (LaTeX), **strong**, *emphasis*, `code`, [[key]] for the number of a
    formula, table or figure, [[7]] for a chapter, and <<name>> for a computed value (inside math).
    Raises ValueError where dollar signs do not pair or the languages differ in their
    references or computed values: one of the two would say less.
    """

    en: str
    zh: str

    def __post_init__(self) -> None:
        for text in (self.en, self.zh):
            if text.replace(r"\$", "").count("$") % 2:
                raise ValueError(f"a dollar sign has no partner: {text}")
        for pattern in (PLACE, REFERENCE):
            if set(pattern.findall(self.en)) != set(pattern.findall(self.zh)):
                raise ValueError(f"English and Chinese differ in {pattern.pattern}: {self.en}")

    def get(self, lang: Lang) -> str:
        """The text in a language."""
        return self.en if lang == "en" else self.zh


@lru_cache(maxsize=2048)
def once(compute: Callable[[], Any]) -> Any:
    """What a function of a block returns, computed once for its check and for all forms."""
    return compute()


Text: TypeAlias = Words | str          # a plain string reads the same in both languages


def text_in(text: Text, lang: Lang) -> str:
    """A text in a language."""
    return text if isinstance(text, str) else text.get(lang)


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a section."""

    words: Words


@dataclass(frozen=True, slots=True)
class Prose:
    """One paragraph. `values` fills in what it mentions; what it claims beyond the displays beside
    it needs a `check`."""

    words: Words
    values: Values | None = None
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """A list, numbered where `ordered`; `check` as in a paragraph."""

    words: tuple[Words, ...]
    ordered: bool = False
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class Formula:
    r"""A displayed, numbered line. `latex` is the inside of one display: use \begin{aligned} for
    several lines; <<name>> takes a value of `values`."""

    latex: Text
    check: Check
    key: str = ""
    values: Values | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """A displayed equality of two or more SymPy expressions, printed by SymPy.

    Its check is that all differences vanish, by simplification and at random rational points.
    `left` is put in front, as in r"\\sigma'(x)", where the first expression is a name's meaning.
    """

    sides: Callable[[], Sequence[sympy.Expr]]
    left: str = ""
    key: str = ""
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class Computed:
    """The definition of an operator, printed by the engine.

    Its check compares the interpreter with `against`, an independent function of the operands
    (object arrays of exact numbers, by keyword) on random exact inputs of the given shapes.
    """

    operator: Callable[[], Operator]
    shapes: Shapes
    against: Callable[..., Any]
    params: Mapping[str, int] | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class DerivationBlock:
    """A derivation with every step, printed by `symconv.report`.

    Each step is checked on random exact inputs of `shapes` (with `params` for symbolic
    parameters): rewriting steps keep the value, and the derivative agrees with exact
    differences of the interpreter.
    """

    operator: Callable[[], Operator]
    shapes: Shapes
    kind: Literal["vjp", "jvp", "jacobian"] = "vjp"
    wrt: tuple[str, ...] = ()
    depth: Literal["result", "steps", "full"] = "steps"
    params: Mapping[str, int] | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `rows` computes the cells (a Words, or a string with inline markup)."""

    header: tuple[Text, ...]
    rows: Callable[[], Sequence[Sequence[Text]]]
    check: Check
    caption: Words
    key: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture that `draw` computes. `moving` gives the fragment of HTML (an animated SVG, or a
    page with controls) that stands in its place where a reader can use it."""

    name: str
    draw: Callable[[Lang], Drawing]
    caption: Words
    check: Check
    moving: Callable[[Lang], str] | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """Worked numbers: a paragraph whose <<names>> are `values`, computed by the engine.

    `expected` are the same values found independently (by hand, or from a book); the check is
    that both agree exactly. Values may be numbers or nested lists of numbers.
    """

    words: Words
    values: Values
    expected: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines of a definition, a session or a command, shown as they are."""

    text: str
    check: Check


@dataclass(frozen=True, slots=True)
class Question:
    """A question that people ask, and its answer; `check` holds what the answer claims."""

    asked: Words
    answer: Words
    check: Check
    values: Values | None = None


@dataclass(frozen=True, slots=True)
class Misstatement:
    """A common misstatement, quoted, and its refutation by a derivation or a number.

    `check` returns True where the statement *fails* as the refutation says.
    """

    said: Words
    refuted: Words
    check: Check
    values: Values | None = None


Block: TypeAlias = (Heading | Prose | Items | Formula | Identity | Computed | DerivationBlock
                    | Table | Figure | Example | Listing | Question | Misstatement)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter. `number` orders the notes and is part of every number in it."""

    number: int
    title: Words
    blocks: tuple[Block, ...]

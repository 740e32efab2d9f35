"""Chapters 1 to 6 of the notes: every line holds, and a wrong number or rule is noticed."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sympy")

from symconv.notes import chapters, checking
from symconv.notes.examine import NotesError, examine, summary
from symconv.notes.model import (
    PLACE,
    Block,
    Chapter,
    DerivationBlock,
    Example,
    Formula,
    Table,
    Words,
)
from symconv.notes.typeset import Display, Grid, anchors, numbered, page

NUMBERS = (1, 2, 3, 4, 5, 6)
MOST_PRINTED = 95                 # characters of the widest line of a display, commands left out


def load(number: int) -> Chapter:
    module = importlib.import_module(f"symconv.notes.chapters.ch{number:02d}")
    found: Chapter = module.chapter()
    return found


CHAPTERS = {number: load(number) for number in NUMBERS}
BLOCKS = [pytest.param(number, place, id=f"{number}-{place}")
          for number, chapter in CHAPTERS.items() for place in range(len(chapter.blocks))]


def only(number: int, block: Block) -> Chapter:
    return Chapter(number, Words("", ""), (block,))


@pytest.mark.parametrize(("number", "place"), BLOCKS)
def test_every_block_holds(number: int, place: int) -> None:
    examine(CHAPTERS[number], place)


def examples() -> Iterator[Any]:
    for number, chapter in CHAPTERS.items():
        for place, block in enumerate(chapter.blocks):
            if isinstance(block, Example):
                yield pytest.param(number, block, id=f"{number}-{place}")


def bent(value: Any) -> Any:
    """The value with its first number changed."""
    if isinstance(value, list):
        return [bent(value[0]), *value[1:]]
    return value + "0" if isinstance(value, str) else value + Fraction(1)


@pytest.mark.parametrize(("number", "block"), list(examples()))
def test_a_wrong_number_in_an_example_is_noticed(number: int, block: Example) -> None:
    for name, value in block.expected.items():
        wrong = replace(block, expected={**block.expected, name: bent(value)})
        with pytest.raises(NotesError, match="expected"):
            examine(only(number, wrong), 0)


def test_every_number_that_an_example_states_is_expected_or_given() -> None:
    """What is printed from `values` alone are the operands, a matrix or two."""
    for chapter in CHAPTERS.values():
        for block in chapter.blocks:
            if isinstance(block, Example):
                free = set(PLACE.findall(block.words.en)) - set(block.expected)
                assert free <= {"x", "w", "a", "b", "third"}, summary(block)


def checked() -> Iterator[Any]:
    for number, chapter in CHAPTERS.items():
        for place, block in enumerate(chapter.blocks):
            if isinstance(block, Formula | Table):
                yield pytest.param(number, block, id=f"{number}-{place}")


@pytest.mark.parametrize(("number", "block"), list(checked()))
def test_a_line_that_asks_the_interpreter_notices_one_wrong_answer(
        number: int, block: Formula | Table, monkeypatch: pytest.MonkeyPatch) -> None:
    true: Callable[..., dict[str, Any]] = checking._evaluate
    calls = 0

    def lying(*arguments: Any) -> dict[str, Any]:
        nonlocal calls
        calls += 1
        found = true(*arguments)
        return {name: array + 1 for name, array in found.items()} if calls == 1 else found

    monkeypatch.setattr(checking, "_evaluate", lying)
    try:
        examine(only(number, block), 0)
    except NotesError:
        return
    assert calls == 0, f"the check does not notice a wrong answer: {summary(block)}"


def test_a_wrong_rule_of_the_engine_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Residue classes shifted by one: the derivation of the strided gradient is refused."""
    from symconv.solve import Classes

    blocks = [block for block in CHAPTERS[6].blocks if isinstance(block, DerivationBlock)
              and block.key == "stride-two"]
    true = Classes.shift
    monkeypatch.setattr(Classes, "shift", lambda self, rho, first: true(self, rho, first) + 1)
    with pytest.raises(NotesError, match="gather"):
        examine(only(6, blocks[0]), 0)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_chapters_are_set_in_both_languages(lang: Any) -> None:
    known = dict(anchors(tuple(CHAPTERS.values()), lang))
    for number in range(7, 13):                       # chapters of other files
        known.setdefault(str(number), known["1"])
    for chapter in CHAPTERS.values():
        for item in page(chapter, lang, known).items:
            if isinstance(item, Display):
                for line in re.split(r"\\\\(?![a-z])", item.latex):
                    printed = re.sub(r"\\(?:operatorname|mathrm|text|begin\{[a-z]*\}|"
                                     r"end\{[a-z]*\}|[A-Za-z]+|.)|[{}_^&$ ]", "", line)
                    assert len(printed) <= MOST_PRINTED, (chapter.number, line)
            if isinstance(item, Grid):
                assert all(len(row) == len(item.header) for row in item.rows)


def test_the_figures_of_known_examples_stand_in_the_chapters() -> None:
    """Results that every textbook states, by chapter."""
    stated = {number: [block.expected for block in chapter.blocks if isinstance(block, Example)]
              for number, chapter in CHAPTERS.items()}
    assert any(found.get("y") == 28 and found.get("reverse") == [0, 4, 8, 12]
               for found in stated[3])
    assert any(found.get("y") == [1, 4, 10, 16, 17, 12] for found in stated[4])
    for y in ([[19, 25], [37, 43]], [[56, 72], [104, 120]]):
        assert any(found.get("y") == y for found in stated[6])
    assert any(found.get("last") == 4 for found in stated[6])


def test_no_check_is_a_constant() -> None:
    for file in sorted(Path(chapters.__path__[0]).glob("ch0[1-6]*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Lambda) and isinstance(node.body, ast.Constant)), file
            if isinstance(node, ast.FunctionDef):
                bare = [part for part in node.body if not isinstance(part, ast.Expr)]
                assert not (isinstance(bare[0], ast.Return)
                            and isinstance(bare[0].value, ast.Constant)), (file, node.name)


def test_keys_are_unique_and_numbers_run() -> None:
    keys = [block.key for chapter in CHAPTERS.values() for block, _ in numbered(chapter)
            if block.key]
    assert len(keys) == len(set(keys)) > 60

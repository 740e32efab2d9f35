"""Chapters 7 to 12 of the notes hold, and their checks notice what is broken."""

from __future__ import annotations

import importlib
from dataclasses import replace
from fractions import Fraction

import pytest

from symconv import ops
from symconv.notes import networks, winograd
from symconv.notes.counting import counted
from symconv.notes.examine import NotesError, examine
from symconv.notes.inline import formulas
from symconv.notes.model import Chapter, Example, Words, once
from symconv.notes.typeset import anchors, page

NUMBERS = (7, 8, 9, 10, 11, 12)


def _chapter(number: int) -> Chapter:
    made: Chapter = importlib.import_module(f"symconv.notes.chapters.ch{number:02d}").chapter()
    return made


def _others() -> list[Chapter]:
    return [Chapter(number, Words("x", "x"), ()) for number in range(1, 7)]


@pytest.mark.parametrize("number", NUMBERS)
def test_every_line_holds(number: int) -> None:
    chapter = _chapter(number)
    for place in range(len(chapter.blocks)):
        examine(chapter, place)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_chapter_is_set_with_its_references(lang: str) -> None:
    made = [_chapter(number) for number in NUMBERS]
    known = anchors([*_others(), *made], lang)
    for chapter in made:
        assert page(chapter, lang, known).items


@pytest.mark.parametrize("number", NUMBERS)
def test_a_wrong_expectation_is_refused(number: int) -> None:
    chapter = _chapter(number)
    found = [block for block in chapter.blocks if isinstance(block, Example)]
    if number == 12:                                        # questions and misstatements alone
        assert not found
        return
    for block in found:
        spoilt = replace(block, expected={name: [Fraction(123456, 7)] for name in block.expected})
        with pytest.raises(NotesError, match="is expected"):
            examine(Chapter(number, chapter.title, (spoilt,)), 0)


def _refused(number: int) -> list[str]:
    """The lines of a chapter whose checks object; nothing remembered from before."""
    once.cache_clear()
    chapter, found = _chapter(number), []
    for place in range(len(chapter.blocks)):
        try:
            examine(chapter, place)
        except NotesError as error:
            found.append(str(error))
    once.cache_clear()
    return found


def test_a_transposed_convolution_with_other_padding_is_noticed(
        monkeypatch: pytest.MonkeyPatch) -> None:
    make = ops.conv_transpose1d

    def wrong(*given: object, output_padding: int = 0, **named: object) -> object:
        return make(*given, output_padding=0, **named)

    monkeypatch.setattr(ops, "conv_transpose1d", wrong)
    refused = _refused(8)
    assert any("longer" in line for line in refused)
    assert len(refused) >= 3


def test_an_average_that_counts_the_padding_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    make = ops.avg_pool1d

    def wrong(*given: object, count_include_pad: bool = True, **named: object) -> object:
        return make(*given, **named)

    monkeypatch.setattr(ops, "avg_pool1d", wrong)
    assert len(_refused(9)) >= 3


def test_a_last_tie_instead_of_the_first_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    make = ops.max_pool1d

    def wrong(*given: object, ties: str = "first", **named: object) -> object:
        turned = {"first": "last", "last": "first"}.get(ties, ties)
        return make(*given, ties=turned, **named)

    monkeypatch.setattr(ops, "max_pool1d", wrong)
    assert any("first" in line for line in _refused(9))


def test_a_wrong_winograd_matrix_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    make = winograd.scheme

    def wrong(m: int, r: int, points: object = None) -> winograd.Scheme:
        found = make(m, r)
        broken = found.b.copy()
        broken[0, 0] = -broken[0, 0]
        return replace(found, b=broken)

    monkeypatch.setattr(winograd, "scheme", wrong)
    assert len(_refused(10)) >= 5


def test_a_bound_without_the_matrices_is_exceeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "gamma", lambda count: Fraction(1, 2 ** 31))
    assert any("gamma_K" in line for line in _refused(10))


def test_a_layer_of_another_width_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    wider = replace(networks.LENET[2], outputs=17)
    monkeypatch.setattr(networks, "LENET",
                        (*networks.LENET[:2], wider, *networks.LENET[3:]))
    refused = _refused(11)
    assert any("LeNet on" in line for line in refused)
    assert any("Xavier initialisation of LeNet" in line for line in refused)


def test_each_input_of_a_transposed_layer_meets_each_tap_once() -> None:
    found = counted(ops.conv_transpose2d(stride=2, bias=False), x=(1, 3, 4, 5), w=(3, 6, 2, 2))
    assert found.operations == 3 * 6 * 4 * 5 * 4
    assert found.shape == (1, 6, 8, 10)


def test_points_must_differ() -> None:
    with pytest.raises(ValueError, match="distinct"):
        winograd.scheme(2, 3, (0, 1, 1))


def test_no_formula_holds_chinese_outside_text() -> None:
    import re

    made = [_chapter(number) for number in NUMBERS]
    known = anchors([*_others(), *made], "zh")
    for chapter in made:
        for item in page(chapter, "zh", known).items:
            lines = [item.latex] if hasattr(item, "latex") else \
                list(formulas(item.inline)) if hasattr(item, "inline") else []
            for line in lines:
                bare = re.sub(r"\\text\{[^{}]*\}", "", line)
                assert not re.search(r"[\u3000-\u9fff\uff00-\uffef]", bare), line

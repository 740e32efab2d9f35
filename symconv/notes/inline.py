"""Inline markup of the notes, read into nodes: math, strong, emphasis, code, references."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from symconv.errors import ParameterError
from symconv.notes.model import PLACE
from symconv.notes.numbers import shown


@dataclass(frozen=True, slots=True)
class Plain:
    """Text as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Math:
    """Inline LaTeX."""

    latex: str


@dataclass(frozen=True, slots=True)
class Code:
    """Text in a fixed font."""

    text: str


@dataclass(frozen=True, slots=True)
class Marked:
    """Strong or emphasised inline content."""

    strong: bool
    inside: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """The number of something in the notes, linked to it."""

    anchor: str
    label: str


Inline: TypeAlias = Plain | Math | Code | Marked | Reference

_SIGNS = ((r" \times ", "×"), (r"\times ", "×"), (r"\times", "×"), (r"\,", " "), (r"\cdot", "·"))
_TOKEN = re.compile(r"(?P<math>(?<!\\)\$(?:\\.|[^$\\])+\$)|(?P<code>`[^`]+`)"
                    r"|\*\*(?P<strong>(?:\$[^$]*\$|[^*])+)\*\*|\*(?P<emph>(?:\$[^$]*\$|[^*])+)\*"
                    r"|\[\[(?P<key>[\w-]+)\]\]|(?P<dollar>\\\$)")
_OPENING = re.compile(r"(?:^|[.!?] )$")          # a sentence begins here


def filled(text: str, values: Mapping[str, object] | None) -> str:
    """The text with its <<names>> replaced by values. ParameterError where one is missing."""
    known = values or {}
    for name in PLACE.findall(text):
        if name not in known:
            raise ParameterError(f"<<{name}>> has no value in: {text}")
    return PLACE.sub(lambda found: shown(known[found[1]]), text)


def inline(text: str, anchors: Mapping[str, Reference]) -> tuple[Inline, ...]:
    """The nodes of a text. ParameterError where it refers to a key that nothing has."""
    found: list[Inline] = []
    start = 0
    for match in _TOKEN.finditer(text):
        if match.start() > start:
            found.append(Plain(text[start:match.start()]))
        node = _node(match, anchors)
        if isinstance(node, Reference) and _OPENING.search(text[:match.start()]):
            node = Reference(node.anchor, node.label[:1].upper() + node.label[1:])
        found.append(node)
        start = match.end()
    if start < len(text):
        found.append(Plain(text[start:]))
    return tuple(found)


def formulas(nodes: tuple[Inline, ...]) -> tuple[str, ...]:
    """Every formula among nodes."""
    found: list[str] = []
    for node in nodes:
        match node:
            case Math(latex):
                found.append(latex)
            case Marked(_, inside):
                found += formulas(inside)
    return tuple(found)


def plain(nodes: tuple[Inline, ...]) -> str:
    """The nodes as text without markup, as for a title."""
    parts = []
    for node in nodes:
        match node:
            case Plain(text) | Code(text):
                parts.append(text)
            case Math(latex):
                parts.append(_readable(latex))
            case Marked(_, inside):
                parts.append(plain(inside))
            case Reference(_, label):
                parts.append(label)
    return "".join(parts)


def _readable(latex: str) -> str:
    """A small formula as text: 3\\times 3 as 3×3."""
    for command, sign in _SIGNS:
        latex = latex.replace(command, sign)
    return re.sub(r"\\[A-Za-z]+ ?|[{}\\]", "", latex)


def _node(match: re.Match[str], anchors: Mapping[str, Reference]) -> Inline:
    if math := match["math"]:
        return Math(math[1:-1])
    if code := match["code"]:
        return Code(code[1:-1])
    if strong := match["strong"]:
        return Marked(True, inline(strong, anchors))
    if emphasised := match["emph"]:
        return Marked(False, inline(emphasised, anchors))
    if match["dollar"]:
        return Plain("$")
    key = match["key"]
    if key not in anchors:
        raise ParameterError(f"[[{key}]] refers to nothing in the notes")
    return anchors[key]

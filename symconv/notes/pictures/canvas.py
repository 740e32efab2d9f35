"""What drawings are made of: shapes on a plane whose y axis points down, in pixels.

Colours are roles, so that one drawing serves a light page, a dark page and print. The forms
(`svg`, `tikz`, `png`) draw the same shapes in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["ink", "muted", "faint", "paper", "input", "input-soft", "output",
                          "output-soft", "kernel", "kernel-soft", "warn", "warn-soft"]
Anchor: TypeAlias = Literal["start", "middle", "end"]

LIGHT: dict[Role, str] = {
    "ink": "#1d2330", "muted": "#667085", "faint": "#d5d9e2", "paper": "#ffffff",
    "input": "#1f6fd1", "input-soft": "#cfe3fb", "output": "#14804a", "output-soft": "#c9ecd8",
    "kernel": "#b45309", "kernel-soft": "#fde3c1", "warn": "#b42318", "warn-soft": "#fbd5d0",
}
DARK: dict[Role, str] = {
    "ink": "#e8ebf2", "muted": "#9aa4b5", "faint": "#3a4252", "paper": "#171b24",
    "input": "#7db5f7", "input-soft": "#1d3a5f", "output": "#6fd6a0", "output-soft": "#174531",
    "kernel": "#f5b35c", "kernel-soft": "#573a12", "warn": "#f6948a", "warn-soft": "#5d201b",
}
SCRIPT = re.compile(r"([_^])\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle from its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    fill: Role | None = None
    stroke: Role | None = "muted"
    thick: float = 1.0
    round: float = 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line, with a head at its end where `arrow`."""

    x1: float
    y1: float
    x2: float
    y2: float
    stroke: Role = "muted"
    thick: float = 1.2
    arrow: bool = False
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Polyline:
    """Lines through points."""

    points: tuple[tuple[float, float], ...]
    stroke: Role = "ink"
    thick: float = 1.5


@dataclass(frozen=True, slots=True)
class Circle:
    """A disc."""

    x: float
    y: float
    radius: float
    fill: Role | None = None
    stroke: Role | None = "muted"
    thick: float = 1.2


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text whose baseline is at y; `_{...}` and `^{...}` set a script.

    `math` sets letters in italics. Plain text otherwise: it may hold Chinese.
    """

    x: float
    y: float
    text: str
    size: float = 14.0
    anchor: Anchor = "middle"
    fill: Role = "ink"
    math: bool = False
    bold: bool = False


Shape: TypeAlias = Rect | Line | Polyline | Circle | Label


@dataclass(frozen=True, slots=True)
class Drawing:
    """Shapes on a sheet of the given size, in the order of painting."""

    width: float
    height: float
    shapes: tuple[Shape, ...]

    def texts(self) -> tuple[str, ...]:
        """What stands in the drawing, for checks and for readers who do not see it."""
        return tuple(shape.text for shape in self.shapes if isinstance(shape, Label))


def pieces(text: str) -> list[tuple[str, str]]:
    """A label as pairs (script, text), script being "", "_" or "^"."""
    found, start = [], 0
    for match in SCRIPT.finditer(text):
        if match.start() > start:
            found.append(("", text[start:match.start()]))
        found.append((match[1], match[2]))
        start = match.end()
    if start < len(text):
        found.append(("", text[start:]))
    return found


def moved(shapes: Iterable[Shape], dx: float, dy: float) -> tuple[Shape, ...]:
    """The shapes, shifted."""
    found: list[Shape] = []
    for shape in shapes:
        match shape:
            case Line(x1, y1, x2, y2, stroke, thick, arrow, dashed):
                found.append(Line(x1 + dx, y1 + dy, x2 + dx, y2 + dy, stroke, thick, arrow,
                                  dashed))
            case Polyline(points, stroke, thick):
                found.append(Polyline(tuple((x + dx, y + dy) for x, y in points), stroke, thick))
            case Rect(x, y, width, height, fill, stroke, thick, rounded):
                found.append(Rect(x + dx, y + dy, width, height, fill, stroke, thick, rounded))
            case Circle(x, y, radius, fill, stroke, thick):
                found.append(Circle(x + dx, y + dy, radius, fill, stroke, thick))
            case Label(x, y, text, size, anchor, fill, math, bold):
                found.append(Label(x + dx, y + dy, text, size, anchor, fill, math, bold))
    return tuple(found)


def below(drawings: Iterable[Drawing], gap: float = 18.0) -> Drawing:
    """Drawings one below the other."""
    shapes: list[Shape] = []
    width = height = 0.0
    for drawing in drawings:
        top = height + gap if height else 0.0
        shapes += moved(drawing.shapes, 0, top)
        width, height = max(width, drawing.width), top + drawing.height
    return Drawing(width, height, tuple(shapes))

"""A drawing as SVG: light colours as attributes, dark ones by a media query.

A reader sees the same file on a light and on a dark page. `animated` shows drawings in turn, by
CSS; where motion is not wanted, the first alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from symconv.notes.pictures.canvas import (
    DARK,
    LIGHT,
    Circle,
    Drawing,
    Label,
    Line,
    Polyline,
    Rect,
    Role,
    Shape,
    pieces,
)

DARK_RULES = "".join(f".sc-f-{role}{{fill:{colour}}}.sc-s-{role}{{stroke:{colour}}}"
                     for role, colour in DARK.items())
_HEAD = 7.0     # the length of an arrow's head
_FONT = "Georgia, 'Times New Roman', 'Noto Serif CJK SC', 'Songti SC', serif"


def svg(drawing: Drawing, title: str, standalone: bool = False) -> str:
    """A drawing as an element of HTML, or as a file of its own."""
    style = f"<style>@media (prefers-color-scheme: dark){{{DARK_RULES}}}</style>"
    return _frame(drawing.width, drawing.height, title,
                  (style if standalone else "") + _shapes(drawing.shapes))


def animated(base: Sequence[Shape], frames: Sequence[Drawing], title: str,
             seconds: float) -> str:
    """The frames in turn, each over `base`, for `seconds` each."""
    count, name = len(frames), f"sc-show-{len(frames)}"
    style = (f"@keyframes {name}{{0%{{opacity:1}}{_number(100 / count)}%{{opacity:0}}}}"
             f".{name}{{opacity:0;animation:{name} {_number(count * seconds)}s step-end infinite}}"
             f"@media (prefers-reduced-motion: reduce){{.{name}{{animation:none}}"
             f".{name}.sc-first{{opacity:1}}}}"
             f"@media print{{.{name}{{animation:none}}.{name}.sc-first{{opacity:1}}}}")
    shown = "".join(
        f'<g class="{name}{" sc-first" if place == 0 else ""}" '
        f'style="animation-delay:{_number(place * seconds)}s">{_shapes(frame.shapes)}</g>'
        for place, frame in enumerate(frames))
    width = max(frame.width for frame in frames)
    height = max(frame.height for frame in frames)
    return _frame(width, height, title, f"<style>{style}</style>{_shapes(base)}{shown}")


def _frame(width: float, height: float, title: str, inside: str) -> str:
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_number(width)} '
            f'{_number(height)}" width="{_number(width)}" height="{_number(height)}" '
            f'role="img" font-family="{_FONT}"><title>{escape(title)}</title>{inside}</svg>')


def _shapes(shapes: Sequence[Shape]) -> str:
    return "".join(map(_shape, shapes))


def _shape(shape: Shape) -> str:
    match shape:
        case Rect(x, y, width, height, fill, stroke, thick, rounded):
            corner = f' rx="{_number(rounded)}"' if rounded else ""
            return (f'<rect x="{_number(x)}" y="{_number(y)}" width="{_number(width)}" '
                    f'height="{_number(height)}"{corner}{_paint(fill, stroke, thick)}/>')
        case Circle(x, y, radius, fill, stroke, thick):
            return (f'<circle cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}"'
                    f'{_paint(fill, stroke, thick)}/>')
        case Polyline(points, stroke, thick):
            shown = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
            return f'<polyline points="{shown}"{_paint(None, stroke, thick)}/>'
        case Line():
            return _line(shape)
        case Label():
            return _label(shape)


def _line(line: Line) -> str:
    dash = ' stroke-dasharray="4 3"' if line.dashed else ""
    shown = (f'<line x1="{_number(line.x1)}" y1="{_number(line.y1)}" x2="{_number(line.x2)}" '
             f'y2="{_number(line.y2)}"{dash}{_paint(None, line.stroke, line.thick)}/>')
    if line.arrow:
        head = " ".join(f"{_number(x)},{_number(y)}" for x, y in arrow_head(line))
        shown += f'<polygon points="{head}"{_paint(line.stroke, None, 0)}/>'
    return shown


def arrow_head(line: Line) -> tuple[tuple[float, float], ...]:
    """The triangle at the end of a line."""
    dx, dy = line.x2 - line.x1, line.y2 - line.y1
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    dx, dy = dx / length, dy / length
    back = (line.x2 - _HEAD * dx, line.y2 - _HEAD * dy)
    side = _HEAD * 0.42
    return ((line.x2, line.y2), (back[0] - side * dy, back[1] + side * dx),
            (back[0] + side * dy, back[1] - side * dx))


def _label(label: Label) -> str:
    italic = ' font-style="italic"' if label.math else ""
    bold = ' font-weight="bold"' if label.bold else ""
    inside, pending = "", 0.0
    for script, text in pieces(label.text):
        shift = {"": 0.0, "_": 0.25, "^": -0.35}[script] * label.size
        size = f' font-size="{_number(label.size * 0.72)}"' if script else ""
        dy = f' dy="{_number(shift - pending)}"' if shift != pending else ""
        inside += f"<tspan{size}{dy}>{escape(text)}</tspan>" if size or dy else escape(text)
        pending = shift
    return (f'<text x="{_number(label.x)}" y="{_number(label.y)}" '
            f'font-size="{_number(label.size)}" text-anchor="{label.anchor}"{italic}{bold}'
            f' fill="{LIGHT[label.fill]}" class="sc-f-{label.fill}">{inside}</text>')


def _paint(fill: Role | None, stroke: Role | None, thick: float) -> str:
    names = [f"sc-f-{fill}"] if fill else []
    shown = f' fill="{LIGHT[fill]}"' if fill else ' fill="none"'
    if stroke and thick:
        shown += f' stroke="{LIGHT[stroke]}" stroke-width="{_number(thick)}"'
        names.append(f"sc-s-{stroke}")
    return shown + (f' class="{" ".join(names)}"' if names else "")


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")

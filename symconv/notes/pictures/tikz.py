"""A drawing as TikZ, for LaTeX; fits the width of a line."""

from __future__ import annotations

from symconv.notes.pictures.canvas import (
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
from symconv.notes.pictures.svg import arrow_head

WIDEST = 420.0                         # points, a little less than the line of the notes
_LARGEST = 0.72                        # points per pixel
_SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
            "−": "$-$", "·": r"$\cdot$", "×": r"$\times$", "∂": r"$\partial$", "≤": r"$\le$",
            "≡": r"$\equiv$", "→": r"$\to$", "…": r"\ldots{}", "Σ": r"$\Sigma$", "⌊": r"$\lfloor$",
            "⌋": r"$\rfloor$", "√": r"$\surd$", "⊙": r"$\odot$", "<": "$<$", ">": "$>$"}


def colours() -> str:
    """The definitions of the colours that the pictures use."""
    return "".join(f"\\definecolor{{sc-{role}}}{{HTML}}{{{colour[1:].upper()}}}\n"
                   for role, colour in LIGHT.items())


def tikz(drawing: Drawing) -> str:
    """A tikzpicture with the colours of `colours`."""
    scale = min(_LARGEST, WIDEST / drawing.width)
    lines = [f"\\begin{{tikzpicture}}[x={scale:.4f}pt,y=-{scale:.4f}pt]",
             f"\\useasboundingbox (0,0) rectangle ({_number(drawing.width)},"
             f"{_number(drawing.height)});"]
    lines += [_shape(shape, scale) for shape in drawing.shapes]
    return "\n".join([*lines, "\\end{tikzpicture}"])


def _shape(shape: Shape, scale: float) -> str:
    match shape:
        case Rect(x, y, width, height, fill, stroke, thick, rounded):
            corner = f",rounded corners={_number(rounded * scale)}pt" if rounded else ""
            return (f"\\path[{_paint(fill, stroke, thick, scale)}{corner}] {_point(x, y)} "
                    f"rectangle {_point(x + width, y + height)};")
        case Circle(x, y, radius, fill, stroke, thick):
            return (f"\\path[{_paint(fill, stroke, thick, scale)}] {_point(x, y)} "
                    f"circle[radius={_number(radius * scale)}pt];")
        case Polyline(points, stroke, thick):
            joined = " -- ".join(_point(x, y) for x, y in points)
            return f"\\path[{_paint(None, stroke, thick, scale)}] {joined};"
        case Line():
            dash = ",dash pattern=on 3pt off 2pt" if shape.dashed else ""
            shown = (f"\\path[{_paint(None, shape.stroke, shape.thick, scale)}{dash}] "
                     f"{_point(shape.x1, shape.y1)} -- {_point(shape.x2, shape.y2)};")
            if shape.arrow:
                head = " -- ".join(_point(x, y) for x, y in arrow_head(shape))
                shown += f"\n\\path[fill=sc-{shape.stroke}] {head} -- cycle;"
            return shown
        case Label():
            return _label(shape, scale)


def _label(label: Label, scale: float) -> str:
    anchor = {"start": "base west", "middle": "base", "end": "base east"}[label.anchor]
    size = label.size * scale
    style = (r"\itshape" if label.math else "") + (r"\bfseries" if label.bold else "")
    inside = ""
    for script, text in pieces(label.text):
        plain = escaped(text)
        command = {"": "", "_": r"\textsubscript", "^": r"\textsuperscript"}[script]
        inside += f"{command}{{{plain}}}" if command else plain
    return (f"\\node[anchor={anchor},inner sep=0pt,text=sc-{label.fill},"
            f"font=\\fontsize{{{size:.2f}}}{{{size * 1.2:.2f}}}\\selectfont{style}] "
            f"at {_point(label.x, label.y)} {{{inside}}};")


def escaped(text: str) -> str:
    """Plain text for LaTeX."""
    return "".join(_SPECIAL.get(character, "\\" + character if character in "&%$#_{}"
                                else character) for character in text)


def _paint(fill: Role | None, stroke: Role | None, thick: float, scale: float) -> str:
    shown = [f"fill=sc-{fill}"] if fill else []
    if stroke and thick:
        shown += [f"draw=sc-{stroke}", f"line width={_number(thick * scale)}pt"]
    return ",".join(shown)


def _point(x: float, y: float) -> str:
    return f"({_number(x)},{_number(y)})"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")

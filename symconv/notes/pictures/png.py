"""A drawing as PNG, painted by Pillow (extra `notes`) at a multiple of its size."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from symconv.errors import BuildError
from symconv.files import MARK
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

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw


def png(drawing: Drawing, scale: int = 2) -> bytes:
    """The bytes of a PNG file. BuildError where Pillow is missing."""
    try:
        from PIL import Image, ImageDraw, PngImagePlugin
    except ImportError:
        raise BuildError("PNG files are painted by Pillow, which is not installed; "
                         "install it with: pip install 'symconv[notes]'") from None
    size = (round(drawing.width * scale), round(drawing.height * scale))
    image = Image.new("RGB", size, LIGHT["paper"])
    pen = ImageDraw.Draw(image)
    for shape in drawing.shapes:
        _paint(pen, shape, scale)
    buffer = io.BytesIO()
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Software", MARK)
    image.save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


def _paint(pen: ImageDraw, shape: Shape, scale: int) -> None:
    match shape:
        case Rect(x, y, width, height, fill, stroke, thick, _):
            pen.rectangle((x * scale, y * scale, (x + width) * scale, (y + height) * scale),
                          fill=_colour(fill), outline=_colour(stroke),
                          width=_thick(thick, scale) if stroke else 0)
        case Circle(x, y, radius, fill, stroke, thick):
            pen.ellipse(tuple(scale * part for part in (x - radius, y - radius, x + radius,
                                                        y + radius)),
                        fill=_colour(fill), outline=_colour(stroke),
                        width=_thick(thick, scale) if stroke else 0)
        case Polyline(points, stroke, thick):
            pen.line([(x * scale, y * scale) for x, y in points], fill=LIGHT[stroke],
                     width=_thick(thick, scale), joint="curve")
        case Line():
            pen.line((shape.x1 * scale, shape.y1 * scale, shape.x2 * scale, shape.y2 * scale),
                     fill=LIGHT[shape.stroke], width=_thick(shape.thick, scale))
            if shape.arrow:
                pen.polygon([(x * scale, y * scale) for x, y in arrow_head(shape)],
                            fill=LIGHT[shape.stroke])
        case Label():
            _write(pen, shape, scale)


def _write(pen: ImageDraw, label: Label, scale: int) -> None:
    from PIL import ImageFont

    runs = []
    for script, text in pieces(label.text):
        size = label.size * scale * (0.72 if script else 1.0)
        font = ImageFont.load_default(size)
        shift = {"": 0.0, "_": 0.25, "^": -0.35}[script] * label.size * scale
        runs.append((text, font, shift, font.getlength(text)))
    width = sum(length for _, _, _, length in runs)
    x = label.x * scale - {"start": 0.0, "middle": width / 2, "end": width}[label.anchor]
    for text, font, shift, length in runs:
        pen.text((x, label.y * scale + shift), text, font=font, fill=LIGHT[label.fill],
                 anchor="ls")
        x += length


def _colour(role: Role | None) -> str | None:
    return LIGHT[role] if role else None


def _thick(thick: float, scale: int) -> int:
    return max(1, round(thick * scale))

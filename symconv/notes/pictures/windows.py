"""A window sliding over a plane, drawn position by position.

Every frame shows the plane with its padding, the elements that are read, and the output that they
feed; for a transposed convolution, the outputs that one input flows to.
"""

from __future__ import annotations

from dataclasses import dataclass

from symconv.notes.pictures.canvas import Drawing, Label, Line, Rect, Role, Shape, moved
from symconv.notes.pictures.meetings import Place
from symconv.notes.pictures.sliding import Sliding
from symconv.notes.pictures.svg import animated

CELL = 30.0
_GAP = 70.0


@dataclass(frozen=True, slots=True)
class Plane(Sliding):
    """A square convolution in two dimensions, or the transposed one."""

    axes = 2


def frame(plane: Plane, chosen: Place) -> Drawing:
    """One position: an output and what it reads, or for a transposed plane an input and where it
    goes. The number in a cell is the tap of the kernel that joins the two."""
    base = background(plane)
    return Drawing(base.width, base.height, (*base.shapes, *_marks(plane, chosen)))


def background(plane: Plane) -> Drawing:
    """Both planes without marks."""
    count, ring = plane.outputs(), _ring(plane)
    span = plane.size + 2 * ring
    shapes: list[Shape] = []
    for row in range(-ring, plane.size + ring):
        for column in range(-ring, plane.size + ring):
            inside = 0 <= row < plane.size and 0 <= column < plane.size
            shapes.append(_square(column + ring, row + ring, 0,
                                  "paper" if inside else None, "input" if inside else "faint"))
            if not inside:
                shapes.append(Label((column + ring + .5) * CELL + 8, (row + ring) * CELL + 28, "0",
                                    11, fill="muted"))
    right = span * CELL + _GAP
    for row in range(count):
        for column in range(count):
            shapes.append(_square(column, row, right, "paper", "output"))
    height = max(span, count) * CELL + 16
    middle = min(span, count) * CELL / 2 + 8
    shapes.append(Line(span * CELL + 18, middle, right - 2, middle, "muted", 1.6, arrow=True))
    return Drawing(right + count * CELL + 16, height, tuple(shapes))


def still(plane: Plane, positions: tuple[Place, ...]) -> Drawing:
    """Some positions below each other."""
    shapes: list[Shape] = []
    top = width = 0.0
    for place in positions:
        shown = frame(plane, place)
        shapes += moved(shown.shapes, 0, top)
        top, width = top + shown.height + 8, max(width, shown.width)
    return Drawing(width, top, tuple(shapes))


def stepping(plane: Plane, title: str, seconds: float = 1.0) -> str:
    """All positions in turn, as an animated SVG."""
    base = background(plane)
    count = plane.size if plane.transposed else plane.outputs()
    frames = [Drawing(base.width, base.height, _marks(plane, (row, column)))
              for row in range(count) for column in range(count)]
    return animated(base.shapes, frames, title, seconds)


def _ring(plane: Plane) -> int:
    return 0 if plane.transposed else plane.padding


def _marks(plane: Plane, chosen: Place) -> tuple[Shape, ...]:
    ring = _ring(plane)
    right = (plane.size + 2 * ring) * CELL + _GAP
    shapes: list[Shape] = []
    if not plane.transposed:
        reach = plane.dilation * (plane.kernel - 1) + 1
        top, left = (plane.stride * part - plane.padding + ring for part in chosen)
        shapes.append(Rect(left * CELL + 8, top * CELL + 8, reach * CELL, reach * CELL, None,
                           "kernel", 2.6, 3))
    marked: dict[tuple[bool, Place], None] = {}
    for point in plane.points():
        output, source, tap = point.output[-2:], point.reads["x"][-2:], point.reads["w"][-2:]
        if (source if plane.transposed else output) != chosen:
            continue
        marked[plane.transposed, output if plane.transposed else source] = None
        row, column = output if plane.transposed else source
        x = (right if plane.transposed else ring * CELL) + column * CELL
        y = (0 if plane.transposed else ring * CELL) + row * CELL
        soft: Role = "output-soft" if plane.transposed else "input-soft"
        edge: Role = "output" if plane.transposed else "input"
        shapes += [Rect(x + 9, y + 9, CELL - 2, CELL - 2, soft, edge, 1.4, 2),
                   Label(x + 8 + CELL / 2, y + 8 + CELL / 2 + 4,
                         f"w_{{{tap[0]}{tap[1]}}}", 12, math=True, fill="kernel")]
    row, column = chosen
    x = (ring if plane.transposed else 0) * CELL + column * CELL + (0 if plane.transposed
                                                                     else right)
    shapes.append(Rect(x + 9, row * CELL + 9, CELL - 2, CELL - 2,
                       "input-soft" if plane.transposed else "output-soft",
                       "input" if plane.transposed else "output", 2.4, 2))
    return tuple(shapes)


def _square(column: float, row: float, left: float, fill: Role | None, stroke: Role) -> Rect:
    return Rect(left + column * CELL + 8, row * CELL + 8, CELL, CELL, fill, stroke, 0.8)

"""One axis of a window, drawn: inputs above, outputs below, a line where they meet.

The lines are the points of the operator's relation. Positions of the padding are drawn dashed
where a window reaches them; nothing is read there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from symconv.notes.model import Lang
from symconv.notes.pictures.canvas import Drawing, Label, Line, Rect, Role, Shape, below
from symconv.notes.pictures.sliding import Sliding

CELL = 34.0
DEEP = 96.0                                  # from the inputs to the outputs
_LEFT = 14.0


@dataclass(frozen=True, slots=True)
class Window(Sliding):
    """A convolution along one axis, or the transposed one."""

    axes = 1

    def links(self) -> tuple[tuple[int, int, int], ...]:
        """The triples (output, input, tap) of the relation."""
        return tuple((point.output[-1], point.reads["x"][-1], point.reads["w"][-1])
                     for point in self.points())


def axis(window: Window, chosen: int, side: Literal["output", "input"], note: str) -> Drawing:
    """The axis with all links faint, and those of one output (or one input) in colour."""
    links, count = window.links(), window.outputs()
    above = _places(window)
    low = min(position for position, _ in above)
    lower = {place: _output_at(window, place) for place in range(count)}
    left = min(low, min(lower.values()))
    right = max(max(position for position, _ in above), max(lower.values()))
    x0 = _LEFT - left * CELL
    shapes: list[Shape] = [Label(_LEFT, 16, note, 13, "start", "ink")]
    top, bottom = 30.0, 30.0 + CELL + DEEP
    where = {index: position for position, index in above if index is not None}
    active = [link for link in links if link[0 if side == "output" else 1] == chosen]
    for output, source, tap in sorted(links, key=lambda link: link in active):
        live = (output, source, tap) in active
        x1, x2 = x0 + (where[source] + .5) * CELL, x0 + (lower[output] + .5) * CELL
        y1, y2 = top + CELL, bottom
        if side == "input":
            x1, y1, x2, y2 = x2, y2, x1, y1
        shapes.append(Line(x1, y1, x2, y2, "kernel" if live else "faint", 2.0 if live else 1.0,
                           arrow=live))
    for output, source, tap in active:
        part = 0.36 if side == "output" else 0.64
        x = x0 + (where[source] * (1 - part) + lower[output] * part + .5) * CELL
        shapes.append(Rect(x - 13, top + CELL + DEEP * part - 9, 26, 18, "kernel-soft", None, 0, 4))
        shapes.append(Label(x, top + CELL + DEEP * part + 5, f"w_{{{tap}}}", 13, math=True,
                            fill="kernel"))
    used = {link[1] for link in active}
    made = {link[0] for link in active}
    for position, index in above:
        x = x0 + position * CELL
        if index is None:
            shapes.append(Rect(x + 3, top + 3, CELL - 6, CELL - 6, None, "faint", 1.0, 3))
            shapes.append(Label(x + CELL / 2, top + 22, "0", 12, fill="muted"))
        else:
            shapes += _cell(x, top, f"x_{{{index}}}", "input", index in used)
    for place in range(count):
        shapes += _cell(x0 + lower[place] * CELL, bottom, f"y_{{{place}}}", "output",
                        place in made)
    return Drawing(x0 + (right + 1) * CELL + _LEFT, bottom + CELL + 6, tuple(shapes))


def _cell(x: float, y: float, text: str, role: Literal["input", "output"],
          live: bool) -> tuple[Shape, ...]:
    soft: Role = "input-soft" if role == "input" else "output-soft"
    return (Rect(x + 1, y + 1, CELL - 2, CELL - 2, soft if live else "paper", role,
                 2.2 if live else 1.0, 3),
            Label(x + CELL / 2, y + CELL / 2 + 5, text, 14, math=True))


def _places(window: Window) -> list[tuple[float, int | None]]:
    """The upper cells: position, and the input there or None for padding."""
    if window.transposed:
        return [(index * window.stride, index) for index in range(window.size)]
    last = max(window.size - 1, (window.outputs() - 1) * window.stride
               + window.dilation * (window.kernel - 1) - window.padding)
    return [(position, position if 0 <= position < window.size else None)
            for position in range(-window.padding, last + 1)]


def _output_at(window: Window, place: int) -> float:
    """Where output `place` is drawn: under the middle of its window."""
    if window.transposed:
        return place + window.padding - window.dilation * (window.kernel - 1) / 2
    return (place * window.stride - window.padding
            + window.dilation * (window.kernel - 1) / 2)


_NOTES = {
    "en": ("the inputs that feed one output", "the outputs that flow back to one input"),
    "zh": ("参与一个输出的各输入", "流回一个输入的各输出"),
}


def sheet(windows: Sequence[tuple[Window, str]], lang: Lang) -> Drawing:
    """Windows below each other: on the left what feeds an output, on the right what flows back."""
    feed, back = _NOTES[lang]
    rows = []
    for window, name in windows:
        left = axis(window, window.outputs() // 2, "output", f"{name}: {feed}")
        right = axis(window, _busiest(window), "input", back)
        rows.append(beside(left, right, max(330.0, left.width + 24)))
    return below(rows, 22)


def _busiest(window: Window) -> int:
    """An input in the middle among those with the most outputs."""
    links = window.links()
    counts = [sum(source == place for _, source, _ in links) for place in range(window.size)]
    best = [place for place, count in enumerate(counts) if count == max(counts)]
    return best[len(best) // 2]


def beside(left: Drawing, right: Drawing, start: float) -> Drawing:
    """Two drawings, the right one shifted to `start`."""
    from symconv.notes.pictures.canvas import moved

    return Drawing(start + right.width, max(left.height, right.height),
                   (*left.shapes, *moved(right.shapes, start, 0)))

"""The rows of a report as an SVG chart: how many times as long as symconv the best peer and
PyTorch take, on a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Callable
from xml.sax.saxutils import escape

from symconv.bench.measurement import EMITTED, Row
from symconv.bench.tables import Report

_LEFT, _WIDTH, _LINE, _TOP = 170, 620, 15, 64
_TICKS = (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)
_WORDS = {"forward": "forward", "grad_input": "dx", "grad_weight": "dw", "indices": "indices"}


def svg(report: Report) -> str:
    """Bars to the right of 1: symconv is faster. Rows without a peer are left out."""
    rivals = [name for name in report.candidates if name not in (*EMITTED, "numpy")]
    found = [(row, best) for row in report.rows if (best := row.best(rivals)) is not None]
    ratios = [row.ratio(name) for row, best in found
              for name in (best, "torch") if name in row.seconds]
    low, high = math.log(min([0.5, *ratios])), math.log(max([2.0, *ratios]))

    def place(ratio: float) -> float:
        return round(_LEFT + _WIDTH * (math.log(ratio) - low) / (high - low), 1)

    height = _TOP + _LINE * len(found) + 12
    means = report.means()
    title = f"Suite {report.suite}: time of peers divided by that of symconv, one core"
    told = "geometric means: " + ", ".join(
        f"{name} {means[name][0]:.2f}" for name in ("best peer", "torch") if name in means)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 120}" '
             f'height="{height}" font-family="sans-serif" font-size="11">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="10" y="16" font-size="13" font-weight="bold">{escape(title)}</text>',
             f'<text x="10" y="32">{escape(told)}; bar: best peer in the layout N,C,spatial, '
             'circle: PyTorch</text>']
    for tick in _TICKS:
        if low <= math.log(tick) <= high:
            x, bold = place(tick), ' stroke-width="2"' if tick == 1 else ""
            lines += [f'<line x1="{x}" y1="{_TOP - 8}" x2="{x}" y2="{height - 8}" '
                      f'stroke="{"black" if tick == 1 else "#ccc"}"{bold}/>',
                      f'<text x="{x}" y="{_TOP - 12}" text-anchor="middle">{tick:g}</text>']
    for number, (row, best) in enumerate(found):
        lines += _bar(row, best, _TOP + _LINE * number, place)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _bar(row: Row, best: str, top: int, place: Callable[[float], float]) -> list[str]:
    """The name of a row, its bar, its ratio to the right of all marks, and the circle."""
    one, end = place(1.0), place(row.ratio(best))
    color = "#2b7bba" if end >= one else "#c0392b"
    circle = [place(row.ratio("torch"))] if "torch" in row.seconds else []
    return [f'<text x="{_LEFT - 8}" y="{top + 10}" text-anchor="end">'
            f'{escape(row.case.name)} {_WORDS[row.part]}</text>',
            f'<rect x="{min(one, end)}" y="{top + 2}" width="{round(abs(end - one), 1)}" '
            f'height="{_LINE - 5}" fill="{color}"/>',
            f'<text x="{round(max([one, end, *circle]) + 7, 1)}" y="{top + 10}" fill="#444">'
            f'{row.ratio(best):.2f} {escape(best)}</text>',
            *(f'<circle cx="{x}" cy="{top + _LINE // 2}" r="3.5" fill="#e67e22"/>'
              for x in circle)]

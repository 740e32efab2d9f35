"""Boundary modes: what stands beyond the border, and where its gradient goes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.model import Block, Example, Formula, Heading, Items, Prose, Table, Words

_MODES = ("constant", "replicate", "reflect", "symmetric", "circular")
_NAMES = {"constant": ("zeros", "零"), "replicate": ("replicate", "复制"),
          "reflect": ("reflect", "反射"), "symmetric": ("symmetric", "对称"),
          "circular": ("circular", "循环")}
_SOURCES: dict[str, Callable[[int, int], int]] = {      # padded position u -> input, extent h
    "replicate": lambda u, h: min(max(u, 0), h - 1),
    "reflect": lambda u, h: -u if u < 0 else 2 * (h - 1) - u if u >= h else u,
    "symmetric": lambda u, h: -1 - u if u < 0 else 2 * h - 1 - u if u >= h else u,
    "circular": lambda u, h: u % h,
}


def blocks() -> tuple[Block, ...]:
    """Five modes, one principle for the gradient."""
    return (
        Heading(Words("Boundary modes", "边界模式")),
        Prose(Words(
            "What does a window read beyond the border? With *zeros*, nothing: the term is "
            "absent. The other modes read an element of the input again; position $u$ of the "
            "padded axis is mapped to $m(u)$:",
            "窗口在边界之外读到什么？模式为*零*时什么也不读：该项不存在。其他模式则再次读取输入中的"
            "某个元素；填充后的轴上的位置 $u$ 被映到 $m(u)$：")),
        Formula(Words(_cases("replicate", "reflect", "symmetric", "circular"),
                                    _cases("复制", "反射", "对称", "循环")),
                _modes_hold, key="boundary-modes"),
        Prose(Words(
            "where the three expressions of a line hold for $u < 0$, $0 \\le u < H$ and "
            "$u \\ge H$. *Reflect* mirrors at the last element and does not repeat it, so it can "
            "pad by $H-1$ at most; *symmetric* mirrors behind the last element and repeats it.",
            "其中一行的三个表达式依次用于 $u < 0$、$0 \\le u < H$ 与 $u \\ge H$。*反射*以最后一个元"
            "素为镜面，不重复它，因此至多填充 $H-1$；*对称*以最后一个元素之后为镜面，重复该元"
            "素。")),
        Table((Words("mode", "模式"), Words("$(1,2,3,4)$ padded by $2$", "$(1,2,3,4)$ 填充 $2$"),
               Words("times each element is read", "各元素被读取的次数")), _rows, _rows_hold,
              Words("The boundary modes. The last column is the gradient of the sum of all padded "
                    "elements.",
                    "各种边界模式。最后一列是全部填充后元素之和的梯度。"), key="modes-table"),
        Prose(Words(
            "For the gradient one asks the other way round: *at which padded positions was the "
            "element read?* An input collects the gradients of **all** its preimages under $m$:",
            "求梯度时反过来问：*该元素在填充后的哪些位置被读取？*一个输入汇集它在 $m$ 下的**全部**"
            "原像的梯度：")),
        Formula(r"\mathrm{d}x_h = \sum_{u \,:\, m(u) = h} \mathrm{d}\tilde x_u",
                _gradient_collects, key="preimages"),
        Example(Words(
            "On a short input one element can be the image of both borders at once. Reflecting "
            "$(x_0,x_1,x_2)$ by $2$ gives $(x_2,x_1,x_0,x_1,x_2,x_1,x_0)$; the gradient "
            "$(1,10,100,1000,10^4,10^5,10^6)$ flows back to $<<both>>$. The middle element has "
            "three preimages. A program that treats the two borders as alternatives loses one.",
            "输入很短时，一个元素可以同时是两侧边界的像。把 $(x_0,x_1,x_2)$ 反射填充 $2$ 得 "
            "$(x_2,x_1,x_0,x_1,x_2,x_1,x_0)$；梯度 $(1,10,100,1000,10^4,10^5,10^6)$ 流回 "
            "$<<both>>$。中间的元素有三个原像。把两侧边界当作二者择一的程序会丢失一个。"),
            lambda: {"both": ch.gradient(ops.pad(2, mode="reflect"), "x",
                                         [10 ** n for n in range(7)], x=[1, 2, 3])},
            {"both": [1000100, 101010, 10001]}),
        Items((
            Words("*Circular* keeps equivariance exactly; the others break it near the border.",
                  "*循环*精确地保持等变性；其余模式在边界附近破坏它。"),
            Words("Negative padding crops: those inputs are not read, and their gradient is zero.",
                  "负的填充是裁剪：被裁去的输入不被读取，其梯度为零。"))),
    )


def _cases(*names: str) -> str:
    replicate, reflect, symmetric, circular = names
    return (rf"m(u) = \begin{{cases}} \min(\max(u,0),\, H-1) & \text{{{replicate}}} \\ "
            rf"-u,\quad u,\quad 2(H-1)-u & \text{{{reflect}}} \\ "
            rf"-1-u,\quad u,\quad 2H-1-u & \text{{{symmetric}}} \\ "
            rf"u \bmod H & \text{{{circular}}} \end{{cases}}")


def _padded(mode: str, x: Sequence[Any], amount: int) -> list[Any]:
    found: list[Any] = ch.run(ops.pad(amount, mode=mode), x=x)
    return found


def _modes_hold() -> bool:
    """The engine's pad against the mapping, for every amount that a mode allows."""
    draw = random.Random("modes")
    for mode, source in _SOURCES.items():
        for extent in (3, 4):
            x = [draw.randint(-99, 99) for _ in range(extent)]
            for amount in range(1, extent):
                wanted = [x[source(u, extent)] for u in range(-amount, extent + amount)]
                if _padded(mode, x, amount) != wanted:
                    return False
    return True


def _rows() -> Sequence[Sequence[Words | str]]:
    rows: list[Sequence[Words | str]] = []
    for mode in _MODES:
        padded = _padded(mode, [1, 2, 3, 4], 2)
        shown = ",\\ ".join(str(value) for value in padded)
        times = ",\\ ".join(str(value) for value in _times(mode))
        rows.append((Words(*_NAMES[mode]), f"${shown}$", f"${times}$"))
    return rows


def _times(mode: str) -> list[Any]:
    found: list[Any] = ch.gradient(ops.pad(2, mode=mode), "x", [1] * 8, x=[1, 2, 3, 4])
    return found


def _rows_hold() -> bool:
    """Against what the mapping says and, for the last column, against counting."""
    recorded = {"constant": [0, 0, 1, 2, 3, 4, 0, 0], "replicate": [1, 1, 1, 2, 3, 4, 4, 4],
                "reflect": [3, 2, 1, 2, 3, 4, 3, 2], "symmetric": [2, 1, 1, 2, 3, 4, 4, 3],
                "circular": [3, 4, 1, 2, 3, 4, 1, 2]}
    return all(_padded(mode, [1, 2, 3, 4], 2) == values
               and _times(mode) == [values.count(n) for n in (1, 2, 3, 4)]
               for mode, values in recorded.items())


def _gradient_collects() -> bool:
    draw = random.Random("preimages")
    for mode, source in _SOURCES.items():
        dy = [draw.randint(-99, 99) for _ in range(7)]
        wanted = [sum(dy[u + 2] for u in range(-2, 5) if source(u, 3) == h) for h in range(3)]
        if ch.gradient(ops.pad(2, mode=mode), "x", dy, x=[1, 2, 3]) != wanted:
            return False
    return True

"""Orders between forward and reverse, and storage traded for work."""

from __future__ import annotations

import itertools

from symconv.notes.model import Block, Example, Formula, Heading, Prose, Words


def blocks() -> tuple[Block, ...]:
    """The order of products, and checkpoints."""
    return (
        Heading(Words("Orders in between", "介于两者之间的次序")),
        Prose(Words(
            "For matrices of different sizes the order of multiplication decides the cost. A "
            "product of matrices $(p,q)$ and $(q,r)$ takes $pqr$ multiplications, so for the "
            r"widths $1000 \to 100 \to 100 \to 1$:",
            "对大小不同的矩阵，乘法的次序决定代价。$(p,q)$ 矩阵与 $(q,r)$ 矩阵之积需要 $pqr$ 次乘"
            "法，"
            r"因此对宽度 $1000 \to 100 \to 100 \to 1$：")),
        Formula(Words(
                    r"\begin{aligned} \text{forward:} \quad & 100 \cdot 100 \cdot 1000 + "
                    r"1 \cdot 100 \cdot 1000 = <<forward>> \\ \text{reverse:} \quad & "
                    r"1 \cdot 100 \cdot 100 + 1 \cdot 100 \cdot 1000 = <<reverse>> \end{aligned}",
                    r"\begin{aligned} \text{前向：} \quad & 100 \cdot 100 \cdot 1000 + "
                    r"1 \cdot 100 \cdot 1000 = <<forward>> \\ \text{反向：} \quad & "
                    r"1 \cdot 100 \cdot 100 + 1 \cdot 100 \cdot 1000 = <<reverse>> \end{aligned}"),
                lambda: _multiplications() == {"forward": 10_100_000, "reverse": 110_000},
                key="matrix-orders", values=_multiplications),
        Prose(Words(
            "Storage can be traded for work, too: keep every $k$-th value only and compute the "
            r"others again, one stretch at a time, when they are needed; this is called "
            r"checkpointing. With $k = \sqrt{n}$ the reverse sweep holds about $2\sqrt{n}$ values "
            r"and repeats the forward pass once.",
            r"存储也可以用计算来换：只保存每隔 $k$ 个的数值，其余的在需要时逐段重新计算；这称为检查点"
            r"技术。取 $k = \sqrt{n}$，反向累积大约持有 $2\sqrt{n}$ 个数值，并把前向传播多做一遍。")),
        Example(Words(
            "A chain of $100$ squarings with every tenth value kept: at most $<<held>>$ values are "
            "held at a time, and $<<again>>$ of the $100$ steps are computed again.",
            "$100$ 次平方的链，每十个数值保存一个：同一时刻至多持有 $<<held>>$ 个数值，$100$ 步中有 "
            "$<<again>>$ 步要重新计算。"), _checkpoints, {"held": 19, "again": 90}),
    )


def _checkpoints(steps: int = 100, distance: int = 10) -> dict[str, object]:
    """The sweep played through with the numbers of the steps in place of their values."""
    kept = set(range(0, steps, distance))                 # what the forward pass left behind
    held, again = len(kept), 0
    for step in range(steps - 1, -1, -1):                 # step k reads the value k
        if step not in kept:
            start = step - step % distance
            kept |= set(range(start + 1, step + 1))
            again += step - start
        held = max(held, len(kept))
        kept.remove(step)
    return {"held": held, "again": again}


def _multiplications() -> dict[str, object]:
    """Multiplications of J3 (J2 J1) and (J3 J2) J1, counted matrix by matrix."""
    widths = (1000, 100, 100, 1)
    shapes = [(rows, columns) for columns, rows in itertools.pairwise(widths)]
    forward = reverse = 0
    rows, columns = shapes[0]
    for above, inner in shapes[1:]:
        forward += above * inner * columns
    rows, columns = shapes[-1]
    for inner, last in reversed(shapes[:-1]):
        reverse += rows * inner * last
    return {"forward": forward, "reverse": reverse}

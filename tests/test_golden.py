"""The stages between a definition and its loops, as text: a change of any stage shows here.

After a wanted change:  python tests/test_golden.py  writes the files anew; read the difference.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import symconv as sc
from symconv.differentiate import vjp
from symconv.gather import solved
from symconv.loops import show
from symconv.lower import lower
from symconv.operator import Operator
from symconv.passes import vjp_passes
from symconv.text import definition_text

FOLDER = Path(__file__).resolve().parent / "golden"
CASES: dict[str, Operator] = {
    "conv1d_stride2": sc.ops.conv1d(stride=2, padding=1),
    "conv1d_stride4_dilation2": sc.ops.conv1d(stride=4, dilation=2),
    "max_pool1d": sc.ops.max_pool1d(kernel_size=3, stride=2, padding=1),
    "symbolic": sc.ops.conv1d(stride="s", dilation="d", padding="p"),
}


def stages(operator: Operator) -> str:
    """Every step of the gradient of x, and the loops of its pass where there are any."""
    lines: list[str] = []
    program = operator.definition
    for step in solved(vjp(program, ("x",))).steps:
        lines.append(f"# {step.rule}")
        lines += [definition_text(step.program.definition(name)) for name in step.changed]
    if not program.parameters:
        first = next(item for item in vjp_passes(program) if item.name == "vjp_x")
        lines += ["# loops", show(lower(first).body)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_stage_reads_as_recorded(name: str) -> None:
    assert stages(CASES[name]) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


if __name__ == "__main__":
    for name, operator in CASES.items():
        (FOLDER / f"{name}.txt").write_text(stages(operator), encoding="utf-8")

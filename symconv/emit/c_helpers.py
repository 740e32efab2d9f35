"""The helpers of an emitted file: those of `templates/c/helpers.jinja` that it needs, and no other.

No emitter asks for a helper: whoever calls one by its name has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from symconv.emit.c_cascade import LANES
from symconv.emit.c_expressions import Spelling
from symconv.emit.c_registers import machines
from symconv.emit.c_tile_buffers import plans_of
from symconv.emit.c_transforms import transform_lines
from symconv.emit.c_turning import turning_lines
from symconv.emit.c_weaving import weaving_lines
from symconv.emit.c_winograd import heights, transformed
from symconv.loops import Routine
from symconv.render import render


def helper_text(routines: Sequence[Routine], spelling: Spelling, functions: str) -> str:
    """The helpers of the `functions` that the routines have become."""
    prefix, real = spelling.prefix, spelling.real
    plans = [plan for routine in routines for plan in plans_of(routine)]
    windows = [node.plan for routine in routines for node in transformed(routine)]
    tall = [rows for plan in windows for rows in heights(plan)]
    every = render("c/helpers.jinja", prefix=prefix, real=real, lanes=LANES,
                   suffix="f" if real == "float" else "",
                   machines=machines(plans, prefix, real, tall) if plans or tall else [],
                   transforms=transform_lines(windows, spelling) if windows else [],
                   turning=turning_lines(prefix, real), weaving=weaving_lines(prefix, real))
    return _needed(every, functions, prefix)


def _needed(helpers: str, functions: str, prefix: str) -> str:
    """The paragraphs of the helpers that `functions`, or other needed ones, name.

    In C a name is defined before it is used, so that one pass from the last paragraph to the first
    finds them all. A paragraph that defines nothing is a heading and stays.
    """
    name = re.compile(rf"\b{prefix}_\w+")
    definition = re.compile(rf"^(?:static|typedef|enum|#define|}}).*?\b({prefix}_\w+)", re.M)
    used, kept = set(name.findall(functions)), list[str]()
    for paragraph in reversed(list(_paragraphs(helpers))):
        defined = definition.findall(paragraph)
        if not defined or not used.isdisjoint(defined):
            used.update(name.findall(paragraph))
            kept.insert(0, f"{paragraph}\n\n")
    return "".join(kept)


def _paragraphs(text: str) -> Iterator[str]:
    """What stands between blank lines, but for those within an #if."""
    lines, depth = list[str](), 0
    for line in text.split("\n"):
        depth += line.startswith("#if") - line.startswith("#endif")
        if line or depth:
            lines.append(line)
        elif lines:
            yield "\n".join(lines)
            lines = []

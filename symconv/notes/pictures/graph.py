"""A computational graph with the values of the forward and of the backward pass.

Nodes are the operands and definitions of a program; both values of a node are computed by the
interpreter, the backward ones with the derived gradient program.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symconv.differentiate import vjp
from symconv.evaluate import evaluate
from symconv.ir import Program
from symconv.notes.pictures.canvas import Drawing, Label, Line, Rect, Role, Shape
from symconv.operator import Operator
from symconv.rewrite import accesses
from symconv.shapes import bind

_WIDE, _HIGH, _STEP, _DROP = 132.0, 58.0, 186.0, 96.0


def graph(operator: Operator, inputs: Mapping[str, Any], dy: Any = 1,
          labels: Mapping[str, str] | None = None) -> Drawing:
    """The graph for given operands (nested lists of numbers): values above, gradients below.

    `labels` says what a node computes, by the name of its tensor. The gradient is that of
    <dy, output>.
    """
    values, slopes = both(operator, inputs, dy)
    program = operator.definition
    feeds = _feeds(program)
    depth: dict[str, int] = {}
    for name, sources in feeds.items():
        depth[name] = max((depth[source] + 1 for source in sources), default=0)
    used = {source for sources in feeds.values() for source in sources}
    for name in used:                                  # operands stand beside what reads them
        if not feeds[name]:
            depth[name] = min(depth[reader] for reader, sources in feeds.items()
                              if name in sources) - 1
    columns: dict[int, list[str]] = {}
    for name in feeds:
        columns.setdefault(depth[name], []).append(name)
    tallest = max(map(len, columns.values()))
    spots = {name: (16 + column * _STEP, 30 + (rank + (tallest - len(names)) / 2) * _DROP)
             for column, names in columns.items() for rank, name in enumerate(names)}
    shapes: list[Shape] = []
    for name, sources in feeds.items():
        for source in sources:
            x1, y1 = spots[source][0] + _WIDE, spots[source][1] + _HIGH / 2
            x2, y2 = spots[name][0], spots[name][1] + _HIGH / 2
            shapes += [Line(x1, y1 - 7, x2, y2 - 7, "input", 1.5, arrow=True),
                       Line(x2, y2 + 7, x1, y1 + 7, "warn", 1.5, arrow=True, dashed=True)]
    for name, (x, y) in spots.items():
        leaf = not feeds[name]
        role: Role = "input" if leaf else "output" if name in program.outputs else "muted"
        shapes += [Rect(x, y, _WIDE, _HIGH, "paper", role, 1.8, 6),
                   Label(x + _WIDE / 2, y - 8, (labels or {}).get(name, name), 13, math=True),
                   Label(x + _WIDE / 2, y + 24, _value(values[name]), 14, fill="input"),
                   Label(x + _WIDE / 2, y + 46, _value(slopes[name]), 14, fill="warn")]
    width = max(x for x, _ in spots.values()) + _WIDE + 16
    return Drawing(width, 30 + tallest * _DROP - (_DROP - _HIGH) + 14, tuple(shapes))


def both(operator: Operator, inputs: Mapping[str, Any],
         dy: Any = 1) -> tuple[dict[str, Any], dict[str, Any]]:
    """The value of every tensor, and the gradient of <dy, output> with respect to it.

    The gradient of a tensor in the middle is that of the program that starts there.
    """
    import numpy as np

    program = operator.definition
    arrays = {name: np.array(value, dtype=object) for name, value in inputs.items()}
    sizes = bind(program, {name: array.shape for name, array in arrays.items()})
    values = evaluate(program, arrays, sizes, all_tensors=True)
    slopes: dict[str, Any] = {program.outputs[0]: np.array(dy, dtype=object)}
    for name in (*(tensor.name for tensor in program.inputs),
                 *(definition.target.name for definition in program.definitions)):
        if name not in slopes:
            derived = vjp(_from(program, name), (name,)).result
            given = {tensor.name: values.get(tensor.name) for tensor in derived.inputs}
            given[derived.inputs[0].name] = slopes[program.outputs[0]]
            slopes[name] = evaluate(derived, given, sizes)[derived.outputs[0]]
    return values, slopes


def _from(program: Program, name: str) -> Program:
    """The program in which a definition is an operand."""
    from dataclasses import replace

    if name in {tensor.name for tensor in program.inputs}:
        return program
    return replace(program, inputs=(*program.inputs, program.tensor(name)),
                   definitions=tuple(definition for definition in program.definitions
                                     if definition.target.name != name))


def _feeds(program: Program) -> dict[str, tuple[str, ...]]:
    """For every tensor those that its definition reads, in order."""
    found: dict[str, tuple[str, ...]] = {tensor.name: () for tensor in program.inputs}
    for definition in program.definitions:
        found[definition.target.name] = tuple(dict.fromkeys(
            access.tensor for term in definition.terms for access in accesses(term.body)))
    return found


def _value(value: Any) -> str:
    entries = [value.item()] if value.ndim == 0 else value.ravel().tolist()
    shown = [str(entry).replace("-", "−") for entry in entries]
    return shown[0] if value.ndim == 0 else f"({', '.join(shown)})"

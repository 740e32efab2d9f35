"""The place of a maximum or minimum: whole axes at once, or point by point in order; for few points
by their rank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from symconv.emit.numpy_frame import INTEGER, Frame, allocation, identity, place, shape_text, window
from symconv.emit.numpy_integers import ATOM, integer, rows
from symconv.emit.numpy_scalars import scalar
from symconv.emit.numpy_sheets import sheets
from symconv.integers import Int
from symconv.ir import Definition
from symconv.rewrite import scalar_names

Statements: TypeAlias = Callable[[Definition], list[str]]


def write_place(frame: Frame, statements: Statements) -> list[str]:
    """target = the witness at the first or last extremal point; the first NaN is extremal.

    `statements` gives those of another definition.
    """
    if frame.summed:
        return _along_axes(frame)
    return _of_few(frame, statements) or _point_by_point(frame)


def _of_few(frame: Frame, statements: Statements) -> list[str] | None:
    """First what is extremal, then the number of the first point that reaches it: how many points
    an element has waited for in vain, in small integers, so that no step branches on data. None
    where the witness is no such number."""
    definition, plan, target = frame.definition, frame.plan, frame.target
    count, number = 1, Int.of(0)
    for loop in plan.loops:
        count *= loop.extent.constant or 1 << 15
        number = number * loop.extent + Int.of(loop.name)
    kind = next((f"np.int{bits}" for bits in (8, 16) if count < 1 << bits - 1), None)
    if kind is None or definition.ties == "last" or plan.masks or plan.tests or (
            plan.witness != number):
        return None
    reader = frame.reader(target.axes, frame.scope.dtype)
    best, rank, wild, waiting, value, part = map(
        frame.name, ("best", "rank", "wild", "waiting", "value", "part"))
    seen, parts = (window(replace(target, name=name)) for name in (best, waiting))
    into = part if not target.whole else waiting
    ranked = [f"{value} = {scalar(plan.body, reader).text}",
              *([f"{part} = {parts}"] if into == part else []),
              f"{into} &= {value} != {seen}",
              f"if {wild}:", f"    {into} &= {value} == {value}", f"{rank} += {waiting}"]
    (term,) = definition.terms
    extremum = replace(
        definition, target=replace(definition.target, name=best, kind="real"),
        terms=(replace(term, witness=None),),
        reduction="max" if definition.reduction == "argmax" else "min")
    lines, found = sheets(frame), [
        *statements(extremum), f"{wild} = np.isnan({best}).any()",
        f"{rank} = {allocation(definition.target, kind)}",
        f"{waiting} = np.ones_like({rank}, dtype=bool)", *frame.nest(ranked),
        f"{target.name} = {rank}.astype({INTEGER})"]
    return found if lines is None else lines.ranked(frame, found)


def _point_by_point(frame: Frame) -> list[str]:
    """The loops run over the points in their order; every element keeps its best so far."""
    definition, plan, target = frame.definition, frame.plan, frame.target
    reader = frame.reader(target.axes, frame.scope.dtype)
    best, seen = frame.name("best"), frame.name("seen")
    lines = [f"{target.name} = {allocation(definition.target, INTEGER)}",
             f"{best} = {allocation(definition.target, frame.scope.dtype, identity(definition))}",
             f"{seen} = {allocation(definition.target, 'bool')}"]
    inner: list[str] = []
    parts: list[str] = []
    for name in (best, seen, target.name):
        parts.append(name if target.whole else frame.name(f"{name}_part"))
        if parts[-1] != name:
            inner.append(f"{parts[-1]} = {window(replace(target, name=name))}")
    record, known, at = parts
    value, loses = frame.name("value"), frame.name("loses")
    high = definition.reduction == "argmax"
    sign = ("<" if high else ">") + ("" if definition.ties == "last" else "=")
    witness = integer(plan.witness or Int.of(0), reader).text
    inner += [f"{value} = {scalar(plan.body, reader).text}",
              f"{loses} = {known} & ({value} {sign} {record}) | np.isnan({record})"]
    if plan.masks:
        present = frame.name("present")
        inner += [f"{present} = {rows(plan.masks, reader).text}",
                  f"{loses} |= ~{present}",
                  f"np.copyto({record}, {value}, where=~{loses})",
                  f"np.copyto({at}, {witness}, where=~{loses})",
                  f"{known} |= {present}"]
    else:
        inner += [f"np.{'maximum' if high else 'minimum'}({record}, {value}, out={record})",
                  f"np.copyto({at}, {witness}, where=~{loses})",
                  f"{known}[...] = True"]
    return lines + frame.nest(inner)


def _along_axes(frame: Frame) -> list[str]:
    """np.argmax over the bound axes, flattened in their order."""
    definition, plan, target = frame.definition, frame.plan, frame.target
    order = (*target.axes, *frame.summed)
    extents = [frame.spans[name].high - frame.spans[name].low for name in order]
    code = scalar(plan.body, frame.reader(order, frame.scope.dtype))
    text = code.at(ATOM)
    if not set(order) <= scalar_names(plan.body):
        text = f"np.broadcast_to({code.text}, {shape_text(extents)})"
    length = number = Int.of(0)
    for name in frame.summed:
        extent = frame.spans[name].extent
        length = length * extent if length else extent
        number = number * extent + Int.of(name)
    if len(frame.summed) > 1:
        text += f".reshape({shape_text([*extents[:len(target.axes)], length])})"
    if definition.ties == "last":
        found = f"_{definition.reduction}_last({text})"
    else:
        found = f"{text}.{definition.reduction}(axis=-1)"
    if plan.witness == number and frame.straight:
        return frame.nest([f"{target.name} = {found}"])
    inner: list[str] = []
    if plan.witness != number:
        names = {name: Int.of(frame.name(f"{name}_at")) for name in frame.summed}
        shape = shape_text([frame.spans[name].extent for name in frame.summed])
        left = ", ".join(map(str, names.values())) + ("," if len(names) == 1 else "")
        inner.append(f"{left} = np.unravel_index({found}, {shape})")
        found = integer((plan.witness or number).substitute(names),
                        frame.reader(target.axes)).text
    into = f"{target.name}[...]" if target.whole else place(target)
    made = f"{target.name} = {allocation(definition.target, INTEGER)}"
    return [made, *frame.nest([*inner, f"{into} = {found}"])]

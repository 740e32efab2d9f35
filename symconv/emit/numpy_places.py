"""The place of a maximum or minimum: whole axes at once, or point by point in order."""

from __future__ import annotations

from dataclasses import replace

from symconv.emit.numpy_frame import INTEGER, Frame, allocation, identity, place, shape_text, window
from symconv.emit.numpy_integers import ATOM, integer, rows
from symconv.emit.numpy_scalars import scalar
from symconv.integers import Int
from symconv.rewrite import scalar_names


def write_place(frame: Frame) -> list[str]:
    """target = the witness at the first or last extremal point; the first NaN is extremal."""
    return _along_axes(frame) if frame.summed else _point_by_point(frame)


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
        frame.scope.helpers.add(f"{definition.reduction}_last")
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

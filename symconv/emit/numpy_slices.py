"""A sum, maximum or minimum as slices: loops over short indices, whole arrays for all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symconv.emit.numpy_columns import write_windows
from symconv.emit.numpy_contraction import Value, constant_apart, contracted
from symconv.emit.numpy_frame import Frame, allocation, identity, place, window
from symconv.emit.numpy_integers import ATOM, SUM, Code, plain, rows
from symconv.emit.numpy_scalars import product, scalar, split
from symconv.emit.numpy_sheets import sheets
from symconv.emit.numpy_views import align
from symconv.integers import Int
from symconv.ir import Access, Scalar, Whole
from symconv.rewrite import (
    accesses,
    row_names,
    scalar_names,
    substitute_row,
    substitute_scalar,
)
from symconv.slicing import Slices, Span
from symconv.tidy import times

_EXACT = 1 << 100       # 1/n is a number of float32 for powers of two up to here


def write_sum(frame: Frame, first: bool) -> list[str]:
    """target += value; with `first` the target does not exist yet."""
    frame, scale = _number_last(frame) if first else (frame, [])
    taps = _sum_by_loops(frame, first)
    return [*(write_windows(frame, first, taps) or taps), *scale]


def _number_last(frame: Frame) -> tuple[Frame, list[str]]:
    """A mean as a sum and one division of the target in place: the plan without the number that
    every tap is multiplied by, and the statement that does it; no statement where taps move the
    target, of which each element is then added to less often. Instead of a division by a power of
    two a product gives the same bits in less time."""
    plan, target = frame.plan, frame.definition.target
    number, over, under = split((plan.body,))
    loops = {loop.name for loop in plan.loops}
    if not loops or any(loops & subscript.names() for subscript in plan.target):
        return frame, []
    match over, under:
        case [Access() as read], [] if number.numerator == 1 != number.denominator:
            by = number.denominator
            exact = by & (by - 1) == 0 and by <= _EXACT
            return (Frame(frame.definition, replace(plan, body=read), frame.scope),
                    [f"{target.name} {f'*= {1 / by!r}' if exact else f'/= {by}'}"])
    return frame, []


def _sum_by_loops(frame: Frame, first: bool) -> list[str]:
    definition = frame.definition
    found = sheets(frame) if first else None
    if found is not None:
        return found.reduced(frame)
    started = _started(frame) if first else None
    if started is not None:
        lines, frame = started
        if not frame.plan.loops:
            return lines
    target, value = frame.target, _value(frame)
    made = allocation(definition.target, frame.scope.type_of(definition))
    if started is None:
        lines = [f"{target.name} = {made}"] if first else []
    text = align(value.code, value.axes, target.axes)
    once = first and not frame.plan.loops and not target.whole
    return lines + frame.nest([f"{place(target)} {'' if once else '+'}= {text}"])


def write_extremum(frame: Frame) -> list[str]:
    """target = max(target, value), started from the identity."""
    definition, found = frame.definition, sheets(frame)
    if found is not None:
        return found.reduced(frame)
    started = _started(frame)
    if started is not None:
        lines, frame = started
        if not frame.plan.loops:
            return lines
    target, value = frame.target, _value(frame)
    made = allocation(definition.target, frame.scope.type_of(definition), identity(definition))
    text = align(value.code, value.axes, target.axes)
    part, inner = target.name, list[str]()
    if not target.whole:
        part = frame.name("part")
        inner.append(f"{part} = {window(target)}")
    inner.append(f"np.{definition.reduction}imum({part}, {text}, out={part})")
    if started is None:
        lines = [f"{target.name} = {made}"]
    return [*lines, *frame.nest(inner)]


def _started(frame: Frame) -> tuple[list[str], Frame] | None:
    """The statements that make the target from the first two taps of a loop that give it whole, or
    from one, and what is left to add; None where no tap does."""
    plan, rest = frame.plan, tuple[Span, ...]()
    if not plan.loops:
        whole = {0: frame}
    else:
        loop = plan.loops[0]
        if len(plan.loops) > 1 or not loop.whole or not loop.extent.constant or len(
                accesses(plan.body)) != 1:
            return None
        whole = _whole_taps(frame, loop.name, loop.extent.constant)
        rest = _without(loop, tuple(whole))
    values = [_value(start) for start in whole.values()]
    if not values or not _makes_target(start := next(iter(whole.values())), values[0]):
        return None
    text = " + ".join(value.code.text for value in values)
    if len(values) > 1 and frame.definition.reduction != "sum":
        text = f"np.{frame.definition.reduction}imum({', '.join(v.code.text for v in values)})"
    elif len(values) == 1 and isinstance(plan.body, Access) and not start.summed:
        text += ".copy()"
    if values[0].axes != start.target.axes:
        level = SUM if len(values) > 1 else values[0].code.level
        text = align(Code(text, level), values[0].axes, start.target.axes)
    lines = start.nest([f"{start.target.name} = {text}"])
    return lines, Frame(frame.definition, replace(frame.plan, loops=rest), frame.scope)


def _whole_taps(frame: Frame, name: str, count: int) -> dict[int, Frame]:
    """The first turns of the only loop that give the target whole: two where they read a place
    each, and can be taken together."""
    found: dict[int, Frame] = {}
    for number in range(count):
        tap = Frame(frame.definition, _tap(frame.plan, name, number), frame.scope)
        if not _makes_target(tap, _value(tap)):
            continue
        found[number] = tap
        if len(found) == 2 or tap.summed or not isinstance(frame.plan.body, Access):
            break
    return found


def _tap(plan: Slices, name: str, number: int) -> Slices:
    """One turn of the only loop."""
    here = {name: Int.of(number)}
    return replace(
        plan, loops=(), body=substitute_scalar(plan.body, here),
        target=tuple(subscript.substitute(here) for subscript in plan.target),
        spans=tuple(replace(span, low=span.low.substitute(here), high=span.high.substitute(here))
                    for span in plan.spans),
        masks=tuple(substitute_row(row, here) for row in plan.masks))


def _without(loop: Span, taken: Sequence[int]) -> tuple[Span, ...]:
    """A whole loop without some of its turns; none where no turn is left."""
    low, high = 0, loop.extent.constant or 0
    while low in taken:
        low += 1
    while high > low and high - 1 in taken:
        high -= 1
    left = replace(loop, low=Int.of(low), high=Int.of(high),
                   skipped=tuple(number for number in taken if low < number < high))
    return (left,) if low < high else ()


def _value(frame: Frame) -> Value:
    """The body at all points of the spans, reduced over the indices that the target lacks."""
    plan, adds = frame.plan, frame.definition.reduction == "sum"
    body, masked = plan.body, {name for row in plan.masks for name in row_names(row)}
    known = scalar_names(body) | masked
    missing = [name for name in frame.summed if name not in known]
    if adds and not plan.masks and not missing:
        found = contracted(body, frame.reader, frame.summed, frame.target.axes)
        if found is not None:
            return found
    if adds and missing and not accesses(body):     # a constant: count the points
        count = Int.of(1)
        for name in missing:
            count = count * (frame.spans[name].high - frame.spans[name].low)
        body, missing = times(Whole(count), body), []
    outside: list[Scalar] = []
    if adds and frame.summed and not plan.masks and not missing:
        outside, inside = constant_apart(body)
        body = times(*inside)
    used = [name for name in frame.spans if name in known or name in missing]
    order = _order(frame, used)
    reader = frame.reader(order)
    code = scalar(body, reader)
    masks = [rows(plan.masks, reader)] if plan.masks else []
    masks += [Code(align(f"np.ones({plain(span.high - span.low, frame.first)}, dtype=bool)",
                         (span.name,), order))
              for span in (frame.spans[name] for name in missing)]
    if masks:
        test = masks[0].text if len(masks) == 1 else " & ".join(mask.at(SUM) for mask in masks)
        neutral = "0" if adds else identity(frame.definition)
        code = Code(f"np.where({test}, {code.text}, {neutral})")
    value = _reduced(frame, code, order)
    if not outside:
        return value
    return Value(product(outside, frame.reader(), value.code), value.axes)


def _reduced(frame: Frame, code: Code, order: tuple[str, ...]) -> Value:
    """The sum or extremum over the axes that the target lacks."""
    axes = tuple(axis for axis, name in enumerate(order) if name in frame.summed)
    if not axes:
        return Value(code, order)
    reduction = frame.definition.reduction
    arguments = [] if len(axes) == len(order) else [
        f"axis={axes[0] if len(axes) == 1 else axes}"]
    if reduction != "sum" and not all(frame.spans[order[axis]].whole for axis in axes):
        arguments.append(f"initial={identity(frame.definition)}")
    return Value(Code(f"{code.at(ATOM)}.{reduction}({', '.join(arguments)})"),
                 tuple(name for name in order if name not in frame.summed))


def _order(frame: Frame, used: Sequence[str]) -> tuple[str, ...]:
    """The order of axes: the target's; for a sum as they lie in an operand that has them all,
    else with the target's first."""
    if not set(frame.summed) & set(used):
        return frame.target.axes
    for access in accesses(frame.plan.body):
        axes = frame.reader().view(access).axes
        if set(axes) == set(used):
            return axes
    target = [name for name in frame.target.axes if name in used]
    return (*target, *(name for name in used if name not in target))


def _makes_target(frame: Frame, value: Value) -> bool:
    """Whether the value is a new array of the target's shape and type, but for axes of one place
    behind the first one that it may lack."""
    body = frame.plan.body
    flat = {name for name, span in frame.spans.items() if span.extent.constant == 1}
    kept = tuple(name for name in frame.target.axes if name in value.axes)
    return (frame.straight and value.axes == kept and {*frame.target.axes} - {*kept} <= flat
            and bool(kept) and kept[0] == frame.target.axes[0]
            and frame.definition.target.kind == "real" and bool(accesses(body))
            and {*value.axes} <= scalar_names(body))

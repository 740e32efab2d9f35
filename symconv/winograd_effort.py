"""How long a Winograd plan takes, by the model of `effort` and in its unit.

Counted are the products, what a transform reads and writes on its way in and out, turned elements,
and whatever does not stay in L2.
"""

from __future__ import annotations

import math

from symconv.effort import blocks, widest
from symconv.sharing import uneven
from symconv.tiles import TALL
from symconv.tiling import CHUNK
from symconv.winograd import LINE, Winograd
from symconv.winograd_operands import Side

# elements
_CACHE = 260_000        # of all transformed operands of a task, and their sums, that stay in L2
_MUCH = 800_000         # those that a larger cache keeps at hand
_INNER = 9800           # of a slab and its sums, in L1

# time
_FAR = 1.6              # an element beyond `_CACHE`
_FARTHER = 6.0          # besides, one beyond `_MUCH`
_LINE = 1.4             # a cache line of vectors from L2
_NUMBERS = 3.0          # of numbers, which lie apart
_WAITING = 6.0          # for sums, each of which waits for the one before
_CALL = 16.0            # a call of a product
_SUM = 1.5              # to read and write a sum besides
_TURNING = 22.0         # per element and vector of lanes, from the array to the stage or back
_ENTERING = 7.0         # per element and vector of lanes that a transform reads or writes
_NEARBY = 3.6           # of slabs in L1
_LEAVING = 7.5          # of results that leave
_SPILLED = 10.0         # times these where a transform runs along three axes: registers are few

_LOST = 0.04            # how much of what two cores lose counts, as in `effort`


def winograd_effort(plan: Winograd) -> float:
    """The time of all tasks of a plan on one core, in the unit of `effort`: products, elements
    that enter and leave by way of a stage, and what does not stay in L2."""
    turns = plan.turns * plan.parts if plan.summed else 1
    tasks = math.prod(s.extent for s in plan.slices) * plan.groups * plan.bands
    total = tasks * turns * plan.points * _product(plan)
    spilled = _SPILLED if len(plan.schemes) > 2 else 1.0
    again = 0.0
    for side in (plan.vector, plan.scalar):
        lanes = plan.group if side is plan.vector else (
            plan.band if plan.summed else side.across.extent)
        deep = 1 if side.depth is None else side.depth.extent
        parted = plan.is_slabbed and side is plan.vector
        visits = turns * tasks if turns > 1 or parted else _visits(plan, side)
        visits *= (1 if plan.summed else plan.turns) * -(-lanes // LINE) * deep
        windows = (plan.part, *plan.tiles[1:]) if side.depth is None else (1,) * len(plan.tiles)
        strands = plan.strands if side.depth is None else 1
        phases = plan.phases if side.is_patch or not plan.summed else 1
        taps = plan.points if side.is_patch else math.prod(
            scheme[1] for scheme in plan.schemes)
        entering = visits * _TURNING * math.prod(
            axis.size(tiles) for axis, tiles in zip(side.axes, windows, strict=True))
        entering += spilled * visits * math.prod(windows) * strands * phases * (
            taps + plan.points) * (_NEARBY if parted and _is_near(plan) else _ENTERING)
        total += entering
        again += entering if _is_halved(plan, side) else 0.0
    outputs = math.prod(o for o, _ in plan.schemes)
    pixels = math.prod(s.extent for s in plan.outputs) / (1 if plan.summed else plan.bands)
    total += tasks * -(-plan.group // LINE) * (
        spilled * plan.rows * (plan.points + outputs) * _LEAVING
        + (plan.band if plan.summed else 1) * pixels * _TURNING)
    size = plan.size(plan.vector) + plan.size(plan.scalar) + plan.points * plan.sums
    slabs = plan.slabs if plan.is_slabbed else 1
    total += tasks * turns * slabs * (
        max(0, size - _CACHE) * _FAR + max(0, size - _MUCH) * _FARTHER)
    odd = (uneven(plan.group, plan.strip, tasks) if plan.strip
            else uneven(plan.whole, plan.grain, tasks // plan.bands)) - 1
    return total + _LOST * (odd * total + again)


def _is_halved(plan: Winograd, side: Side) -> bool:
    """Whether an operand enters once where one thread has all tasks, and in both of two threads."""
    if plan.slices:
        return False
    if side is plan.vector:
        return plan.groups == 1 and plan.shares > 1 and (plan.bands == 1 or not plan.summed)
    return plan.groups > 1 and plan.bands == 1 and not plan.summed


def _product(plan: Winograd) -> float:
    """The product for one point: multiply-adds and loads, sums that are read and written for
    every slab, and cache lines from L2: those of the numbers, for every block of vectors, and of
    vectors that are not near, for every block of rows if they are too many for L1."""
    depth = plan.depth
    calls = -(-depth // (plan.slab if plan.is_slabbed else CHUNK))
    wide = -(-plan.group // LINE)
    near = plan.is_slabbed and _is_near(plan)
    widths = blocks(wide, widest(TALL))
    heights = blocks(plan.band if plan.is_by_phases else plan.rows, TALL)
    alike = plan.phases if plan.is_by_phases else 1
    again = sum(widths.values()) if plan.rows * depth > _INNER else 1
    total = plan.rows * depth / LINE * _NUMBERS * again
    is_far = depth * max(widths) * LINE > _INNER and not plan.is_slabbed
    again = alike * sum(heights.values()) if is_far else 1
    total += 0.0 if near else depth * wide * _LINE * again
    alone = near or (calls == 1 and not (plan.summed and plan.turns * plan.parts > 1))
    for rows, high in heights.items():
        for vectors, many in widths.items():
            time = max(rows * vectors, rows + vectors, _WAITING) * depth
            time += calls * (_CALL + rows * vectors * (_SUM if alone else 2 * _SUM))
            total += time * alike * high * many
    return total


def _is_near(plan: Winograd) -> bool:
    """Whether a slab and the sums stay in L1."""
    return plan.points * (plan.plane(plan.vector) + plan.sums) <= _INNER


def _visits(plan: Winograd, side: Side) -> int:
    """How often an operand is transformed, when successive tasks share it: slices of the vector
    operand come first, then groups of lanes, then other slices, then bands."""
    first = math.prod(s.extent for s in plan.slices if s.name in plan.vector.base.names())
    others = math.prod(s.extent for s in plan.slices) // first
    if side is plan.vector:
        return first * plan.groups
    return first if plan.bands == 1 and others == 1 else first * plan.groups * others * plan.bands

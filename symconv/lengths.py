"""How many terms the loops around a sum have, as far as their bounds tell; and which loops are
one: neighbouring axes of all that they read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from symconv.integers import Extremum, Int
from symconv.ir import Access, Number, Scalar
from symconv.loops import Fold, Let, Loop, Node, Store, When
from symconv.rewrite import accesses, map_scalar, scalar_names


def longest(loop: Loop) -> int | None:
    """How many values the loop has at most, in numbers; None where its bounds do not tell."""
    found = [(stop - low).constant for stop in _options(loop.stop, "min")
             for low in _options(loop.low, "max")]
    known = [count for count in found if count is not None]
    return max(0, min(known)) if known else None


def terms(nodes: Sequence[Node], row: Loop | None = None) -> int | None:
    """How many points the nodes take in at most, the `row` as one; None where their bounds do
    not tell."""
    total = 0
    for node in nodes:
        match node:
            case Loop() if node is row:
                total += 1
            case Loop(_, _, _, body):
                count, inside = longest(node), terms(body, row)
                if count is None or inside is None:
                    return None
                total += count * inside
            case When(_, body):
                inside = terms(body, row)
                if inside is None:
                    return None
                total += inside
            case Fold() | Store():
                total += 1
            case _:
                pass
    return total


def is_innermost(loop: Loop) -> bool:
    """Whether no loop stands inside."""
    return not any(isinstance(node, Loop) or (isinstance(node, When) and _has_loop(node.body))
                   for node in loop.body)


def merged(loop: Loop, extents: Callable[[str], Sequence[Int] | None]) -> Loop:
    """The loop with its inner ones merged into it where all reads go on from the end of a row to
    the beginning of the next one; `extents` are those of a tensor's axes."""
    match loop.body:
        case (Loop() as inside,):
            inside = merged(inside, extents)
        case _:
            return loop
    match inside.body:
        case (Fold(reduction, ties, value, None),) if (
                not inside.low and not _names_outside(value, {loop.name, inside.name})):
            def change(access: Access) -> Access | None:
                return _joined(access, loop.name, inside, extents(access.tensor))

            changed = {access: change(access) for access in accesses(value)}
            if all(changed.values()):
                value = map_scalar(value, lambda part: changed.get(part)
                                   if isinstance(part, Access) else None)
                return Loop(inside.name, loop.low * inside.stop, loop.stop * inside.stop,
                            (Fold(reduction, ties, value, None),))
    return Loop(loop.name, loop.low, loop.stop, (inside,))


def _joined(access: Access, slow: str, fast: Loop,
            extents: Sequence[Int] | None) -> Access | None:
    """The read with both loops along the axis of the fast one; None where a row of it does not
    end where the next one begins."""
    places = access.subscripts
    if not {slow, fast.name} & scalar_names(access):
        return access
    for axis in range(1, len(places)):
        if (places[axis - 1].name, places[axis].name) == (slow, fast.name) and extents is not None:
            rest = (*places[:axis - 1], *places[axis + 1:])
            if extents[axis] != fast.stop or any(
                    {slow, fast.name} & place.names() for place in rest):
                return None
            return Access(access.tensor, (*places[:axis - 1], Int.of(0), *places[axis:]))
    return None


def _names_outside(value: Scalar, names: set[str]) -> frozenset[str]:
    """Which of the names stand anywhere but in subscripts."""
    bare = map_scalar(value, lambda part: Number(Fraction(0)) if isinstance(part, Access) else None)
    return scalar_names(bare) & names


@dataclass(frozen=True, slots=True)
class Rows:
    """Loops of a sum around one along neighbouring elements of the target, to which each round
    adds: `low` .. `stop` - 1 are its values in any round, and perhaps more."""

    loops: Loop
    last: Loop
    store: Store
    low: Int
    stop: Int


def rows(loop: Loop) -> Rows | None:
    """The loops as sums of rows; None where they are anything else, or their range is unknown."""
    chain: list[Node] = [loop]
    within: set[str] = set()
    while True:
        match chain[-1]:
            case Loop(body=(Store(add=True) as store,)) as last:
                break
            case Loop(body=body) | When(body=body) as node:
                within |= {node.name} if isinstance(node, Loop) else set()
                within |= {let.name for let in body if isinstance(let, Let)}
                following = [part for part in body if not isinstance(part, Let)]
                if len(following) != 1:
                    return None
                chain.append(following[0])
            case _:
                return None
    names = {name for place in store.target.subscripts for name in place.names()}
    if last is loop or store.value is None or last.name not in names or names & within:
        return None
    lows = [low for low in _options(last.low, "max") if not low.names() & within]
    stops = [stop for stop in _options(last.stop, "min") if not stop.names() & within]
    return Rows(loop, last, store, lows[0], stops[0]) if lows and stops else None


def _options(bound: Int, kind: str) -> tuple[Int, ...]:
    match bound.terms:
        case (((Extremum(found, arguments),), 1),) if found == kind:
            return arguments
    return (bound,)


def _has_loop(nodes: Sequence[Node]) -> bool:
    return any(isinstance(node, Loop) or (isinstance(node, When) and _has_loop(node.body))
               for node in nodes)

"""How many terms the loops around a sum have, as far as their bounds tell; and which loops are
one: neighbouring axes of all that they read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from symconv.integers import Atom, Extremum, Floor, Int
from symconv.ir import Access, Apply, Number, Power, Scalar
from symconv.loops import Begin, Fold, Let, Loop, Node, Store, When
from symconv.rewrite import accesses, map_scalar, row_names, scalar_children, scalar_names

_SLOW = frozenset(("exp", "log", "tanh", "sigmoid"))

Box: TypeAlias = Mapping[str, tuple[int | None, int | None]]
"""The least and the greatest value of names, as far as they are known."""


def longest(loop: Loop, box: Box) -> int | None:
    """How many values the loop has at most, in numbers; None where its bounds do not tell."""
    found = [reach(stop - low, box)[1] for stop in _options(loop.stop, "min")
             for low in _options(loop.low, "max")]
    known = [count for count in found if count is not None]
    return max(0, min(known)) if known else None


def within(loop: Loop, box: Box) -> Box:
    """The box inside of the loop."""
    return {**box, loop.name: (reach(loop.low, box)[0], reach(loop.stop - 1, box)[1])}


def reach(expression: Int, box: Box) -> tuple[int | None, int | None]:
    """Bounds of an expression; each is None where it is not known."""
    low: int | None = 0
    high: int | None = 0
    for monomial, factor in expression.terms:
        match monomial:
            case ():
                ends: tuple[int | None, int | None] = (1, 1)
            case (atom,):
                ends = _atom_reach(atom, box)
            case _:
                return None, None
        least, most = ends if factor > 0 else ends[::-1]
        low = None if low is None or least is None else low + factor * least
        high = None if high is None or most is None else high + factor * most
    return low, high


def _atom_reach(atom: Atom, box: Box) -> tuple[int | None, int | None]:
    match atom:
        case str():
            return box.get(atom, (None, None))
        case Floor(numerator, denominator) if (divisor := denominator.constant) is not None:
            low, high = reach(numerator, box)
            return (None if low is None else low // divisor,
                    None if high is None else high // divisor)
        case Extremum(kind, arguments):
            choose = max if kind == "max" else min
            ends = [reach(argument, box) for argument in arguments]
            lows = [low for low, _ in ends if low is not None]
            highs = [high for _, high in ends if high is not None]
            known = (lows, highs) if kind == "max" else (highs, lows)
            sure = choose(known[0], default=None)           # any argument bounds this side
            both = choose(known[1]) if len(known[1]) == len(ends) else None
            return (sure, both) if kind == "max" else (both, sure)
    return None, None


def terms(nodes: Sequence[Node], box: Box, row: Loop | None = None) -> int | None:
    """How many points the nodes take in at most, the `row` as one; None where their bounds do
    not tell."""
    total = 0
    for node in nodes:
        match node:
            case Loop() if node is row:
                total += 1
            case Loop(_, _, _, body):
                count, inside = longest(node, box), terms(body, within(node, box), row)
                if count == 0 or inside == 0:
                    continue
                if count is None or inside is None:
                    return None
                total += count * inside
            case When(_, body):
                inside = terms(body, box, row)
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


def calls(nodes: Sequence[Node]) -> bool:
    """Whether the points that are taken in call functions of the library."""
    return any(_calls(node.value) if isinstance(node, Fold) else calls(node.body)
               for node in nodes if isinstance(node, Fold | When))


def _calls(value: Scalar) -> bool:
    match value:
        case Apply(function):
            return function in _SLOW or any(map(_calls, scalar_children(value)))
        case Power(base, exponent):
            return exponent.denominator > 2 or _calls(base)
    return any(map(_calls, scalar_children(value)))


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
            rest, last = (*places[:axis - 1], *places[axis + 1:]), axis - len(places)
            if len(extents) <= -last or extents[last] != fast.stop or any(
                    {slow, fast.name} & place.names() for place in rest):
                return None
            return Access(access.tensor, (*places[:axis - 1], Int.of(0), *places[axis:]))
    return None


def _names_outside(value: Scalar, names: set[str]) -> frozenset[str]:
    """Which of the names stand anywhere but in subscripts."""
    bare = map_scalar(value, lambda part: Number(Fraction(0)) if isinstance(part, Access) else None)
    return scalar_names(bare) & names


def widened(loop: Loop, found: Rows,
            extents: Callable[[str], Sequence[Int] | None]) -> Rows | None:
    """The sums of rows that stand in a loop, as those of one long row, where all that is read and
    written goes on from the end of a row to the beginning of the next one."""
    last, store = found.last, found.store
    around: list[Node] = []
    if (not found.is_steady or last.low or store.value is None
            or loop.name in _around(_replaced(found.loops, last, store), around)
            or _names_outside(store.value, {loop.name, last.name})):
        return None
    changed = {access: _joined(access, loop.name, last, extents(access.tensor))
               for access in (store.target, *accesses(store.value))}
    target = changed[store.target]
    if target is None or not all(changed.values()):
        return None
    value = map_scalar(store.value, lambda part: changed.get(part)
                       if isinstance(part, Access) else None)
    store = Store(target, value, True)
    row = Loop(last.name, loop.low * last.stop, loop.stop * last.stop, (store,))
    chain = _replaced(found.loops, last, row)
    return Rows(chain, row, store, row.low, row.stop) if isinstance(chain, Loop) else None


def _replaced(node: Node, old: Node, new: Node) -> Node:
    """The node with another one in place of one inside of it."""
    if node is old:
        return new
    match node:
        case Loop(name, low, stop, body):
            return Loop(name, low, stop, tuple(_replaced(part, old, new) for part in body))
        case When(rows, body):
            return When(rows, tuple(_replaced(part, old, new) for part in body))
    return node


@dataclass(frozen=True, slots=True)
class Rows:
    """Loops of a sum around one along neighbouring elements of the target, to which each round
    adds: `low` .. `stop` - 1 are its values in any round, and perhaps more."""

    loops: Loop
    last: Loop
    store: Store
    low: Int
    stop: Int

    @property
    def is_steady(self) -> bool:
        """Whether every round has the same elements."""
        return (self.low, self.stop) == (self.last.low, self.last.stop)


def rows(loop: Loop) -> Rows | None:
    """The loops as sums of rows; None where they are anything else, or their range is unknown."""
    chain: list[Node] = [loop]
    inside: set[str] = set()
    while True:
        match chain[-1]:
            case Loop(body=(Store(add=True) as store,)) as last:
                break
            case Loop(body=body) | When(body=body) as node:
                inside |= {node.name} if isinstance(node, Loop) else set()
                inside |= {let.name for let in body if isinstance(let, Let)}
                following = [part for part in body if not isinstance(part, Let)]
                if len(following) != 1:
                    return None
                chain.append(following[0])
            case _:
                return None
    names = {name for place in store.target.subscripts for name in place.names()}
    if last is loop or store.value is None or last.name not in names or names & inside:
        return None
    lows = [low for low in _options(last.low, "max") if not low.names() & inside]
    stops = [stop for stop in _options(last.stop, "min") if not stop.names() & inside]
    return Rows(loop, last, store, lows[0], stops[0]) if lows and stops else None


def columns(nodes: Sequence[Node], name: str) -> bool:
    """Whether the nodes are one sum for each value of a name, along which all that depends on it
    lies side by side: the target and the reads, and nothing else."""
    match nodes:
        case (When((), (Begin("sum", "real"), Loop() as loop, Store(target, None, False))),):
            found: list[Node] = []
            if name in _around(loop, found):
                return False
            match found:
                case [Fold("sum", _, value, None)]:
                    pass
                case _:
                    return False
            beside = [access for access in (target, *accesses(value))
                      if name in scalar_names(access)]
            return (target in beside and len(beside) > 1 and not _names_outside(value, {name})
                    and all(access.subscripts[-1].name == name and not any(
                        name in place.names() for place in access.subscripts[:-1])
                        for access in beside))
    return False


def _around(node: Node, found: list[Node]) -> frozenset[str]:
    """The names in the loops, constants and tests of a sum; what is within them is `found`."""
    match node:
        case Loop(_, low, stop, body):
            return (low.names() | stop.names()).union(*(_around(part, found) for part in body))
        case When(rows, body):
            return frozenset[str]().union(*(row_names(row) for row in rows),
                                          *(_around(part, found) for part in body))
        case Let(_, value):
            return value.names()
    found.append(node)
    return frozenset()


def _options(bound: Int, kind: str) -> tuple[Int, ...]:
    match bound.terms:
        case (((Extremum(found, arguments),), 1),) if found == kind:
            return arguments
    return (bound,)


def _has_loop(nodes: Sequence[Node]) -> bool:
    return any(isinstance(node, Loop) or (isinstance(node, When) and _has_loop(node.body))
               for node in nodes)

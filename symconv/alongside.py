"""Sums that lie side by side: loops along neighbouring elements of all that they read and write.

Rows of a target to which every round adds, columns of which each task has one, and loops that are
one, because a row of memory ends where the next one begins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from symconv.integers import Int
from symconv.ir import Access, Number, Scalar
from symconv.lengths import options
from symconv.loops import Begin, Fold, Let, Loop, Node, Store, When
from symconv.rewrite import accesses, map_scalar, row_names, scalar_names


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
    # each argument of a bound is a bound; one without names of the loops around holds in any round
    lows = [low for low in options(last.low, "max") if not low.names() & inside]
    stops = [stop for stop in options(last.stop, "min") if not stop.names() & inside]
    return Rows(loop, last, store, lows[0], stops[0]) if lows and stops else None


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
    """The read with both loops as one along the axis of the fast one, and 0 on the axis of the
    slow one: x[i, j] = x[0, i*J + j] in memory. None where a row of it does not end where the next
    one begins."""
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

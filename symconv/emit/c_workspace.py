"""The workspace of a pass in C: intermediates and buffers, one behind the other, and the loop over
the tasks that use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from symconv.emit.c_body import Locals
from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import words
from symconv.loops import Joined, Routine


@dataclass(frozen=True, slots=True)
class Buffer:
    """A part of the workspace: `count` elements of a C type."""

    name: str
    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class Piece:
    """So many elements of a C type; `size` is an expression for their bytes, in whole lines."""

    name: str
    kind: str
    size: str


def pieces(routine: Routine, spelling: Spelling, kinds: Mapping[str, str],
           buffers: Sequence[Buffer]) -> list[Piece]:
    """The intermediates, whose types are `kinds`, and then the buffers."""
    found: list[Piece] = []
    for tensor in routine.scratch:
        factors = [f"(size_t){spelling.integer(extent, factor=True)}"
                   for extent in spelling.extents[tensor.name]]
        found.append(_piece(spelling, tensor.name, kinds[tensor.name], factors))
    return found + [_piece(spelling, buffer.name, buffer.kind, [str(buffer.count)])
                    for buffer in buffers]


def pointers(found: Sequence[Piece], workspace: str) -> Iterator[str]:
    """A local for each of them."""
    start = f"(unsigned char *){workspace}"
    for piece in found:
        yield f"{piece.kind} *const {piece.name} = ({piece.kind} *)(void *)({start});"
        start = f"(unsigned char *){piece.name} + {piece.size}"


def total(found: Sequence[Piece]) -> str:
    return " + ".join(piece.size for piece in found) or "0"


def task_loop(routine: Routine, lines: Sequence[str], spelling: Spelling,
              own: Locals, joined: Joined | None = None) -> list[str]:
    """The lines of a task for all tasks of a call, with the indices that they use; `joined` are
    the tasks that are done at once, where no plan says it."""
    inside: list[str] = []
    rest = own.task
    for place, (name, extent) in reversed(list(enumerate(routine.tasks))):
        shown = spelling.integer(extent, factor=True)
        value = f"{rest} % {shown}" if place else rest
        inside.insert(0, f"const ptrdiff_t {name} = {value};")
        rest = f"{rest} / {shown}"
    joined = joined or routine.joined
    if joined is not None:
        lines = [*_joining(routine, joined, spelling, own), *lines]
    used = words(lines)
    inside = [line for line in inside if line.split()[2] in used]
    head = f"for (ptrdiff_t {own.task} = {own.begin}; {own.task} < {own.end}; {own.task}++) {{"
    return [head, *(f"    {line}" for line in (*inside, *lines)), "}"]


def _joining(routine: Routine, joined: Joined, spelling: Spelling, own: Locals) -> list[str]:
    """The number of tasks that are done at once: what is left of a block, and of the call."""
    index, extent = routine.tasks[-1]
    left = [f"{spelling.integer(extent)} - {index}", f"{own.end} - {own.task}"]
    if extent.constant is None or joined.most < extent.constant:
        left.insert(0, f"{joined.most} - {index} % {joined.most}")
    shown = left[-1]
    for one in reversed(left[:-1]):
        shown = f"{spelling.prefix}_min({one}, {shown})"
    return [f"const ptrdiff_t {joined.name} = {shown};", f"{own.task} += {joined.name} - 1;"]


def _piece(spelling: Spelling, name: str, kind: str, factors: Sequence[str]) -> Piece:
    size = " * ".join([*factors, f"sizeof({kind})"])
    return Piece(name, kind, f"{spelling.prefix}_round({size})")

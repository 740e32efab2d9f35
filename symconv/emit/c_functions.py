"""Lowered passes as C functions: each with its arguments, its body and what it calls.

A body consists of the nodes of its routine, each in the spelling that its plan has: loops, tiles of
sums, stencils, Winograd transforms. Names in it collide with none of the program.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace

from symconv.alongside import columns
from symconv.emit.c_body import Body, Locals
from symconv.emit.c_cascade import STRIP, CascadeNames
from symconv.emit.c_check import Codes, sizes_used
from symconv.emit.c_entries import (
    Function,
    PackFunction,
    entry_functions,
)
from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import words
from symconv.emit.c_packed import Packed, held, packable
from symconv.emit.c_parts import Parts
from symconv.emit.c_stencil import StencilSpelling
from symconv.emit.c_tiles import tile_spelling
from symconv.emit.c_winograd import WinogradSpelling
from symconv.emit.c_workspace import Buffer, Piece, pieces, pointers, task_loop, total
from symconv.emit.comments import pass_comment, shared_comment
from symconv.ir import Program, Tensor
from symconv.loops import Joined, Routine, Stenciled, Tiled, Transformed
from symconv.names import names_of
from symconv.passes import Pass

_REPEATED = ("forward", "vjp")           # passes that are called often with the same operands
_UNPACKED = "an operand was not packed by this very library for this pass; pack it anew"


@dataclass(frozen=True, slots=True)
class _Nodes:
    """What the nodes of a routine need: parts of the workspace, lines before all tasks, comments,
    operands that were packed before the call."""

    buffers: Sequence[Buffer]
    setup: Sequence[str]
    comment: Sequence[str]
    packed: Sequence[Packed]


def _tensors(program: Program) -> list[Tensor]:
    return [*program.inputs, *(definition.target for definition in program.definitions)]


@dataclass(frozen=True, slots=True)
class Emitter:
    """Makes the functions of one file: `packed` are the operands to pack, with the names that their
    functions have, `codes` collects the messages of refusals."""

    name: str
    program: Program
    dtype: str
    codes: Codes
    packed: Mapping[str, str]

    @property
    def real(self) -> str:
        return "float" if self.dtype == "float32" else "double"

    def spelling(self) -> Spelling:
        """The spelling of what belongs to no function."""
        return self._spelling([], {})

    def functions(self, item: Pass, routine: Routine) -> Iterator[Function]:
        """The function of a routine, and the entries to it."""
        whole = self._function(routine, item.entries)
        yield whole
        own = Locals.beside(names_of(routine.program))
        yield from entry_functions(whole, routine.program, item.entries, own, self.name,
                                   bool(self.program.sizes))

        if self.packed and item.name.partition("_")[0] in _REPEATED:
            once = self._function(replace(routine, name=f"{routine.name}_packed"), item.entries,
                                  self.packed)
            yield from [once] if once.packs else []

    def _function(self, routine: Routine, entries: Sequence[str],
                  operands: Collection[str] = ()) -> Function:
        """The function of a routine, where operands that it copies have been packed."""
        program, narrow = routine.program, self._narrow(routine)
        tensors = _tensors(program)
        spelling = self._spelling(tensors, {t.name: len(routine.tasks) for t in routine.scratch})
        own = Locals.beside(names_of(program))
        body, nodes = self._nodes(routine, spelling, own, operands)
        buffers, packed = nodes.buffers, nodes.packed
        parts = Parts(
            self.name, routine, body.lines, words,
            [*(size.name for size in self.program.sizes), own.task, *routine.numbers],
            {**{t.name: self._type(t, narrow) for t in tensors},
             **{buffer.name: buffer.kind for buffer in buffers},
             **{item.base: f"const {self.real}" for item in packed}})
        room = self._pieces(routine, buffers)
        strip = Joined(body.apart.edge, STRIP) if routine.tasks and columns(
            routine.body, routine.tasks[-1][0]) else None
        lines = [*pointers(room, own.workspace), *nodes.setup,
                 *(f"const int {flag.name} = {' || '.join(flag.any_of)};"
                   for flag in routine.flags),
                 *task_loop(routine, list(parts.body() if strip is None else body.columns(
                     routine.body, routine.tasks[-1][0], strip.name)), spelling, own, strip)]
        text = words(lines)
        packed = tuple(replace(item, plain=item.tensor.name in text) for item in packed)
        given = {item.tensor.name: item.argument for item in packed}
        silent = [name for name in (*(t.name for t in program.inputs), own.workspace)
                  if name not in text and name not in given]
        lines = [*sizes_used(self.program, lines, spelling, own),
                 *(f"(void){name};" for name in silent),
                 *(line for item in packed for line in item.opening(
                     spelling, item.tag(spelling), self.codes.shared(_UNPACKED))),
                 *lines, "return 0;"]
        arguments = self._arguments(program, given, own)
        return Function(
            routine.name,
            [*pass_comment(program), *(shared_comment("that is NULL") if entries else []),
             *nodes.comment,
             *(f"{item.argument} is what {self._packs(routine, item)} makes of "
               f"{item.tensor.name}." for item in packed)],
            arguments, [argument.replace("*restrict ", "*") for argument in arguments],
            self._returned(routine, total(room)), self._returned(routine, self._tasks(routine)),
            lines, parts.lines,
            [self._pack_function(routine, item, spelling) for item in packed])

    def _nodes(self, routine: Routine, spelling: Spelling, own: Locals,
               operands: Collection[str]) -> tuple[Body, _Nodes]:
        """The spelling of the nodes of a routine, each by the plan that it has, and what they
        need."""
        program = routine.program
        integers = frozenset(t.name for t in _tensors(program) if t.kind == "integer")
        joined = {node.joined.name for node in routine.body
                  if isinstance(node, Tiled | Transformed) and node.joined is not None}
        apart = CascadeNames.beside(names_of(program) | set(astuple(own)) | joined)
        body = Body(spelling, own, apart, integers, self.codes.shared)
        tiles = tile_spelling(routine, spelling, own.task, {*names_of(program), *astuple(apart)},
                              body.lines)
        taken = {*tiles.used, *astuple(own)}
        body.narrow = narrow = self._narrow(routine)
        body.stencils = StencilSpelling(spelling, taken, integers, narrow, body.lines).node
        windows = WinogradSpelling.of(routine, spelling, taken, body.lines)
        packed = packable(routine, tiles, windows, operands, {*taken})
        there = held(packed, spelling)
        tiles = replace(tiles, held=there)
        body.tiles = tiles.node
        if windows is None:
            return body, _Nodes(tiles.buffers(), list(tiles.setup()), [], packed)
        windows = replace(windows, held=there)
        body.windows = windows.node
        return body, _Nodes(windows.buffers(), [*tiles.setup(), *windows.setup()],
                            windows.comment(), packed)

    def _arguments(self, program: Program, given: Mapping[str, str], own: Locals) -> list[str]:
        """The arguments of a function; operands that have been packed are `given` under another
        name."""
        results = [program.tensor(output) for output in program.outputs]
        return [*([f"const {self.name}_sizes *{own.sizes}"] if self.program.sizes else []),
                *(f"const void *restrict {given[t.name]}" if t.name in given else
                  f"const {self._type(t)} *restrict {t.name}" for t in program.inputs),
                *(f"{self._type(t)} *restrict {t.name}" for t in results),
                f"void *{own.workspace}", f"ptrdiff_t {own.begin}", f"ptrdiff_t {own.end}"]

    def _pack_function(self, routine: Routine, item: Packed, spelling: Spelling) -> PackFunction:
        """The function that packs an operand for a pass."""
        name = item.tensor.name
        return PackFunction(
            self._packs(routine, item), name, item.argument,
            f"const {self.real} *restrict {name}, void *restrict {item.argument}",
            [f"return {item.size} * sizeof({self.real});"],
            list(item.packing(spelling, item.tag(spelling))))

    def _packs(self, routine: Routine, item: Packed) -> str:
        """The name of the function that packs an operand for a pass."""
        called = routine.name.removesuffix("_packed")
        return f"{self.name}_{called}_pack_{self.packed[item.tensor.name]}"

    def _spelling(self, tensors: Iterable[Tensor], dropped: dict[str, int]) -> Spelling:
        return Spelling(self.name, self.dtype, {
            t.name: t.logical[dropped.get(t.name, 0):] for t in tensors}, dropped)

    def _type(self, tensor: Tensor, narrow: frozenset[str] = frozenset()) -> str:
        if tensor.name in narrow:
            return "int32_t"
        return "int64_t" if tensor.kind == "integer" else self.real

    def _narrow(self, routine: Routine) -> frozenset[str]:
        """Intermediate places within a window: as wide as the numbers that they belong to."""
        if self.dtype != "float32":
            return frozenset()
        own = {tensor.name for tensor in routine.scratch}
        return frozenset(node.plan.places for node in routine.body if isinstance(node, Stenciled)
                         and node.plan.places in own)

    def _pieces(self, routine: Routine, buffers: Sequence[Buffer]) -> list[Piece]:
        tensors, narrow = routine.scratch, self._narrow(routine)
        spelling = self._spelling(tensors, {t.name: len(routine.tasks) for t in tensors})
        return pieces(routine, spelling, {t.name: self._type(t, narrow) for t in tensors}, buffers)

    def _tasks(self, routine: Routine) -> str:
        spelling = self.spelling()
        return " * ".join(spelling.integer(e, factor=True) for _, e in routine.tasks) or "1"

    def _returned(self, routine: Routine, value: str) -> list[str]:
        """The body of a function that computes something from the sizes alone."""
        lines, own = [f"return {value};"], Locals.beside(names_of(routine.program))
        return [*sizes_used(self.program, lines, self.spelling(), own), *lines]

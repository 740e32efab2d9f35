"""C source from loops: one header and one file for all passes of an operator.

    passes --lower--> routines --c_body--> lines --templates/c--> NAME.h, NAME.c

The contract of the emitted functions (sizes, workspace, tasks, codes) stands in the header that
`templates/c/kernel.h.jinja` writes; `kernel` calls them through it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import partial

from symconv.absence import refusal
from symconv.alongside import columns
from symconv.choice import Choice
from symconv.emit.c_body import Body, Locals
from symconv.emit.c_cascade import LANES, STRIP, CascadeNames
from symconv.emit.c_check import Check, Codes, check_lines, sizes_used
from symconv.emit.c_entries import (
    Function,
    PackFunction,
    entry_functions,
    expect_distinct,
    expect_packs_distinct,
)
from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import words
from symconv.emit.c_names import is_reserved
from symconv.emit.c_packed import Packed, held, packable
from symconv.emit.c_parallel import parallel_function
from symconv.emit.c_parts import Parts
from symconv.emit.c_registers import machines
from symconv.emit.c_stencil import StencilSpelling
from symconv.emit.c_tile_buffers import plans_of
from symconv.emit.c_tiles import tile_spelling
from symconv.emit.c_transforms import transform_lines
from symconv.emit.c_turning import turning_lines
from symconv.emit.c_weaving import weaving_lines
from symconv.emit.c_winograd import WinogradSpelling, heights, transformed
from symconv.emit.c_workspace import Buffer, Piece, pieces, pointers, task_loop, total
from symconv.emit.comments import pass_comment, shape_text, shared_comment, size_comment
from symconv.emit.renaming import rename
from symconv.ir import Program, Tensor
from symconv.loops import Joined, Routine, Stenciled, Tiled, Transformed
from symconv.lower import lower
from symconv.names import names_of
from symconv.passes import Pass
from symconv.render import render

_REPEATED = ("forward", "vjp")           # passes that are called often with the same operands
_UNPACKED = "an operand was not packed by this very library for this pass; pack it anew"


def emit_c(name: str, program: Program, passes: Sequence[Pass], dtype: str,
           schedule: str = "auto", accuracy: str = "default",
           packed: Sequence[str] = (), *, openmp: bool = False,
           choices: Mapping[str, Choice] | None = None) -> dict[str, str]:
    """NAME.h and NAME.c for the passes of a program; `dtype` is "float32" or "float64",
    `schedule` one of `schedule.SCHEDULES`, `accuracy` one of `transforming.ACCURACIES`. Forward
    and gradients, where they copy one of the operands `packed`, are emitted once more for copies
    that were made before (`c_packed`). With `openmp` every function has a parallel driver beside
    it (`c_parallel`). `choices` by the name of a pass decide among its plans.

    `program` and `passes` have either all sizes as names, or all replaced by numbers: then the
    functions take no sizes.
    """
    taken = partial(is_reserved, name)
    original, program = program, rename(program, taken)
    emitter = _Emitter(name, program, dtype, set(), Codes(), {
        new.name: old.name for old, new in zip(original.inputs, program.inputs, strict=True)
        if old.name in packed})
    tests = check_lines(program, emitter.spelling(), emitter.codes)
    passes = [replace(item, program=rename(item.program, taken)) for item in passes]
    routines = [lower(item, schedule, dtype == "float32" and accuracy == "default",
                      (choices or {}).get(item.name)) for item in passes]
    functions = [function for item, routine in zip(passes, routines, strict=True)
                 for function in emitter.functions(item, routine)]
    expect_distinct(name, functions, ("workspace", "tasks", *(["parallel"] if openmp else [])))
    expect_packs_distinct(name, functions)
    plans = [plan for routine in routines for plan in plans_of(routine)]
    windows = [node.plan for routine in routines for node in transformed(routine)]
    tall = [rows for plan in windows for rows in heights(plan)]
    check = Check(tests, emitter.codes.literals())
    free = [size.name for size in program.sizes if size.value is None]
    if openmp:
        functions = [one for function in functions
                     for one in (function, parallel_function(function, name, free))]
    header = render("c/kernel.h.jinja", name=name, guard=f"{name.upper()}_H", sizes=free,
                    refuses=any(refusal(d) is not None for routine in routines
                                for d in routine.program.definitions),
                    packs=any(function.packs for function in functions),
                    functions=functions, openmp=openmp, shapes=_shapes(program),
                    derived=size_comment(program),
                    integers=any(t.kind == "integer" for t in program.inputs)
                    or any(d.target.kind == "integer" and d.target.name in program.outputs
                           for d in program.definitions))
    source = render("c/kernel.c.jinja", name=name, prefix=name, real=emitter.real, sizes=free,
                    suffix="f" if dtype == "float32" else "", functions=functions, check=check,
                    helpers=frozenset(emitter.helpers), lanes=LANES,
                    machines=machines(plans, name, emitter.real, tall) if plans or tall else [],
                    transforms=transform_lines(windows, emitter.spelling()) if windows else [],
                    turning=turning_lines(name, emitter.real),
                    weaving=weaving_lines(name, emitter.real, frozenset(emitter.helpers)))
    return {f"{name}.h": header, f"{name}.c": source}


@dataclass(frozen=True, slots=True)
class _Emitter:
    name: str
    program: Program
    dtype: str
    helpers: set[str]
    codes: Codes
    packed: Mapping[str, str]   # operands to pack, and what their functions call them

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
        program = routine.program
        results = [program.tensor(output) for output in program.outputs]
        tensors = [*program.inputs, *(d.target for d in program.definitions)]
        dropped = {tensor.name: len(routine.tasks) for tensor in routine.scratch}
        spelling = self._spelling(tensors, dropped)
        own = Locals.beside(names_of(program))
        integers = frozenset(t.name for t in tensors if t.kind == "integer")
        joined = {node.joined.name for node in routine.body
                  if isinstance(node, Tiled | Transformed) and node.joined is not None}
        apart = CascadeNames.beside(names_of(program) | set(astuple(own)) | joined)
        body = Body(spelling, own, apart, integers, self.codes.shared)
        tiles = tile_spelling(routine, spelling, own.task, {*names_of(program), *astuple(apart)},
                              body.lines)
        body.narrow = narrow = self._narrow(routine)
        body.stencils = StencilSpelling(spelling, {*tiles.used, *astuple(own)}, integers, narrow,
                                        body.lines).node
        windows = WinogradSpelling.of(routine, spelling, {*tiles.used, *astuple(own)}, body.lines)
        packed = packable(routine, tiles, windows, operands, {*tiles.used, *astuple(own)})
        if packed:
            there = held(packed, spelling)
            tiles = replace(tiles, held=there)
            windows = None if windows is None else replace(windows, held=there)
        body.tiles = tiles.node
        body.windows = None if windows is None else windows.node
        buffers = tiles.buffers() if windows is None else windows.buffers()
        parts = Parts(
            self.name, routine, body.lines, words,
            [*(size.name for size in self.program.sizes), own.task, *routine.numbers],
            {**{t.name: self._type(t, narrow) for t in tensors},
             **{buffer.name: buffer.kind for buffer in buffers},
             **{item.base: f"const {self.real}" for item in packed}})
        room = self._pieces(routine, buffers)
        strip = Joined(body.apart.edge, STRIP) if routine.tasks and columns(
            routine.body, routine.tasks[-1][0]) else None
        lines = [*pointers(room, own.workspace), *tiles.setup(),
                 *(windows.setup() if windows is not None else ()),
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
        restricted = [*(f"const void *restrict {given[t.name]}" if t.name in given else
                        f"const {self._type(t)} *restrict {t.name}" for t in program.inputs),
                      *(f"{self._type(t)} *restrict {t.name}" for t in results)]
        sizes = [f"const {self.name}_sizes *{own.sizes}"] if self.program.sizes else []
        ends = [f"void *{own.workspace}", f"ptrdiff_t {own.begin}", f"ptrdiff_t {own.end}"]
        return Function(
            routine.name,
            [*pass_comment(program), *(shared_comment("that is NULL") if entries else []),
             *(windows.comment() if windows is not None else []),
             *(f"{item.argument} is what {self._packs(routine, item)} makes of "
               f"{item.tensor.name}." for item in packed)],
            [*sizes, *restricted, *ends],
            [*sizes, *(argument.replace("*restrict ", "*") for argument in restricted), *ends],
            self._returned(routine, total(room)), self._returned(routine, self._tasks(routine)),
            lines, parts.lines,
            [PackFunction(
                self._packs(routine, item), item.tensor.name, item.argument,
                f"const {self.real} *restrict {item.tensor.name}, void *restrict {item.argument}",
                [f"return {item.size} * sizeof({self.real});"],
                list(item.packing(spelling, item.tag(spelling)))) for item in packed])

    def _packs(self, routine: Routine, item: Packed) -> str:
        """The function that packs an operand of a pass."""
        called = routine.name.removesuffix("_packed")
        return f"{self.name}_{called}_pack_{self.packed[item.tensor.name]}"

    def _spelling(self, tensors: Iterable[Tensor], dropped: dict[str, int]) -> Spelling:
        return Spelling(self.name, self.dtype, {
            t.name: t.logical[dropped.get(t.name, 0):] for t in tensors}, dropped, self.helpers)

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


def _shapes(program: Program) -> list[str]:
    """One line per operand and output."""
    return [shape_text(tensor) for tensor in (
        *program.inputs, *(program.tensor(name) for name in program.outputs))]

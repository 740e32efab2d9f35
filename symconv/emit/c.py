"""C source from loops: one header and one file for all passes of an operator.

    passes --lower--> routines --c_functions--> lines --templates/c--> NAME.h, NAME.c

The contract of the emitted functions (sizes, workspace, tasks, codes) stands in the header that
`templates/c/kernel.h.jinja` writes; `kernel` calls them through it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from symconv.absence import refusal
from symconv.choice import Choice
from symconv.element import element_of
from symconv.emit.c_check import Check, Codes, check_lines
from symconv.emit.c_entries import (
    expect_distinct,
    expect_packs_distinct,
)
from symconv.emit.c_functions import Emitter
from symconv.emit.c_helpers import helper_text
from symconv.emit.c_names import is_reserved
from symconv.emit.c_parallel import parallel_function
from symconv.emit.comments import shape_text, size_comment
from symconv.emit.renaming import rename
from symconv.ir import Program
from symconv.lower import lower
from symconv.passes import Pass
from symconv.render import render


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
    emitter = Emitter(name, program, dtype, Codes(), {
        new.name: old.name for old, new in zip(original.inputs, program.inputs, strict=True)
        if old.name in packed})
    tests = check_lines(program, emitter.spelling(), emitter.codes)
    passes = [replace(item, program=rename(item.program, taken)) for item in passes]
    routines = [lower(item, schedule, dtype == "float32" and accuracy == "default",
                      (choices or {}).get(item.name), element_of(dtype)) for item in passes]
    functions = [function for item, routine in zip(passes, routines, strict=True)
                 for function in emitter.functions(item, routine)]
    expect_distinct(name, functions, ("workspace", "tasks", *(["parallel"] if openmp else [])))
    expect_packs_distinct(name, functions)
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
    below = render("c/functions.jinja", name=name, sizes=free, functions=functions, check=check)
    source = render("c/kernel.c.jinja", name=name, functions=below,
                    helpers=helper_text(routines, emitter.spelling(), below))
    return {f"{name}.h": header, f"{name}.c": source}


def _shapes(program: Program) -> list[str]:
    """One line per operand and output."""
    return [shape_text(tensor) for tensor in (
        *program.inputs, *(program.tensor(name) for name in program.outputs))]

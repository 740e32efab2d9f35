"""The parallel driver of an emitted C function: its tasks, cut into one range for each thread.

    int NAME_forward_parallel(x, w, y, workspace, threads);

It needs OpenMP (-fopenmp) to run on several threads; without it the ranges run one after the
other. Either way the bits are those of one call for all tasks, and so is the code that comes back:
of ranges that fail, the first one tells.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from symconv.emit.c_entries import Function
from symconv.names import fresh

_ENDS = 3               # arguments behind the results: workspace, task_begin, task_end
_WIDTH = 92
_LAST = re.compile(r"\w+$")


def parallel_function(function: Function, kernel: str, sizes: Sequence[str]) -> Function:
    """The driver of a function; `sizes` are what its workspace and tasks depend on."""
    names = [found.group() for argument in function.arguments
             if (found := _LAST.search(argument)) is not None]
    used = {*names, *sizes}
    threads, count, tasks, room, first, code, part, rest, begin, result = (
        fresh(stem, used) for stem in ("threads", "count", "tasks", "room", "first", "code", "part",
                                       "rest", "begin", "result"))
    called = f"{kernel}_{function.name}"
    leading = ", ".join(names[:1] if sizes else [])
    given, workspace = names[:-_ENDS], names[-_ENDS]
    place = f"{room} > 0 ? (unsigned char *){workspace} + {room} * (size_t){part} : NULL"
    call = textwrap.wrap(
        f"const int {result} = {called}({', '.join(given)}, {place}, {begin}, "
        f"{begin} + {tasks} / {count} + ({part} < {rest}));", _WIDTH - 4,
        subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    body = [
        f"const ptrdiff_t {tasks} = {called}_tasks({leading});",
        f"const size_t {room} = {called}_workspace({leading});",
        f"const int {count} = {tasks} < 2 || {threads} < 2 ? 1 : "
        f"{tasks} < {threads} ? (int){tasks} : {threads};",
        f"const ptrdiff_t {rest} = {tasks} % {count};",
        f"int {first} = {count}, {code} = 0;",
        "#if defined(_OPENMP)",
        f"#pragma omp parallel for schedule(static, 1) num_threads({count})",
        "#endif",
        f"for (int {part} = 0; {part} < {count}; {part}++) {{",
        f"    const ptrdiff_t {begin} = {tasks} / {count} * {part} + "
        f"({part} < {rest} ? {part} : {rest});",
        *(f"    {line}" for line in call),
        f"    if ({result}) {{",
        "#if defined(_OPENMP)",
        f"#pragma omp critical({called}_code)",
        "#endif",
        f"        if ({part} < {first}) {{",
        f"            {first} = {part};",
        f"            {code} = {result};",
        "        }",
        "    }",
        "}",
        f"return {code};"]
    ends = [function.arguments[-_ENDS], f"int {threads}"]
    comment = [f"All tasks of {called}, on up to `{threads}` threads, with {threads} times its",
               "workspace. Without OpenMP there is one thread."]
    return Function(f"{function.name}_parallel", comment, [*function.arguments[:-_ENDS], *ends],
                    [*function.prototype[:-_ENDS], *ends], [], [], body)

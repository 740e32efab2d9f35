"""C programs that call kernels under sanitizers: every array is a heap block of exactly its size,
so that one element too far ends the program."""

import math
import subprocess

import pytest

from symconv.compiler import find_compiler
from symconv.shapes import stored_shape

FLAGS = ("-std=c11", "-O0", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def compiler_with_sanitizers(folder):
    """The command of a compiler whose sanitizers link and run; otherwise the test is skipped."""
    command = find_compiler().command
    (folder / "a.c").write_text("int main(void) { return 0; }\n")
    done = subprocess.run([*command, *FLAGS, "a.c", "-o", "a"], cwd=folder, capture_output=True)
    if done.returncode or subprocess.run([folder / "a"], capture_output=True).returncode:
        pytest.skip("the compiler has no sanitizers")
    return command


def finished(command, files, folder, flags=()):
    """The run of a program that is compiled from `files`."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    subprocess.run([*command, *FLAGS, *flags, "k.c", "main.c", "-o", "run", "-lm"], cwd=folder,
                   check=True)
    return subprocess.run([folder / "run"], capture_output=True, text=True, timeout=100)


def program(blocks, opening=()):
    """The text of a program that runs blocks of lines one after the other."""
    inside = [*opening, *(f"    {line}" if line not in "{}" else line
                          for block in blocks for line in ("{", *block, "}")), "return 0;"]
    return "\n".join(["#include <stddef.h>", "#include <stdlib.h>", '#include "k.h"',
                      "int main(void) {", *(f"    {line}" for line in inside), "}", ""])


def array(name, real, count):
    """The array a_NAME of so many small numbers; `real` is its type, or None for labels."""
    kind, value = ("long long", "i % 2") if real is None else (real, "i % 5 - 2")
    return [f"{kind} *a_{name} = malloc({count} * sizeof({kind}));",
            f"for (int i = 0; i < {count}; i++) a_{name}[i] = {value};"]


def called(function, arrays, sizes=""):
    """The tasks of a function, one by one and then all at once; with run-time `sizes`."""
    passed = ", ".join([*([sizes] if sizes else []), *(f"(void *){name}" for name in arrays)])
    return [f"ptrdiff_t tasks = {function}_tasks({sizes});",
            f"void *work = aligned_alloc(64, ({function}_workspace({sizes}) + 63) / 64 * 64);",
            "for (ptrdiff_t t = 0; t < tasks; t++)",
            f"    if ({function}({passed}, work, t, t + 1)) return 4;",
            f"if ({function}({passed}, work, 0, tasks)) return 4;",
            *(f"free({name});" for name in (*arrays, "work"))]


def expect_no_byte_outside(made, folder, optimised="-O1"):
    """The passes of a kernel k for fixed shapes, as it is built for this machine; those with
    integers in them are left out."""
    real = "float" if made.dtype == "float32" else "double"
    blocks = []
    for item in made.passes:
        tensors = [*item.program.inputs, *map(item.program.tensor, item.program.outputs)]
        if not any(tensor.kind == "integer" for tensor in tensors):
            blocks.append([line for tensor in tensors for line in array(
                tensor.name, real, math.prod(stored_shape(tensor, {})))] + called(
                    f"k_{item.name}", [f"a_{tensor.name}" for tensor in tensors]))
    done = finished(compiler_with_sanitizers(folder), {**made.sources, "main.c": program(blocks)},
                    folder, ("-std=gnu11", "-march=native", optimised))
    assert done.returncode == 0, done.stderr[:3000]

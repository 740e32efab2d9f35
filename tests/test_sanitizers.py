"""Emitted C under the address and undefined-behaviour sanitizers: no byte outside the arrays.

Every array is a heap block of exactly its size, so that one element too far ends the program.
"""

import subprocess

import pytest

import symconv as sc
from symconv.compiler import find_compiler
from symconv.emission import emit
from symconv.passes import all_passes, emitted_passes
from symconv.shapes import bind, stored_shape

FLAGS = ("-std=c11", "-O0", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

CASES = {
    "size one": (sc.ops.conv2d(), {"x": (1, 1, 1, 1), "w": (1, 1, 1, 1), "b": (1,)}),
    "kernel larger than input": (sc.ops.conv2d(padding=4, stride=3, dilation=2),
                                 {"x": (1, 2, 1, 2), "w": (3, 2, 4, 3), "b": (3,)}),
    "cropped": (sc.ops.conv2d(padding=((-1, 2), (3, -2)), stride=(2, 3), groups=2),
                {"x": (2, 4, 7, 9), "w": (6, 2, 3, 2), "b": (6,)}),
    "far padding": (sc.ops.conv1d(padding=9, stride=4),
                    {"x": (1, 1, 2), "w": (1, 1, 3), "b": (1,)}),
    "reflected": (sc.ops.conv1d(padding=2, padding_mode="reflect", stride=2),
                  {"x": (2, 1, 3), "w": (2, 1, 2), "b": (2,)}),
    "wrapped": (sc.ops.conv2d(padding=1, padding_mode="circular", bias=False),
                {"x": (1, 1, 2, 1), "w": (1, 1, 2, 2)}),
    "empty batch": (sc.ops.conv2d(), {"x": (0, 2, 3, 3), "w": (1, 2, 2, 2), "b": (1,)}),
    "no channels": (sc.ops.conv2d(), {"x": (1, 0, 3, 3), "w": (2, 0, 2, 2), "b": (2,)}),
    "transposed": (sc.ops.conv_transpose2d(stride=3, padding=1, dilation=2, output_padding=1),
                   {"x": (1, 2, 2, 1), "w": (2, 3, 2, 3), "b": (3,)}),
    "max pool": (sc.ops.max_pool2d(kernel_size=3, stride=2, padding=1, ceil_mode=True,
                                   return_indices=True), {"x": (1, 2, 4, 1)}),
    "dilated min pool": (sc.ops.min_pool1d(kernel_size=2, dilation=3, padding=0, ties="even"),
                         {"x": (1, 1, 4)}),
    "mean": (sc.ops.avg_pool2d(kernel_size=(3, 1), stride=2, padding=(1, 0),
                               count_include_pad=False), {"x": (1, 1, 2, 5)}),
    "program": (sc.ops.conv1d(padding=1) >> sc.ops.relu() >> sc.ops.max_pool1d(2)
                >> sc.ops.conv1d(), {"x": (2, 1, 7), "w": (2, 1, 3), "b": (2,),
                                     "w_2": (1, 2, 2), "b_2": (1,)}),
    "labels": (sc.ops.softmax_cross_entropy(ndim=2), {"x": (3, 4), "labels": (3,)}),
    "reads of integers": (sc.parse("x: [N, C]\nk: int[N]\ny[n] = sum[c]([c == k[n]] * x[n,c])"),
                          {"x": (3, 2), "k": (3,)}),
    "skewed": (sc.parse("y[i] = sum[a](x[2*i - 3*a + 1] * x[a]); i < 5; a < 4"), {"x": (4,)}),
    "reversed": (sc.parse("x: [N]; i < N; y[i] = x[N-1-i] * sum[a]([a < i] * x[a]**2)"),
                 {"x": (1,)}),
}


def harness(name, program, shapes, run_time):
    """A program that calls every pass on arrays of exactly the right size."""
    values = bind(program, shapes)
    free = [size.name for size in program.sizes if size.value is None] if run_time else []
    sizes = f"&(k_sizes){{{', '.join(str(values[size]) for size in free)}}}" if free else ""
    lead = f"{sizes}, " if sizes else ""
    lines = ["#include <stdio.h>", "#include <stdlib.h>", "#include <string.h>",
             f'#include "{name}.h"', "int main(void) {",
             f"    if ({name}_check({sizes}) != 0) return 3;"]
    for item in {item.name: item for item in (
            *all_passes(program), *emitted_passes(program))}.values():
        tensors = [*item.program.inputs, *map(item.program.tensor, item.program.outputs)]
        lines.append("    {")
        for tensor in tensors:
            kind = "long long" if tensor.kind == "integer" else "float"
            count = 1
            for extent in stored_shape(tensor, values):
                count *= extent
            lines += [f"        {kind} *a_{tensor.name} = malloc({count} * sizeof({kind}));",
                      f"        for (int i = 0; i < {count}; i++) a_{tensor.name}[i] = "
                      f"{'i % 2' if kind != 'float' else 'i % 5 - 2'};"]
        passed = "".join(f"(void *)a_{tensor.name}, " for tensor in tensors)
        lines += [f"        size_t bytes = {name}_{item.name}_workspace({sizes});",
                  "        void *work = aligned_alloc(64, (bytes + 63) / 64 * 64);",
                  f"        ptrdiff_t tasks = {name}_{item.name}_tasks({sizes});",
                  "        for (ptrdiff_t t = 0; t < tasks; t++)",
                  f"            if ({name}_{item.name}({lead}{passed}work, t, t + 1)) return 4;",
                  *(f"        free(a_{tensor.name});" for tensor in tensors),
                  "        free(work);", "    }"]
    return "\n".join([*lines, "    return 0;", "}", ""])


@pytest.fixture(scope="module")
def compiler(tmp_path_factory):
    """A compiler whose sanitizers link and run, the fast one of the machine."""
    command = find_compiler().command
    folder = tmp_path_factory.mktemp("probe")
    (folder / "a.c").write_text("int main(void) { return 0; }\n")
    done = subprocess.run([*command, *FLAGS, "a.c", "-o", "a"], cwd=folder, capture_output=True)
    if done.returncode or subprocess.run([folder / "a"], capture_output=True).returncode:
        pytest.skip("the compiler has no sanitizers")
    return command


@pytest.mark.parametrize("fixed", [False, True], ids=["run-time sizes", "fixed shapes"])
@pytest.mark.parametrize("case", CASES)
def test_no_pass_leaves_its_arrays(compiler, case, fixed, tmp_path):
    operator, shapes = CASES[case]
    files = emit(operator, targets=["c"], name="k", shapes=shapes if fixed else None)
    files["main.c"] = harness("k", operator.definition, shapes, not fixed)
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    subprocess.run([*compiler, *FLAGS, "k.c", "main.c", "-o", "run", "-lm"], cwd=tmp_path,
                   check=True)
    done = subprocess.run([tmp_path / "run"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[:3000]


def test_the_sanitizers_see_a_read_outside(compiler, tmp_path):
    """What makes the test above mean something."""
    operator, shapes = sc.ops.conv1d(bias=False), {"x": (1, 1, 4), "w": (1, 1, 2)}
    files = emit(operator, targets=["c"], name="k", shapes=shapes)
    files["main.c"] = harness("k", operator.definition, {"x": (1, 1, 3), "w": (1, 1, 2)}, False)
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    subprocess.run([*compiler, *FLAGS, "k.c", "main.c", "-o", "run", "-lm"], cwd=tmp_path,
                   check=True)
    assert "heap-buffer-overflow" in subprocess.run([tmp_path / "run"], capture_output=True,
                                                    text=True).stderr

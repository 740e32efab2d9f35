"""The parallel driver: the bits of one call on any number of threads, and no byte outside."""

import math
import os
import subprocess

import pytest
from sanitizing import FLAGS
from test_schedules import STRICT, other_compilers

import symconv as sc
from symconv.cli import run as cli
from symconv.compiler import find_compiler
from symconv.emission import emit
from symconv.passes import all_passes, emitted_passes
from symconv.shapes import bind, stored_shape

# an odd number of tasks, one and none; bands, groups and slices; names that the driver uses itself
CASES = {
    "odd tasks": (sc.ops.conv2d(padding=1, bias=False), {"x": (7, 3, 6, 9), "w": (5, 3, 3, 3)}),
    "depthwise": (sc.ops.conv2d(padding=1, groups=5, bias=False),
                  {"x": (1, 5, 9, 8), "w": (5, 1, 3, 3)}),
    "windows": (sc.ops.conv2d(padding=1, bias=False), {"x": (5, 4, 9, 11), "w": (3, 4, 3, 3)}),
    "classes": (sc.ops.conv2d(stride=2, padding=1, bias=False),
                {"x": (3, 20, 17, 19), "w": (21, 20, 3, 3)}),
    "one task": (sc.ops.conv1d(bias=False), {"x": (1, 1, 9), "w": (1, 1, 2)}),
    "no task": (sc.ops.conv1d(bias=False), {"x": (0, 1, 9), "w": (1, 1, 2)}),
    "pool": (sc.ops.max_pool2d(kernel_size=3, stride=2, padding=1, return_indices=True),
             {"x": (1, 3, 9, 8)}),
    "program": (sc.ops.conv1d(padding=1) >> sc.ops.relu() >> sc.ops.max_pool1d(2)
                >> sc.ops.conv1d(), {"x": (3, 1, 7), "w": (2, 1, 3), "b": (2,),
                                     "w_2": (1, 2, 2), "b_2": (1,)}),
    "names": (sc.parse("y[n,i] = sum[a](threads[n,i+a] * part[a]) + tasks[n]"),
              {"threads": (3, 8), "part": (3,), "tasks": (3,)}),
}
REFUSING = (sc.parse("x: [N, C]\nk: int[N]\ny[n] = max[c]([c < k[n]] * x[n,c])"),
            {"x": (5, 2), "k": (5,)})
MAIN = """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "k.h"

static int calls;

int main(void)
{
%s
    return calls ? 0 : 9;
}
"""
ONE = """    {{
        {arrays}
        const size_t room = k_{name}_workspace({sizes});
        void *work = aligned_alloc(64, room);
        const int code = k_{name}({one}, work, 0, k_{name}_tasks({sizes}));
        free(work);
        for (int threads = 0; threads <= 5; threads++) {{
            work = aligned_alloc(64, room * (size_t)(threads > 1 ? threads : 1));
            {clear}
            if (k_{name}_parallel({other}, work, threads) != code || (!code && ({differ}))) {{
                fprintf(stderr, "{name} on %d threads\\n", threads);
                return 5;
            }}
            calls++;
            free(work);
        }}
        {release}
    }}"""


def harness(program, shapes, run_time):
    """Every pass on arrays of exactly the right size, by one call and on some threads."""
    values = bind(program, shapes)
    free = [size.name for size in program.sizes if size.value is None] if run_time else []
    sizes = f"&(k_sizes){{{', '.join(str(values[size]) for size in free)}}}" if free else ""
    blocks = []
    for item in {item.name: item for item in (
            *all_passes(program), *emitted_passes(program))}.values():
        lines, names, differ, clear = [], [], [], []

        def array(name, tensor, lines=lines, names=names):
            kind = "int64_t" if tensor.kind == "integer" else "float"
            count = math.prod(stored_shape(tensor, values))
            lines.append(f"{kind} *{name} = malloc({count} * sizeof({kind}));")
            lines.append(f"for (int i = 0; i < {count}; i++) "
                         f"{name}[i] = ({kind})(i * 7919 % 1000) / 256 - 1;")
            names.append(name)
            return f"{count} * sizeof({kind})"

        passed = [*([sizes] if sizes else []), *(f"a_{t.name}" for t in item.program.inputs)]
        for tensor in item.program.inputs:
            array(f"a_{tensor.name}", tensor)
        for name in item.program.outputs:
            for letter in "bc":
                size = array(f"{letter}_{name}", item.program.tensor(name))
            differ.append(f"memcmp(b_{name}, c_{name}, {size})")
            clear.append(f"memset(c_{name}, 0x5a, {size});")
        one, other = (", ".join((*passed, *(f"{letter}_{name}" for name in item.program.outputs)))
                      for letter in "bc")
        blocks.append(ONE.format(
            name=item.name, sizes=sizes, arrays="\n        ".join(lines), one=one, other=other,
            clear=" ".join(clear), differ=" || ".join(differ),
            release=" ".join(f"free({name});" for name in names)))
    return MAIN % "\n".join(blocks)


def write(folder, op, shapes, fixed):
    files = emit(op, targets=["c"], name="k", shapes=shapes if fixed else None, openmp=True,
                 schedule="winograd" if op is CASES["windows"][0] else "auto")
    files["main.c"] = harness(op.definition, shapes, not fixed)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def parallel(tmp_path_factory):
    """A compiler with OpenMP and sanitizers."""
    command = [*find_compiler().command, *FLAGS, "-fopenmp"]
    folder = tmp_path_factory.mktemp("probe")
    (folder / "a.c").write_text("int main(void) { int n = 0;\n#pragma omp parallel num_threads(2)"
                                " reduction(+ : n)\n n++; return n != 2; }\n")
    done = subprocess.run([*command, "a.c", "-o", "a"], cwd=folder, capture_output=True)
    if done.returncode or subprocess.run([folder / "a"], capture_output=True).returncode:
        pytest.skip("the compiler has no OpenMP or no sanitizers")
    return command


def run(command, folder):
    subprocess.run([*command, "k.c", "main.c", "-o", "run", "-lm"], cwd=folder, check=True)
    return subprocess.run([folder / "run"], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "OMP_WAIT_POLICY": "passive"})


@pytest.mark.parametrize("fixed", [False, True], ids=["run-time sizes", "fixed shapes"])
@pytest.mark.parametrize("case", CASES)
def test_threads_give_the_same_bits_and_stay_in_their_arrays(parallel, case, fixed, tmp_path):
    op, shapes = CASES[case]
    write(tmp_path, op, shapes, fixed)
    done = run(parallel, tmp_path)
    assert done.returncode == 0, done.stderr[:3000]


@pytest.mark.parametrize("fixed", [False, True], ids=["run-time sizes", "fixed shapes"])
def test_a_refusal_comes_back_from_any_thread(parallel, fixed, tmp_path):
    op, shapes = REFUSING
    write(tmp_path, op, shapes, fixed)
    done = run(parallel, tmp_path)
    assert done.returncode == 0, done.stderr[:3000]


def test_the_harness_sees_a_task_that_is_left_out(parallel, tmp_path):
    """What makes the tests above mean something."""
    op, shapes = CASES["odd tasks"]
    write(tmp_path, op, shapes, False)
    text = (tmp_path / "k.c").read_text()
    broken = text.replace("+ (part < rest ? part : rest)", "+ (part < rest ? part : 0)")
    assert broken != text
    (tmp_path / "k.c").write_text(broken)
    assert "threads" in run(parallel, tmp_path).stderr


@pytest.mark.parametrize("case", CASES)
def test_without_openmp_the_same_text_is_serial_and_free_of_warnings(case, tmp_path):
    op, shapes = CASES[case]
    write(tmp_path, op, shapes, True)
    for command in other_compilers():
        done = subprocess.run([*command, *STRICT, "-c", "k.c", "-o", "k.o"], cwd=tmp_path,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[:2000]
    assert run([*find_compiler().command, *FLAGS], tmp_path).returncode == 0


def test_the_driver_is_there_only_where_it_is_asked_for():
    op, shapes = CASES["pool"]
    assert "_parallel" not in "".join(emit(op, name="k", shapes=shapes).values())
    files = emit(op, name="k", shapes=shapes, openmp=True)
    assert "k_forward_parallel" in files["k.h"]
    assert files["k.py"] == emit(op, name="k", shapes=shapes)["k.py"]


def test_the_command_line_asks_for_the_driver(tmp_path):
    assert cli(["emit", "relu", "--ndim", "1", "--openmp", "-o", str(tmp_path)]) == 0
    assert "relu_forward_parallel" in (tmp_path / "relu.h").read_text()
    assert cli(["emit", "--all", "--openmp", "-o", str(tmp_path)]) == 2


def test_an_operand_whose_gradient_is_called_like_a_driver_is_refused():
    op = sc.parse("y[i] = x[i] * x_parallel[i]")
    assert "vjp_x_parallel" in emit(op, name="k")["k.h"]
    with pytest.raises(sc.ParameterError, match="operand x_parallel: its gradient"):
        emit(op, name="k", openmp=True)

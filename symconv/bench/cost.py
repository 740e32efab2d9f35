"""What deriving and emitting cost: seconds, peak memory, and how they grow.

Each case runs in a process of its own, so that nothing is warm and the peak is its own:

    dimensions   a strided convolution in 1, 2 and 3 dimensions
    residues     every stride and dilation up to 8: all residue classes
    layers       a chain of 1, 2, 4, 8 and 16 convolutions with relu, written as text

The steps of a case are `import` (of SymPy, once), `derive` (every gradient at once, solved for
reading), `passes` (every function of the operator), `c` and `numpy` (their text). Seconds are of
the processor, so that other work on the machine does not count. Work is counted in terms of the
programs derived or emitted; the slope is that of log seconds over log terms: 1 means linear. The
terms in their turn grow with the layers, by another slope.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from symconv.ir import Program

LIMIT_SECONDS = 5.0
LIMIT_MEGABYTES = 500.0
LIMIT_COMMAND = 1.5
STEPS = ("import", "derive", "passes", "c", "numpy")
CASES = (("dimensions", (1, 2, 3)), ("residues", (8,)), ("layers", (1, 2, 4, 8, 16)))


@dataclass(frozen=True, slots=True)
class Cost:
    """One case: seconds by step, terms derived and terms emitted, peak memory in megabytes."""

    case: str
    number: int
    seconds: dict[str, float]
    terms: dict[str, int]
    megabytes: float


def report() -> tuple[str, bool]:
    """A table of all cases, the slopes, and the whole command; whether all limits are held."""
    lines = ["# Suite cost", "",
             "Seconds of the processor to derive and to emit, each case in a process of its own "
             f"(each step at most {LIMIT_SECONDS:g} s, memory at most {LIMIT_MEGABYTES:g} MB).", "",
             "| case | size | " + " | ".join(f"{step} s" for step in STEPS)
             + " | terms | emitted | MB |", "|---" * (len(STEPS) + 5) + "|"]
    growth, held = "", True
    for case, numbers in CASES:
        costs = [_apart(case, number) for number in numbers]
        for cost in costs:
            lines.append(_line(cost))
            held = held and cost.megabytes < LIMIT_MEGABYTES and max(
                cost.seconds.values()) < LIMIT_SECONDS
        if case == "layers":
            growth = "- layers: " + ", ".join(
                f"{step} grows as terms^{slope(costs, step):.2f}" for step in STEPS[1:]) + (
                f"; terms emitted grow as layers^{_exponent(_growth(costs)):.2f}")
    elapsed, seconds = command_seconds()
    lines += ["", growth, f"- symconv emit conv2d, the whole process: {elapsed:.2f} s, of which "
              f"{seconds:.2f} s of the processor", ""]
    return "\n".join(lines), held and seconds < LIMIT_COMMAND


def measure(case: str, number: int) -> Cost:
    """Derive and emit one case in this process."""
    from symconv.differentiate import vjp
    from symconv.emit.c import emit_c
    from symconv.emit.numpy import emit_numpy
    from symconv.gather import solved
    from symconv.passes import emitted_passes

    begin = time.process_time()
    import sympy

    seconds = dict.fromkeys(STEPS, 0.0)
    seconds["import"] = time.process_time() - begin
    del sympy
    terms = {"derive": 0, "emit": 0}
    for program in programs(case, number):
        times = [time.process_time()]
        steps = solved(vjp(program)).steps
        times.append(time.process_time())
        passes = emitted_passes(program)
        times.append(time.process_time())
        emit_c("kernel", program, passes, "float32")
        times.append(time.process_time())
        emit_numpy("kernel", passes, "kernel")
        times.append(time.process_time())
        for step, begin, end in zip(STEPS[1:], times, times[1:], strict=False):
            seconds[step] += end - begin
        terms["derive"] += _terms(steps[-1].program)
        terms["emit"] += sum(_terms(item.program) for item in passes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Cost(case, number, seconds, terms, peak)


def programs(case: str, number: int) -> Iterator[Program]:
    """The definitions of a case."""
    from symconv import operators
    from symconv.language.reader import parse

    if case == "dimensions":
        make = (operators.conv1d, operators.conv2d, operators.conv3d)[number - 1]
        yield make(stride=2, padding=1).definition
    elif case == "residues":
        for stride in range(1, number + 1):
            for dilation in range(1, number + 1):
                yield operators.conv1d(stride=stride, dilation=dilation, padding=1).definition
    else:
        yield parse(chain(number))


def chain(layers: int) -> str:
    """A chain of convolutions with relu, in the definition language."""
    lines = ["x: [N, C0, H0]", *(f"w{k}: [C{k}, C{k - 1}, K{k}]" for k in range(1, layers + 1))]
    for k in range(1, layers + 1):
        source, target = "x" if k == 1 else f"h{k - 1}", "y" if k == layers else f"h{k}"
        lines += [f"H{k} = H{k - 1} - K{k} + 1", f"o{k} < C{k}", f"i{k} < H{k}",
                  f"{target}[n,o{k},i{k}] = relu(sum[c,a]({source}[n,c,i{k}+a] * w{k}[o{k},c,a]))"]
    return "\n".join(lines)


def slope(costs: Sequence[Cost], step: str) -> float:
    """The exponent b of seconds = a * terms^b, by least squares."""
    kind = "derive" if step == "derive" else "emit"
    return _exponent([(cost.terms[kind], cost.seconds[step]) for cost in costs])


def _growth(costs: Sequence[Cost]) -> list[tuple[float, float]]:
    return [(cost.number, cost.terms["emit"]) for cost in costs]


def _exponent(measured: Sequence[tuple[float, float]]) -> float:
    """The slope of the logarithms."""
    points = [(math.log(size), math.log(value)) for size, value in measured]
    x, y = (sum(values) / len(points) for values in zip(*points, strict=True))
    covariance: float = sum((p - x) * (q - y) for p, q in points)
    variance: float = sum((p - x) ** 2 for p, _ in points)
    return covariance / variance


def command_seconds() -> tuple[float, float]:
    """`symconv emit conv2d` as a process of its own: seconds on the clock and of the processor;
    the best of three runs."""
    best = math.inf, math.inf
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            used, begin = children_seconds(), time.perf_counter()
            subprocess.run([sys.executable, "-m", "symconv", "emit", "conv2d", "-o", folder],
                           check=True, capture_output=True)
            best = (min(best[0], time.perf_counter() - begin),
                    min(best[1], children_seconds() - used))
    return best


def children_seconds() -> float:
    """Seconds of the processor that finished child processes took."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _apart(case: str, number: int) -> Cost:
    """The cost of a case, measured in a new process."""
    done = subprocess.run([sys.executable, "-m", "symconv.bench.cost", case, str(number)],
                          check=True, capture_output=True, text=True)
    return Cost(**json.loads(done.stdout))


def _terms(program: Program) -> int:
    return sum(len(definition.terms) for definition in program.definitions)


def _line(cost: Cost) -> str:
    cells = [cost.case, str(cost.number), *(f"{cost.seconds[step]:.2f}" for step in STEPS),
             str(cost.terms["derive"]), str(cost.terms["emit"]), f"{cost.megabytes:.0f}"]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    print(json.dumps(asdict(measure(sys.argv[1], int(sys.argv[2])))))

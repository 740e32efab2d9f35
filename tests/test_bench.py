"""`symconv bench`: what stands in a report is measured, right, and never dropped in silence."""

import contextlib
import json
import os
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

import symconv as sc
from symconv.bench import measurement, peers
from symconv.bench.chart import svg
from symconv.bench.idioms import suited
from symconv.bench.kernels import kernel_calls, operator, settled, shapes
from symconv.bench.layers import COLUMNS, Layer, Pool
from symconv.bench.machine import Limits
from symconv.bench.measurement import Row
from symconv.bench.pool_idioms import pool_idioms
from symconv.bench.reference import error, exact
from symconv.bench.scaling import Scaling, table
from symconv.bench.suites import SUITES
from symconv.bench.tables import Report, json_text, markdown
from symconv.bench.timing import interleaved
from symconv.cli import run
from symconv.evaluate import evaluate
from symconv.libraries import compile_library
from symconv.passes import all_passes
from symconv.shapes import bind, specialise

CASES = [
    Layer("strided", (2, 3, 6, 5), 4, 3, 2, 1),
    Layer("dilated", (1, 2, 9), 3, 3, 1, 2, 2),
    Layer("grouped", (2, 4, 5, 5), 6, 2, groups=2),
    Layer("depthwise", (1, 3, 6, 6), 3, 3, 1, 1, 1, 3),
    Layer("volume", (1, 2, 4, 3, 4), 2, 2),
    Pool("max", "max", (2, 2, 5, 5), 3, 2, 1),
    Pool("average", "average", (1, 2, 4, 6), 2, 2),
]
LIMITS = Limits({"float32": 1e11, "float64": 5e10},
                {"L1": 4e11, "L2": 2e11, "L3": 1e11, "DRAM": 2e10})


def whole(case):
    """The case with small integers as operands, on which float64 is exact."""
    arrays, rng = case.arrays(), np.random.default_rng(3)
    made = [None if array is None else rng.integers(-3, 4, array.shape).astype(array.dtype)
            for array in (arrays.x, arrays.w, arrays.dy)]
    return replace(arrays, x=made[0], w=made[1], dy=made[2])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_reference_is_what_the_definition_means(case):
    arrays, program = whole(case), operator(case).definition
    sizes = bind(program, shapes(case))
    given = {"x": arrays.x, "w": arrays.w, "dy": arrays.dy}
    names = {"forward": "forward", "grad_input": "vjp_x", "grad_weight": "vjp_w"}
    for item in all_passes(program):
        for part in (part for part in case.parts if names.get(part) == item.name):
            fixed = specialise(item.program, sizes)
            wanted = evaluate(fixed, {t.name: given[t.name] for t in fixed.inputs}, {})[
                fixed.outputs[0]]
            values = np.array([float(v) for v in wanted.ravel()]).reshape(wanted.shape)
            assert np.array_equal(exact(case, part, arrays), values), part


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_idiom_computes_the_case(case):
    arrays = case.arrays()
    for part in case.parts:
        if isinstance(case, Layer):
            results = {name: run(arrays.x, arrays.weights, arrays.dy)
                       for name, run in suited(case, part).items()}
            assert results
        else:
            results = {name: run() for name, run in pool_idioms(case, part, arrays).items()}
        for name, result in results.items():
            assert error(result, exact(case, part, arrays)) < 1e-6, (part, name)


def test_timing_gives_each_candidate_its_turns():
    calls = {"a": 0, "b": 0}

    def counted(name):
        def call():
            calls[name] += 1
        return call

    times = interleaved({name: counted(name) for name in calls}, seconds=0.01)
    assert times.keys() == calls.keys()
    assert min(times.values()) > 0
    assert min(calls.values()) >= 5


def test_a_hopeless_candidate_has_one_call_that_counts():
    calls = []

    def busy(seconds):
        calls.append(seconds)
        begin = time.process_time()
        while time.process_time() - begin < seconds:
            pass

    times = interleaved({"fast": lambda: busy(1e-4), "slow": lambda: busy(0.02)}, seconds=0.1)
    assert calls.count(0.02) == 1
    assert times["slow"] == pytest.approx(0.02, rel=0.5)
    calls.clear()
    interleaved({"fast": lambda: busy(5e-3), "slow": lambda: busy(0.02)}, seconds=0.1)
    assert calls.count(0.02) >= 10          # not five times as slow
    calls.clear()
    interleaved({"fast": lambda: busy(1e-4), "slow": lambda: busy(0.002)}, seconds=0.1)
    assert calls.count(0.002) >= 10         # there is time enough


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_call_of_a_kernel_computes_the_case(case):
    arrays = case.arrays()
    for part in case.parts:
        calls = kernel_calls(case, part, arrays, "c")
        assert {"symconv", "symconv bound"} <= calls.keys()
        for name, run_once in calls.items():
            assert error(settled(run_once()), exact(case, part, arrays)) < 1e-6, (part, name)


def test_suites_hold_the_promised_layers():
    assert SUITES.keys() == {"peers", "resnet50", "mobilenet_v2", "photograph", "audio",
                             "volumes", "batch8", "float64"}
    for cases in SUITES.values():
        names = [case.name for case in cases]
        assert len(names) == len(set(names))
    assert {case.kernel for case in SUITES["photograph"]} == {3, 5, 15}
    assert all(case.dtype == "float64" for case in SUITES["float64"])
    assert all(case.shape[0] == 8 for case in SUITES["batch8"])
    last = SUITES["resnet50"][-1]
    assert last.output_shape == (1, 512, 7, 7)
    assert SUITES["mobilenet_v2"][-1].output_shape == (1, 1280, 7, 7)


def sample():
    """A report of two rows: one that symconv wins by 2 against the best peer, one that it loses."""
    times = ({"symconv": 1e-3, "symconv bound": 9e-4, "torch": 4e-3, "torch channels_last": 5e-4,
              "onnxruntime bound": 4e-4, "ncnn": 2e-3},
             {"symconv": 1e-3, "torch": 1e-3, "ncnn": 5e-4})
    rows = [Row(CASES[0], part, 5e-4, seconds, dict.fromkeys(seconds, 1e-7))
            for part, seconds in zip(("forward", "grad_input"), times, strict=True)]
    return Report("peers", {"processor": "P"}, LIMITS, {"jax": "pip install jax"}, rows)


def test_means_leave_out_the_other_layout_and_losses_are_named():
    report = sample()
    means = report.means()
    assert means["best peer"] == (pytest.approx(1.0), 2)
    assert means["torch"] == (pytest.approx(2.0), 2)
    assert means["torch channels_last"] == (pytest.approx(0.5), 1)
    assert [(row.part, name) for row, name in report.losses()] == [("grad_input", "ncnn")]
    text = markdown(report)
    assert "jax is missing: pip install jax" in text
    assert "rows that a peer wins: strided grad_input 0.50 (ncnn)" in text
    assert text.count("| strided") == 2
    assert "| forward | 500 | 50 | 2.00 ncnn |" in text


def test_who_was_called_once_or_not_at_all_is_marked():
    seconds = {"symconv": 1e-3, "torch": 4.0}
    row = Row(CASES[0], "forward", 5e-4, seconds, dict.fromkeys(seconds, 1e-7),
              frozenset({"torch"}), ("onnxruntime",))
    report = Report("peers", {}, LIMITS, {}, [row])
    text = markdown(report)
    assert "| 1000 (1e-07) | 4000000† (1e-07) | too large |" in text
    assert "† One call" in text
    assert "too large: not called" in text
    (written,) = json.loads(json_text(report))["rows"]
    assert (written["once"], written["too_large"]) == (["torch"], ["onnxruntime"])
    assert not [mark for mark in ("†", "too large") if mark in markdown(sample())]


def test_columns_without_bound_are_refused_by_their_size():
    onnxruntime = pytest.importorskip("symconv.bench.by_onnxruntime")
    case = Layer("large", (1, 1, 2048, 2048), 1, 9, 1, 4)
    assert case.columns == 81 * 2048 ** 2 > COLUMNS
    assert set(suited(case, "forward")) == {"taps"}
    small = Layer("small", (1, 1, 16, 16), 1, 9, 1, 4)
    for one, none in ((case, True), (small, False)):
        found = onnxruntime.prepare(one, "grad_input", one.arrays())
        assert found
        assert all((run is None) == none for run in found.values())


def test_json_and_chart_hold_the_rows():
    report = sample()
    data = json.loads(json_text(report))
    assert [row["pass"] for row in data["rows"]] == ["forward", "grad_input"]
    assert data["missing"] == {"jax": "pip install jax"}
    picture = svg(report)
    assert picture == svg(sample())
    names = [element.tag.rpartition("}")[2] for element in ElementTree.fromstring(picture)]
    assert names.count("circle") == 2


def test_a_peer_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: None)
    assert peers.found(["ncnn"]) == ({}, {"ncnn": "pip install ncnn"})


@pytest.mark.parametrize("arguments", [
    ["--suite", "peer"], ["--against", "tensorflow"], ["--layer", "zz"], ["--seconds", "0"],
    ["--suite", "sizes", "--layer", "zz"], ["--seconds", "nan"], ["--seconds", "inf"],
    ["--suite", "sizes", "--against", "torch"], ["--suite", "cost", "--json", "cost.json"],
    ["--suite", "sizes", "--svg", "sizes.svg"], ["--suite", "sizes", "--threads", "2"],
    ["--suite", "cost", "--layer", "k"]])
def test_wrong_requests_are_refused(arguments, monkeypatch, capsys):
    forbid_measuring(monkeypatch)
    assert run(["bench", *arguments]) == 2
    assert capsys.readouterr().err.startswith("symconv: error: ")


def forbid_measuring(monkeypatch):
    def forbidden(*_):
        pytest.fail("measured for nothing")

    for place in ("measurement.rows", "sizes.sizes", "scaling.scalings", "cost.report"):
        monkeypatch.setattr(f"symconv.bench.{place}", forbidden)


@pytest.mark.parametrize("suite", ["peers", "sizes", "cost"])
def test_a_file_that_cannot_be_written_is_refused_before_the_work(suite, tmp_path, monkeypatch,
                                                                  capsys):
    forbid_measuring(monkeypatch)
    mine = tmp_path / "mine.md"
    mine.write_text("# My notes\n", encoding="utf-8")
    for path in (tmp_path / "none" / "page.md", tmp_path, mine):
        assert run(["bench", "--suite", suite, "-o", str(path)]) == 2
        assert str(path) in capsys.readouterr().err
    if suite == "peers":
        for option in ("--json", "--svg"):
            assert run(["bench", option, str(mine)]) == 2
    assert mine.read_text(encoding="utf-8") == "# My notes\n"


def test_files_of_an_earlier_run_are_written_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(measurement, "rows", lambda case, *_: iter(sample().rows[:1]))
    names = {"-o": tmp_path / "k.md", "--json": tmp_path / "k.json", "--svg": tmp_path / "k.svg"}
    command = ["bench", "--layer", "k", *(str(each) for pair in names.items() for each in pair)]
    assert run(command) == 0
    texts = {path: path.read_text(encoding="utf-8") for path in names.values()}
    for path, text in texts.items():
        assert "Generated by symconv" in text.splitlines()[0]
        path.write_text(text.splitlines()[0], encoding="utf-8")
    assert run(command) == 0
    assert "<svg" in names["--svg"].read_text(encoding="utf-8")
    names["-o"].write_text("# My notes\n", encoding="utf-8")
    assert run(command) == 2
    assert run([*command, "--force"]) == 0
    assert "# Suite peers" in names["-o"].read_text(encoding="utf-8")


def test_the_command_measures_a_layer(tmp_path, capsys):
    data, picture = tmp_path / "k.json", tmp_path / "k.svg"
    assert run(["bench", "--layer", "k", "--against", "numpy", "--seconds", "0.01", "--json",
                str(data), "--svg", str(picture)]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "| k: 1,1,8x8 -> 1, k3 s1 p0 d1 g1 | forward |" in shown.out
    rows = json.loads(data.read_text(encoding="utf-8"))["rows"]
    assert [row["pass"] for row in rows] == ["forward", "grad_input", "grad_weight"]
    for row in rows:
        assert row["seconds"].keys() == {"symconv", "symconv bound", "symconv numpy", "numpy"}
        assert max(row["errors"].values()) < 1e-6


def test_an_interruption_keeps_the_rows_that_are_done(tmp_path, monkeypatch, capsys):
    def interrupted(case, *_):
        yield sample().rows[0]
        raise KeyboardInterrupt

    monkeypatch.setattr(measurement, "rows", interrupted)
    data = tmp_path / "k.json"
    assert run(["bench", "--layer", "k", "--json", str(data)]) == 130
    assert len(json.loads(data.read_text(encoding="utf-8"))["rows"]) == 1
    assert "| strided" in capsys.readouterr().out


def test_threads_are_measured_by_the_clock(tmp_path, capsys):
    if len(os.sched_getaffinity(0)) < 2 or not accepts_openmp():
        pytest.skip("one processor, or a compiler without OpenMP")
    page = tmp_path / "threads.md"
    assert run(["bench", "--layer", "k", "--layer", "max2", "--seconds", "0.01", "--threads", "2",
                "-o", str(page)]) == 0
    lines = [line for line in page.read_text(encoding="utf-8").splitlines()
             if line.startswith(("| k |", "| max2 |"))]
    assert [line.split(" | ")[1] for line in lines] == [
        "forward", "vjp_x", "vjp_w", "forward", "vjp_x"]
    assert run(["bench", "--threads", "2", "--against", "numpy"]) == 2
    assert "leave out --against" in capsys.readouterr().err
    assert run(["bench", "--threads", "9999"]) == 2
    assert "give at most so many" in capsys.readouterr().err


def accepts_openmp():
    try:
        compile_library({"one.c": "int one(void) { return 1; }"}, flags=("-fopenmp",))
    except sc.BuildError:
        return False
    return True


def test_a_table_of_threads_names_what_falls_short():
    rows = [Scaling(CASES[0], "forward", 4, {1: 1e-3, 2: 5e-4}),
            Scaling(CASES[0], "vjp_x", 1, {1: 1e-3, 2: 1e-3}),
            Scaling(CASES[0], "vjp_w", 1, {1: 1e-6, 2: 2e-6})]
    text = table(rows, 2, {"processor": "P"})
    assert "| strided | forward | 4 | 1000.0 | 500.0 | 2.00 |" in text
    assert "1.41 times as fast (geometric mean of 2 rows)" in text
    assert "of these below 1.90: strided vjp_x 1.00\n" in text


def test_sizes_are_measured(tmp_path, capsys):
    page = tmp_path / "sizes.md"
    assert run(["bench", "--suite", "sizes", "--layer", "k", "-o", str(page)]) == 0
    assert capsys.readouterr().out == ""
    text = page.read_text(encoding="utf-8")
    assert "| k: 1,1,8x8 -> 1, k3 s1 p0 d1 g1 | float32 | 9 |" in text
    assert "- none of 2 over a limit" in text


def interrupted_at(marker, arguments):
    """The status of `symconv bench` on a terminal and what it showed there, after Ctrl-C is pressed
    when the progress bar, which is drawn ten times a second, shows the marker."""
    pty = pytest.importorskip("pty")
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-m", "symconv", "bench", *arguments])
    shown, pressed = b"", False
    with contextlib.suppress(OSError):          # the terminal is closed at its other end
        while data := os.read(terminal, 4096):
            shown += data
            if not pressed and marker in shown:
                pressed = True
                os.write(terminal, b"\x03")
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode()


def test_ctrl_c_on_a_terminal_keeps_the_rows_that_are_done(tmp_path):
    data, page = tmp_path / "a.json", tmp_path / "a.md"
    status, shown = interrupted_at(b"b forward", [
        "--layer", "b", "--layer", "k", "--seconds", "1", "--json", str(data), "-o", str(page)])
    assert status == 130
    assert "Traceback" not in shown
    rows = json.loads(data.read_text(encoding="utf-8"))["rows"]
    assert ("b", "forward") in [(row["layer"], row["pass"]) for row in rows]
    assert len(rows) < 6
    assert "# Suite peers" in page.read_text(encoding="utf-8")


def test_ctrl_c_while_kernels_are_compiled_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    page = tmp_path / "a.md"
    status, shown = interrupted_at(b"measuring", ["--layer", "e", "-o", str(page)])
    assert status == 130
    assert "Traceback" not in shown
    assert not page.exists()

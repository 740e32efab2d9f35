"""Tuning: every plan that is offered can be named and computes the same, and the file that keeps
the names is deterministic, mergeable and never believed blindly."""

import json
import random

import numpy as np
import pytest
from test_schedules import CASES as LAYERS
from test_schedules import QUICK, integers

import symconv as sc
from symconv.choice import LOOPS, Chosen
from symconv.cli import run
from symconv.emission import emit, ordered, specialised
from symconv.emit.c import emit_c
from symconv.evaluate import evaluate
from symconv.loops import plan_texts
from symconv.lower import lower
from symconv.passes import all_passes, emitted_passes
from symconv.shapes import bind, specialise
from symconv.trials import Problem, Trial, error
from symconv.tuner import Listing, tune
from symconv.tuning import Key, add_entry, read_tuning, tuning_text

LAYER = ["conv2d", "--no-bias", "--padding", "1"]
SHAPES = ["--shape", "x=1,3,8,9", "--shape", "w=4,3,3,3"]
OP = sc.ops.conv2d(padding=1, bias=False)
FIXED = {"x": (1, 3, 8, 9), "w": (4, 3, 3, 3)}

pytestmark = pytest.mark.usefixtures("separate_cache")


def passes(op, shapes, make=all_passes):
    return specialised(make(op.definition), bind(op.definition, shapes))


def offered(item, transforms=True):
    """By target, the tuples of plans that a choice may name, at random those of tiles."""
    draw = random.Random(0)
    for definition in item.program.definitions:
        target = definition.target.name
        listing = Listing(Chosen(), target)
        lower(item, "auto", transforms, listing)
        for kind, found in listing.offered.items():
            if kind == "tiles":
                for _ in range(3):
                    yield target, tuple(draw.choice(list(one)) for one in found)
            else:
                yield from ((target, (text,)) for one in found
                            for text in draw.sample(list(one), min(2, len(one))))
        yield target, (LOOPS,)


@pytest.mark.parametrize("name", ["plain", "strides", "few sums", "depthwise", "audio"])
def test_every_plan_can_be_named_and_its_name_leads_back_to_it(name):
    op, shapes = LAYERS[name]
    kinds = set()
    for item in passes(op, shapes)[:4]:
        for target, plans in offered(item):
            made = plan_texts(lower(item, "auto", True, Chosen(((target, plans),))))
            assert made.get(target, (LOOPS,)) == plans
            kinds |= {text.partition(":")[0] for text in plans}
    assert kinds >= {"tiles", LOOPS}


def test_plans_are_offered_once_where_the_model_prefers_loops():
    tiny = sc.ops.conv2d(stride=2, bias=False)
    for item in passes(tiny, {"x": (1, 2, 4, 4), "w": (2, 2, 2, 2)})[:2]:
        listing = Listing(Chosen(), item.program.definitions[0].target.name)
        lower(item, "auto", True, listing)
        assert set(listing.usual) == {LOOPS}
        assert len(listing.offered["tiles"]) == {"forward": 1, "vjp_x": 1}[item.name]
        wanted = tuple(next(iter(one)) for one in listing.offered["tiles"])
        lower(item, "auto", True, Chosen(((listing.target, wanted),)))


def test_every_kind_of_plan_is_offered():
    found = {text.partition(":")[0] for name in ("plain", "depthwise")
             for item in passes(*LAYERS[name])[:3] for _, plans in offered(item)
             for text in plans}
    assert found == {"tiles", "stencil", "winograd", LOOPS}


@pytest.mark.parametrize("name", ["strides", "few sums"])
def test_plans_that_are_named_compute_what_the_interpreter_computes(name, tmp_path):
    """Sums of integers, by plans at random; transforms are not exact, test_winograd has them."""
    from symconv.c_backend import CBackend
    from symconv.libraries import compile_library

    op, shapes = LAYERS[name]
    program = specialise(op.definition, bind(op.definition, shapes))
    for item in passes(op, shapes)[:3]:
        inputs = integers(item, "float32")
        named = {tensor.name: array.astype(int)
                 for tensor, array in zip(item.program.inputs, inputs, strict=True)}
        wanted = evaluate(item.program, named, {})[item.program.outputs[0]]
        for target, plans in list(offered(item, transforms=False))[:3]:
            files = emit_c("k", program, [item], "float32",
                           choices={item.name: Chosen(((target, plans),))})
            out = np.full(wanted.shape, 77, np.float32)
            library = CBackend(compile_library(files, flags=QUICK), "k")
            library.entry(item.name, {}).run(inputs, [out])
            np.testing.assert_array_equal(out, wanted.astype(float), err_msg=str(plans))


def test_numbers_of_an_intermediate_are_kept_for_one_task_alone():
    """Every task pads its own image: what bands share of one is no number of the next."""
    op = sc.ops.conv1d(dilation=2, padding=1, bias=False, padding_mode="reflect")
    shapes = {"x": (2, 16, 37), "w": (3, 16, 3)}
    (item,) = passes(op, shapes)[:1]
    listing = Listing(Chosen(), "y")
    lower(item, "auto", False, listing)
    problem = Problem.of(ordered(op, None, "float32", shapes), item)
    wanted = [text for text in listing.offered["tiles"][0]
              if "gathered" in text and "(3 of 3)" not in text]
    assert wanted
    for text in wanted:
        files = problem.sources("float32", "auto", Chosen().having("y", (text,)))
        assert "if (!marks[" in files["k.c"]
        found, _ = problem.run(files, problem.inputs)
        assert error(found, problem.wanted) < 1e-6, text


def test_a_program_without_a_choice_is_lowered_as_ever():
    for item in passes(*LAYERS["both"]):
        assert lower(item, "auto", True) == lower(item, "auto", True, Chosen())


def test_a_plan_that_does_not_exist_is_refused():
    item = passes(OP, FIXED)[0]
    for wrong in (("tiles: rows of gold",), ("winograd: F(4, 3)",), ("stencil: tea",), ("",),
                  (*plan_texts(lower(item))["y"], "tiles: one too many"), ("loops", "loops?")):
        with pytest.raises(sc.ParameterError, match="y: the tuning names the plan"):
            lower(item, "auto", True, Chosen((("y", wrong),)))
    with pytest.raises(sc.ParameterError, match="z: the tuning names"):
        lower(item, "auto", True, Chosen((("z", ("tiles: rows o",)),)))


# --- the file

def test_the_file_is_the_same_whatever_the_order_and_reads_back(tmp_path):
    items = passes(OP, FIXED)
    entries = {Key.of(item, dtype, "default"): Chosen((("y", (f"plan {number}", "é")),))
               for number, item in enumerate(items) for dtype in ("float32", "float64")}
    texts = []
    for number in range(3):
        keys = list(entries)
        random.Random(number).shuffle(keys)
        path = tmp_path / f"{number}.json"
        for key in keys:
            add_entry(path, key, Chosen(()))            # replaced by what comes later
            add_entry(path, key, entries[key])
        texts.append(path.read_bytes())
        assert read_tuning(path).entries == entries
    assert len(set(texts)) == 1
    assert texts[0].decode() == tuning_text(entries)
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("text", [
    "", "{", "[]", "{}", '{"entries": 3}', '{"entries": [3]}', '{"entries": [{"pass": "forward"}]}',
    '{"entries": [{"pass": 1, "dtype": "", "accuracy": "", "relation": [], "plans": {}}]}',
    '{"entries": [{"pass": "", "dtype": "", "accuracy": "", "relation": [1], "plans": {}}]}',
    '{"entries": [{"pass": "", "dtype": "", "accuracy": "", "relation": [], "plans": {"y": 1}}]}',
    '{"entries": [' + ", ".join(2 * [
        '{"pass": "", "dtype": "", "accuracy": "", "relation": [], "plans": {}}']) + "]}",
    "[" * 100000, f'{{"entries": {"9" * 5000}}}', "\udce9"])
def test_what_is_no_tuning_file_is_refused_in_one_message(text, tmp_path, capsys):
    path = tmp_path / "t.json"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    assert run(["emit", *LAYER, *SHAPES, "--tuning", str(path), "-o", str(tmp_path / "o")]) == 2
    assert run(["tune", *LAYER, *SHAPES, "-o", str(path)]) == 2
    assert path.read_text(encoding="utf-8", errors="surrogateescape") == text
    for line in capsys.readouterr().err.strip().splitlines():
        assert line.startswith("symconv: error: ")


def test_an_entry_changes_the_kernel_and_nothing_else_does(tmp_path):
    path = tmp_path / "t.json"
    item = passes(OP, FIXED)[0]
    plain = emit(OP, shapes=FIXED, name="k")
    texts = [plans for _, plans in offered(item) if plans != plan_texts(lower(item))["y"]]
    add_entry(path, Key.of(item, "float32", "default"), Chosen((("y", texts[0]),)))
    tuned = emit(OP, shapes=FIXED, name="k", tuning=path)
    assert tuned["k.c"] != plain["k.c"]
    assert tuned["k.py"] == plain["k.py"]
    assert emit(OP, shapes=FIXED, name="k") == plain
    for other in ({"dtype": "float64"}, {"accuracy": "strict"},
                  {"shapes": {"x": (1, 3, 8, 8), "w": (4, 3, 3, 3)}}):
        with pytest.raises(sc.ParameterError, match="there is no entry for k"):
            emit(OP, **{"shapes": FIXED, "name": "k", "tuning": path, **other})
    with pytest.raises(sc.ParameterError, match="give shapes"):
        emit(OP, tuning=path)
    with pytest.raises(sc.ParameterError, match="give shapes"):
        sc.build(OP, tuning=path)
    with pytest.raises(sc.ParameterError, match="auto"):
        sc.build(OP, shapes=FIXED, schedule="reference", tuning=path)
    with pytest.raises(sc.ParameterError, match="no such file"):
        sc.build(OP, shapes=FIXED, tuning=tmp_path / "none.json")
    with pytest.raises(sc.ParameterError, match="no tuning file"):
        sc.build(OP, shapes=FIXED, tuning=tmp_path)
    with pytest.raises(sc.ParameterError, match="the path of a file"):
        sc.build(OP, shapes=FIXED, tuning=3)
    x, w = (np.random.default_rng(0).standard_normal(shape).astype(np.float32)
            for shape in FIXED.values())
    kernel = sc.build(OP, shapes=FIXED, tuning=str(path))
    np.testing.assert_allclose(kernel.forward(x=x, w=w),
                               sc.build(OP, shapes=FIXED).forward(x=x, w=w), atol=1e-5)
    kernel.vjp(np.ones((1, 4, 8, 9), np.float32), x=x, w=w)        # a pass without an entry


# --- trials and rounds

def test_a_wrong_plan_never_wins(monkeypatch):
    """A candidate that is fast and wrong is dropped, and the report says why."""
    problem = Problem.of(ordered(OP, None, "float32", FIXED), emitted_passes(OP.definition)[0])
    assert problem.error < 1e-6
    good = Chosen((("y", (LOOPS,)),))
    broken = Problem(problem.program, problem.item, problem.dtype, problem.accuracy,
                     problem.inputs, tuple(array + 1e-4 for array in problem.wanted), 1e-7)
    (trial,) = broken.trials([good], 0.01, lambda: None)
    assert trial.seconds is None
    assert "error is above" in trial.fault
    absent = Chosen((("y", ("tiles: none",)),))
    found = problem.trials([good, absent], 0.01, lambda: None)
    assert found[0].seconds is not None
    assert "no plan" in found[1].fault


@pytest.mark.parametrize(("found", "wanted", "expected"), [
    ([1.0, 2.0], [1.0, 2.0], 0), ([1.0, 2.5], [1.0, 2.0], 0.25), ([np.nan], [np.nan], 0),
    ([np.nan], [1.0], np.inf), ([np.inf], [np.inf], 0), ([1.0], [np.inf], np.inf),
    ([3], [3], 0), ([3], [4], np.inf), ([], [], 0)])
def test_errors_are_relative_to_the_largest_result(found, wanted, expected):
    assert error([np.array(found)], [np.array(wanted)]) == expected


def fake_trials(monkeypatch, time):
    """Trials without a compiler: `time` gives the seconds of a choice."""
    seen = []

    def trials(self, candidates, seconds, step):
        seen.append(candidates)
        return [Trial(one, time(one), 0.0) for one in candidates]

    monkeypatch.setattr(Problem, "trials", trials)
    return seen


def tuned(op, shapes, number, most=4):
    problem = Problem.of(ordered(op, None, "float32", shapes),
                         emitted_passes(op.definition)[number])
    return tune(problem, most, 0.01, lambda *given: None, lambda text, total: lambda: None)


def test_each_class_of_a_strided_gradient_has_its_own_round(monkeypatch):
    op = sc.ops.conv2d(stride=2, padding=1, bias=False)
    shapes = {"x": (1, 8, 17, 19), "w": (9, 8, 3, 3)}

    def time(chosen):                       # the longest text wins, for each class apart
        (_, plans), = chosen.plans
        return 0.9 ** sum(map(len, plans))

    seen = fake_trials(monkeypatch, time)
    chosen = tuned(op, shapes, 1)
    (_, plans), = chosen.plans
    assert len(seen) == len(plans) == 4
    best = seen[0][0]
    assert time(chosen) < time(best)
    for number, candidates in enumerate(seen):      # rounds differ in one plan
        for one in candidates:
            rest = dict(one.plans)["dx"]
            if rest != (LOOPS,):
                assert [a == b for a, b in zip(rest, dict(candidates[0].plans)["dx"],
                                               strict=True)].count(False) <= 1
                assert rest[number + 1:] == dict(best.plans)["dx"][number + 1:]
    lower(passes(op, shapes)[1], "auto", True, chosen)      # it is offered


def test_noise_changes_nothing(monkeypatch):
    times = iter([1.0, *(0.995 for _ in range(99))])
    seen = fake_trials(monkeypatch, lambda chosen: next(times))
    assert tuned(OP, FIXED, 0) == seen[0][0]


def test_a_maximum_and_its_places_are_settled_together(monkeypatch):
    op = sc.ops.max_pool2d(kernel_size=3, stride=2, padding=1, return_indices=True)
    seen = fake_trials(monkeypatch, lambda chosen: len(str(chosen)))
    chosen = tuned(op, {"x": (1, 3, 9, 8)}, 0)
    assert len(seen) >= 1
    lower(passes(op, {"x": (1, 3, 9, 8)})[0], "auto", True, chosen)


# --- the command

def test_the_command_writes_what_emit_reads_and_adds_to_it(tmp_path, capsys):
    path = tmp_path / "t.json"
    quick = ["--candidates", "2", "--seconds", "0.01", "-o", str(path)]
    assert run(["tune", *LAYER, *SHAPES, *quick, "--pass", "forward"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out.startswith("forward: y\n")
    assert sum(line.startswith("*") for line in shown.out.splitlines()) == 1
    assert run(["tune", *LAYER, *SHAPES, *quick, "--pass", "vjp_x", "--dtype", "float64"]) == 0
    listed = json.loads(path.read_text())["entries"]
    assert {(one["pass"], one["dtype"]) for one in listed} == {
        ("forward", "float32"), ("vjp_x", "float64")}
    assert path.read_text().splitlines()[0].startswith('{"about": "Generated by symconv tune')
    assert run(["emit", *LAYER, *SHAPES, "--tuning", str(path), "--target", "c", "-o",
                str(tmp_path / "out")]) == 0


@pytest.mark.parametrize("wrong", [
    [*LAYER], [*LAYER, "--shape", "x=1,3,8,9", "--shape", "w=4,2,3,3"],
    [*LAYER, *SHAPES, "--pass", "backward"], [*LAYER, *SHAPES, "--candidates", "0"],
    [*LAYER, *SHAPES, "--seconds", "nan"], ["nothing", *SHAPES],
    [*LAYER, *SHAPES, "--dtype", "int8"]])
def test_wrong_requests_exit_with_2_and_one_message(wrong, tmp_path, capsys):
    assert run(["tune", *wrong, "-o", str(tmp_path / "t.json")]) == 2
    assert capsys.readouterr().err.startswith("symconv: error: ")
    assert not (tmp_path / "t.json").exists()
    assert run(["tune", *LAYER, *SHAPES, "-o", str(tmp_path / "no" / "t.json")]) == 2


def test_after_an_interruption_what_is_done_is_kept(tmp_path, monkeypatch):
    path, done = tmp_path / "t.json", []

    def trials(self, candidates, seconds, step):
        if done:
            raise KeyboardInterrupt
        done.append(self.item.name)
        return [Trial(one, 1.0, 0.0) for one in candidates]

    monkeypatch.setattr(Problem, "trials", trials)
    assert run(["tune", *LAYER, *SHAPES, "-o", str(path)]) == 130
    assert [key.name for key in read_tuning(path).entries] == done == ["forward"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_somebody_else_is_not_overwritten(tmp_path):
    path = tmp_path / "t.json"
    path.write_text('{"entries": []}')              # a tuning file in form, but without the mark
    quick = ["--candidates", "1", "--seconds", "0.01", "-o", str(path), "--pass", "forward"]
    assert run(["tune", *LAYER, *SHAPES, *quick]) == 2
    assert path.read_text() == '{"entries": []}'
    assert run(["tune", *LAYER, *SHAPES, *quick, "--force"]) == 0
    path.write_text("my own work\n")
    assert run(["tune", *LAYER, *SHAPES, *quick]) == 2
    assert path.read_text() == "my own work\n"
    assert run(["tune", *LAYER, *SHAPES, *quick, "--force"]) == 0
    assert len(read_tuning(path).entries) == 1


def test_a_file_that_cannot_be_written_is_refused_before_the_work(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("symconv.tuner.tune", lambda *_: pytest.fail("worked for nothing"))
    path = tmp_path / "t.json"
    path.write_text(tuning_text({}))
    path.chmod(0o444)
    assert run(["tune", *LAYER, *SHAPES, "-o", str(path)]) == 2
    assert "read-only" in capsys.readouterr().err

"""Proofs for all sizes hold for the catalogue, and reject every fault planted on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import symconv as sc
from symconv.differentiate import vjp
from symconv.elimination import eliminate
from symconv.errors import BuildError
from symconv.exits import guarded
from symconv.integers import Int
from symconv.ir import AtLeast, Divides, Equal, Program
from symconv.loops import Begin, Fold, Let, Loop, Node, Routine, Store, When
from symconv.lower import lower
from symconv.names import names_of
from symconv.operators.standard import standard
from symconv.passes import all_passes, emitted_passes, vjp_passes
from symconv.prove import by_isl, by_z3, proof_status, prove
from symconv.prove.classes import classes_cover, eliminated_exactly
from symconv.prove.forms import gather_program, pairs, same_relation
from symconv.prove.memory import definitions_in_bounds, routine_in_bounds
from symconv.prove.pieces import facts
from symconv.prove.program import pass_statements, program_statements
from symconv.prove.standard import swept_programs, symbolic_programs
from symconv.prove.statement import Judgement, Undecided, stated
from symconv.prove.visits import points_once, written_once

SYMBOLIC = dict(symbolic_programs())
SWEPT = {title: program for title, program in swept_programs()
         if title.startswith(("conv1d", "sum_pool1d"))}
STANDARD = {title: op.definition for title, op in standard()
            if "3d" not in title and "min_pool" not in title}


def assert_proved(statements):
    failed = [f"{s.text}: {s.how}" for s in statements if not s.proved]
    assert not failed


def holds(judge: Callable[[], Judgement]) -> bool:
    return stated("", judge).proved


# --- what holds -------------------------------------------------------------------------------


@pytest.mark.parametrize("title", SYMBOLIC)
def test_gather_form_is_the_forward_relation_with_every_parameter_symbolic(title):
    statements = list(program_statements(SYMBOLIC[title]))
    assert any("gather form and definition" in statement.text for statement in statements)
    assert_proved(statements)


def test_the_relation_is_that_of_the_catalogue_with_symbols_for_all_parameters():
    conv = SYMBOLIC["conv1d with symbolic parameters"]
    assert set(conv.parameters) == {"s", "p", "d"}
    assert set(SYMBOLIC["avg_pool1d with symbolic parameters"].parameters) == {"s", "p", "d", "k"}


@pytest.mark.parametrize("title", SWEPT)
def test_residue_classes_and_their_loops_for_any_padding(title):
    program = SWEPT[title]
    derivation, gathered = gather_program(program, "x")
    (pair,) = pairs(derivation, gathered)
    assert holds(lambda: same_relation(pair, gathered))
    assert holds(lambda: definitions_in_bounds(gathered, ("dx",)))
    assert holds(lambda: classes_cover(derivation.result, "dx"))
    assert_proved(pass_statements(vjp_passes(program)[0]))


def test_sweep_covers_all_strides_and_dilations_up_to_4():
    assert {title.partition(" with ")[2] for title in SWEPT} == {
        f"stride {s} and dilation {d}" for s in (1, 2, 3, 4) for d in (1, 2, 3, 4)}


@pytest.mark.parametrize("title", STANDARD)
def test_loops_of_every_pass_of_the_standard_set(title):
    for item in emitted_passes(STANDARD[title]):
        assert_proved(pass_statements(item))


@pytest.mark.parametrize("op", [
    sc.ops.conv1d(stride=2, padding=2, padding_mode="circular"),
    sc.ops.conv1d(stride=2, padding=((-1, 2),), flip=True, input_dilation=3),
    sc.ops.conv_transpose2d(stride=(3, 2), dilation=2, groups=2, output_padding=1),
    sc.ops.avg_pool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
    sc.parse("x: [L]; w: [K]; i < L//K; y[i] = sum[a](x[K*i+a]*w[a])"),
    sc.parse("x: [N]; w: [K]; i < 5; y[i] = sum[a](x[2*i-3*a+1]*w[a])"),
    sc.parse("x: [H]; i < H-1; y[i] = x[i]*x[i+1]*x[i+1]"),
], ids=["circular", "cropped", "transposed", "ceil", "blocks", "skewed", "powers"])
def test_other_operators_are_proved_too(op):
    assert_proved(prove(op))


# --- what must be rejected --------------------------------------------------------------------

PLANTED = [
    sc.ops.conv1d(stride=4, padding=1, dilation=2, groups=2),
    sc.ops.conv2d(stride=2, padding=1),
    sc.ops.max_pool1d(3, stride=2, padding=1),
    sc.ops.conv_transpose1d(stride=3),
]


def edits(nodes: tuple[Node, ...],
          edit: Callable[[Node], list[tuple[Node, ...]]]) -> Iterator[tuple[Node, ...]]:
    """The nodes with one node, here or inside, replaced in each way that `edit` gives."""
    for place, node in enumerate(nodes):
        before, behind = nodes[:place], nodes[place + 1:]
        for new in edit(node):
            yield (*before, *new, *behind)
        if isinstance(node, Loop | When):
            for body in edits(node.body, edit):
                yield (*before, replace(node, body=body), *behind)


def shifted_bounds(node: Node) -> list[tuple[Node, ...]]:
    if not isinstance(node, Loop):
        return []
    # a residue that no test lets through changes nothing: shift past it
    tested = any(isinstance(row, Divides) for inner in node.body if isinstance(inner, When)
                 for row in inner.rows)
    shift = 2 if tested else 1
    return [(replace(node, low=node.low + by),) for by in (-shift, shift)] + [
        (replace(node, stop=node.stop + by),) for by in (-shift, shift)]


def dropped_tests(node: Node) -> list[tuple[Node, ...]]:
    if not isinstance(node, When):
        return []
    return [(replace(node, rows=tuple(r for r in node.rows if r != row)),) for row in node.rows]


def shifted_constants(node: Node) -> list[tuple[Node, ...]]:
    return [(replace(node, value=node.value + 1),)] if isinstance(node, Let) else []


def changed_stores(node: Node) -> list[tuple[Node, ...]]:
    if not isinstance(node, Store):
        return []
    return [(), (replace(node, add=not node.add),), (node, node)]


def rejected(routine: Routine) -> bool:
    return not all(holds(lambda check=check: check(routine))
                   for check in (routine_in_bounds, written_once, points_once))


@pytest.mark.parametrize("edit", [shifted_bounds, dropped_tests, shifted_constants, changed_stores])
def test_every_planted_fault_in_the_loops_is_rejected(edit):
    planted = 0
    for op in PLANTED:
        for item in (all_passes(op.definition)[0], vjp_passes(op.definition)[0]):
            routine = lower(item)
            assert not rejected(routine)
            for body in edits(routine.body, edit):
                planted += 1
                faulty = replace(routine, body=body)
                assert rejected(faulty), f"{item.name}: accepted {body}"
    assert planted


def test_an_off_by_one_bound_is_found_by_each_check_that_it_breaks():
    routine = lower(vjp_passes(sc.ops.conv1d(stride=2).definition)[0])
    verdicts = [tuple(holds(lambda check=check, body=body: check(replace(routine, body=body)))
                      for check in (routine_in_bounds, written_once, points_once))
                for body in edits(routine.body, shifted_bounds)]
    for place in range(3):
        assert any(not verdict[place] for verdict in verdicts)


def test_the_order_of_the_points_of_a_maximum_is_part_of_its_meaning():
    routine = lower(all_passes(sc.ops.max_pool2d(2).definition)[0])

    def exchanged(node: Node) -> list[tuple[Node, ...]]:
        if isinstance(node, Loop) and isinstance(node.body[0], Loop) and (
                isinstance(node.body[0].body[0], Fold)):
            inner = node.body[0]
            return [(replace(inner, body=(replace(node, body=inner.body),)),)]
        return []

    (body,) = edits(routine.body, exchanged)
    assert rejected(replace(routine, body=body))


def test_an_accumulator_must_begin_where_it_is_stored():
    routine = lower(all_passes(sc.ops.dot().definition)[0])
    bodies = list(edits(routine.body, lambda node: [()] if isinstance(node, Begin) else []))
    assert bodies
    assert all(rejected(replace(routine, body=body)) for body in bodies)


GATHERED = [sc.ops.conv1d(stride="s", padding="p", dilation="d"),
            sc.ops.conv1d(stride=4, dilation=2, padding="p"),
            sc.ops.avg_pool1d("k", stride="s", padding="p", dilation="d")]


def row_dropped(program: Program) -> Iterator[Program]:
    (definition,) = (d for d in program.definitions if d.target.name == "dx")
    for place, term in enumerate(definition.terms):
        for row in term.rows:
            rest = replace(term, rows=tuple(other for other in term.rows if other != row))
            yield with_terms(program, (*definition.terms[:place], rest,
                                       *definition.terms[place + 1:]))


def with_terms(program: Program, terms) -> Program:
    return replace(program, definitions=tuple(
        replace(d, terms=terms) if d.target.name == "dx" else d for d in program.definitions))


@pytest.mark.parametrize("op", GATHERED, ids=["symbolic", "classes", "pool"])
def test_a_dropped_row_of_the_gather_form_is_rejected(op):
    derivation, gathered = gather_program(op.definition, "x")
    kinds = set()
    for faulty in row_dropped(gathered):
        (pair,) = pairs(derivation, faulty)
        same = holds(lambda pair=pair, faulty=faulty: same_relation(pair, faulty))
        inside = holds(lambda faulty=faulty: definitions_in_bounds(faulty, ("dx",)))
        assert not same or not inside
        missing = [type(row) for term in gathered.definition("dx").terms for row in term.rows]
        kinds |= set(missing)
    assert kinds == {AtLeast, Divides}


def test_a_dropped_or_repeated_residue_class_is_rejected():
    derivation, gathered = gather_program(sc.ops.conv1d(stride=3, dilation=2).definition, "x")
    terms = gathered.definition("dx").terms
    for faulty in (terms[1:], (*terms, terms[0])):
        program = with_terms(gathered, faulty)
        (pair,) = pairs(derivation, program)
        assert not holds(lambda pair=pair, program=program: same_relation(pair, program))


def test_a_missing_adjoint_is_not_proved():
    derivation, gathered = gather_program(sc.ops.conv1d().definition, "x")
    renamed = replace(gathered, inputs=tuple(
        replace(t, name="dz") if t.name == "dy" else t for t in gathered.inputs))
    (pair,) = pairs(derivation, renamed)
    assert not holds(lambda: same_relation(pair, renamed))


def test_wrong_residue_classes_are_rejected():
    program = vjp(sc.ops.conv1d(stride=4, dilation=2, padding="p").definition, ("x",)).result
    definition = program.definition("dx")
    (term,) = definition.terms
    derived = frozenset(size.name for size in program.sizes if size.value is not None)
    parts = eliminate(definition.free, term, derived, frozenset(), names_of(program))

    def judged(faulty):
        return holds(lambda: eliminated_exactly(program, definition, term, faulty))

    assert judged(parts)
    lets = dict(parts.lets)
    assert lets
    for name, value in lets.items():
        assert not judged(replace(parts, lets=tuple({**lets, name: value + 1}.items())))
    for row in parts.rows:
        assert not judged(replace(parts, rows=tuple(r for r in parts.rows if r != row)))
        if isinstance(row, AtLeast):
            assert not judged(replace(parts, rows=tuple(
                AtLeast(r.expression - 1) if r == row else r for r in parts.rows)))


# --- the judges themselves --------------------------------------------------------------------


def test_giving_up_is_no_proof(monkeypatch):
    program = sc.ops.conv1d(stride=3, dilation=2, padding=1).definition
    monkeypatch.setattr(by_isl, "OPERATIONS", 1)
    answer = stated("", lambda: written_once(lower(all_passes(program)[0])))
    assert not answer.proved
    assert "gave up" in answer.how
    symbolic = SYMBOLIC["conv1d with symbolic parameters"]
    derivation, gathered = gather_program(symbolic, "x")
    monkeypatch.setattr(by_z3, "STEPS", 1)
    answer = stated("", lambda: same_relation(pairs(derivation, gathered)[0], gathered))
    assert not answer.proved
    assert "gave up" in answer.how


def test_what_no_judge_can_take_is_not_proved():
    def judge() -> Judgement:
        raise Undecided("the reason")

    statement = stated("text", judge)
    assert not statement
    assert statement.how == "not proved: the reason"


def test_requirements_that_contradict_each_other_prove_nothing():
    program = sc.ops.conv1d().definition
    impossible = replace(program, requirements=(*program.requirements, replace(
        program.requirements[0], row=Equal(Int.of("H") + 1))))
    assert by_z3.consistent(facts(program))
    assert not by_z3.consistent(facts(impossible))
    assert not next(iter(program_statements(impossible)))


def test_the_command_prints_a_line_per_statement(capsys):
    from symconv.cli_prove import prove_command

    assert guarded(prove_command, ["conv1d", "--stride", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("conv1d")
    assert all(line.startswith("  proved") for line in lines[1:-1] if line.startswith("  "))
    assert lines[-1].endswith("statements proved, for all sizes")
    assert guarded(prove_command, ["--set", "s=2"]) == 2
    assert guarded(prove_command, ["conv1d", "--all"]) == 2


def test_a_statement_that_is_not_proved_makes_the_command_fail(capsys, monkeypatch):
    from symconv.cli_prove import prove_command

    monkeypatch.setattr(by_isl, "OPERATIONS", 1)
    assert guarded(prove_command, ["relu"]) == 1
    assert "NOT PROVED" in capsys.readouterr().out


def test_missing_judges_are_named(monkeypatch):
    monkeypatch.setattr("symconv.prove.find_spec", lambda module: None)
    with pytest.raises(BuildError, match=r"symconv\[verify\]"):
        prove(sc.ops.conv1d())


def test_the_judges_share_nothing_with_what_they_judge():
    package = Path(sc.__file__).parent
    judged = ("solve", "unknowns", "elimination", "gather", "lattice", "lower", "relation")
    for name in ("by_isl", "by_z3", "pieces", "leaves", "opaque", "matching", "memory", "visits"):
        text = (package / "prove" / f"{name}.py").read_text(encoding="utf-8")
        assert not any(f"from symconv.{module} import" in text for module in judged), name
    for path in package.rglob("*.py"):
        if path.parent.name != "prove":
            text = path.read_text(encoding="utf-8")
            assert not any(f"import {judge}" in text for judge in ("z3", "islpy")), path.name


def test_proof_status_tells_whether_isl_can_decide():
    assert "for all sizes" in proof_status(sc.ops.conv2d(stride=2).definition)
    blocks = sc.parse("x: [L]; w: [K]; i < L//K; y[i] = sum[a](x[K*i+a]*w[a])")
    assert "not linear" in proof_status(blocks.definition)

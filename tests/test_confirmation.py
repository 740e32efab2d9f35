"""What evaluation does not confirm is not printed: a rule that is broken makes `derive` refuse."""

from dataclasses import replace

import pytest

import symconv as sc
from symconv import calculus, gather, reverse, selectors
from symconv.cli import run
from symconv.confirmation import confirm, refuted_step
from symconv.errors import ConfirmationError, ParameterError
from symconv.ir import Number, Times
from symconv.operators.catalogue import entry, names, symbolic_defaults

STRIDED = ("conv1d", "--stride", "2", "--wrt", "x")


def doubled(rule):
    def wrong(body, access):
        found = rule(body, access)
        return found if found is None else Times((Number(2), found))
    return wrong


@pytest.fixture
def wrong_calculus(monkeypatch):
    monkeypatch.setattr(reverse, "derivative", doubled(calculus.derivative))


@pytest.fixture
def wrong_gather(monkeypatch):
    kept = gather._with_value
    monkeypatch.setattr(gather, "_with_value",
                        lambda term, name, value, *guards: kept(term, name, value))


@pytest.mark.parametrize("name", names())
def test_every_derivation_of_the_catalogue_is_confirmed(name):
    operator = entry(name).make(**symbolic_defaults(name)).with_rank(2)
    for derivation in (operator.vjp(), operator.jvp()):
        confirm(gather.solved(derivation.derived))


@pytest.mark.parametrize("form", ["text", "latex", "markdown", "html", "json"])
@pytest.mark.parametrize("depth", ["result", "steps", "full"])
def test_a_broken_chain_rule_is_not_printed(form, depth, wrong_calculus, capsys):
    assert run(["derive", *STRIDED, "--format", form, "--depth", depth]) == 1
    printed = capsys.readouterr()
    assert not printed.out
    assert "does not confirm the step 'chain'" in printed.err


def test_a_broken_solution_is_not_printed(wrong_gather, capsys, tmp_path):
    assert run(["derive", *STRIDED, "-o", str(tmp_path / "page.html")]) == 1
    assert "does not confirm the step 'gather'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_broken_selector_is_not_printed(monkeypatch, capsys):
    def wrong(program):
        found = selectors.select(program)
        return replace(found, definitions=tuple(
            replace(d, reduction="argmin") if d.reduction == "argmax" else d
            for d in found.definitions))

    monkeypatch.setattr("symconv.differentiate.select", wrong)
    assert run(["derive", "max_pool1d", "--kernel-size", "3", "--stride", "2"]) == 1
    assert "does not confirm the step 'selector'" in capsys.readouterr().err


@pytest.mark.parametrize("words", [
    ["derive", *STRIDED, "--kind", "jacobian"],
    ["jacobian", "conv1d", "--wrt", "x", "--no-bias", "--shape", "x=1,1,4", "--shape", "w=1,1,2"],
    ["jacobian", "conv1d", "--wrt", "x", "--no-bias", "--shape", "x=1,1,4", "--shape", "w=1,1,2",
     "--format", "svg"]])
def test_a_wrong_jacobian_is_not_printed(words, wrong_calculus, capsys):
    assert run(words) == 1
    assert not capsys.readouterr().out


def test_a_wrong_tangent_is_not_printed(monkeypatch, capsys):
    monkeypatch.setattr("symconv.differentiate.derivative", doubled(calculus.derivative))
    assert run(["derive", "conv1d", "--kind", "jvp"]) == 1
    assert "'tangent'" in capsys.readouterr().err


def test_notebooks_show_no_wrong_derivation(wrong_calculus):
    with pytest.raises(ConfirmationError, match="a fault of symconv"):
        sc.ops.conv1d().vjp("x")._repr_html_()


@pytest.mark.parametrize("text", [
    "x: [H]; m = frozen(max[i](x[i])); y[i] = exp(x[i] - m)",
    "x: [H]; y[i] = relu(x[i] - x[i])", "x: [H]; y[i] = maximum(x[i], x[i])",
    "x: [N]; y[i] = log(0 - x[i])", "x: [N]; y[i] = x[i]**2.5", "y[i] = a[i] / b[i]",
    "x: [N]; m = frozen(sum[i](x[i])); y[i] = x[i]*m; return y, m",
    "x: [N]; y = sqrt(sum[i](x[i]*x[i]))",
    "x: [64, 64]; w: [3, 3]; y[i,j] = sum[a,b](x[i+a,j+b] * w[a,b])"])
def test_kinks_domains_frozen_statements_and_large_sizes_are_no_fault(text):
    operator = sc.parse(text)
    for derivation in (operator.vjp(), operator.jvp()):
        confirm(gather.solved(derivation.derived))


def test_at_large_sizes_a_wrong_solution_is_seen_too(wrong_gather):
    operator = sc.parse("x: [65, 64]; w: [3, 3]; i < 32; j < 31;"
                        "y[i,j] = sum[a,b](x[2*i+a,2*j+b] * w[a,b])")
    with pytest.raises(ConfirmationError, match="'gather'"):
        confirm(gather.solved(operator.vjp("x").derived))


@pytest.mark.parametrize(("text", "message"), [
    ("x: [N]; y[i] = log(0 - 1 - x[i]*x[i])", "no operands were found"),
    ("x: [512, 512]; w: [512, 512]; y[i,j] = sum[k](x[i,k] * w[k,j])",
     "write large extents as names")])
def test_what_cannot_be_confirmed_is_refused(text, message):
    with pytest.raises(ParameterError, match=message):
        sc.parse(text).vjp("x").text()


def test_an_unknown_rule_is_not_passed():
    derived = sc.ops.conv1d().vjp("x").derived
    step = replace(derived.steps[-1], rule="magic")
    with pytest.raises(ParameterError, match="magic"):
        refuted_step(replace(derived, steps=(*derived.steps, step)),
                     {"x": (1, 1, 4), "w": (1, 1, 2), "b": (1,)})

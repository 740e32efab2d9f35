"""Notation where the literature differs: where indices start, and the layout of a Jacobian."""

from __future__ import annotations

import pytest

import symconv as sc
from symconv import report
from symconv.cli import run
from symconv.errors import ParameterError
from symconv.report import Style


def test_indices_from_one_shift_subscripts_and_ranges():
    tex = sc.ops.conv1d(stride=2).vjp("x").latex(style=Style(base=1))
    assert r"\sum_{c=1}^{C}\sum_{a=1}^{K} x_{n,c,2i+a-2}\, w_{o,c,a}" in tex
    assert r"1 \le i \le H_{o}" in tex
    assert r"\mathrm{d}y_{n,o,u/2+1-t}\, w_{o,c,2t} & u \equiv 0" in tex


def test_places_that_are_data_count_from_one_as_well():
    tex = sc.ops.max_pool1d(3, stride=2).vjp("x").latex(style=Style(base=1))
    assert r"\limits_{1 \le a \le 3} x_{n,c,2i+a-2}" in tex
    assert r"[a = y^{\mathrm{at}}_{n,c,i}]" in tex


def test_the_layout_chooses_which_axes_come_first():
    derived = sc.ops.conv1d(bias=False).jacobian("x").derived
    assert r"J_{n,o,i,n_{1},c,u}" in report.latex(derived, depth="result")
    assert r"J_{n_{1},c,u,n,o,i}" in report.latex(derived, depth="result",
                                                 style=Style(0, "denominator"))


def test_gradients_have_no_layout():
    derived = sc.ops.conv1d().vjp("x").derived
    assert report.latex(derived) == report.latex(derived, style=Style(0, "denominator"))


def test_matrices_are_transposed_and_renumbered():
    matrix = sc.ops.conv1d(bias=False).jacobian("x").matrix(x=(1, 1, 3), w=(1, 1, 2))
    turned = report.restyled_matrix(matrix, Style(1, "denominator"))
    assert turned.shape == (3, 2)
    assert report.matrix_text(turned).splitlines()[0] == "[ w[1,1,1]         0 ]"


@pytest.mark.parametrize("values", [{"base": 2}, {"layout": "row"}])
def test_other_notations_are_refused(values):
    with pytest.raises(ParameterError, match="must be"):
        Style(**values)


def test_the_command_takes_both(capsys, tmp_path):
    words = ["derive", "conv1d", "--kind", "jacobian", "--wrt", "x", "--index-base", "1",
             "--layout", "denominator", "--stride", "1", "--dilation", "1"]
    assert run([*words, "--format", "markdown"]) == 0
    assert "J_{n_{1},c,u,n,o,i}" in capsys.readouterr().out
    assert run([*words, "--format", "text"]) == 2
    assert run(["derive", "conv1d", "-o", str(tmp_path / "x.png")]) == 2


def test_notebooks_show_formulas_and_steps():
    op = sc.ops.conv1d(stride=2)
    assert "<math" in op._repr_html_()
    assert "<h2>1. " in op.vjp("x")._repr_html_()
    assert "<!DOCTYPE" not in op.vjp("x")._repr_html_()
    assert sc.ops.relu()._repr_html_() is None
    assert sc.ops.relu()._repr_latex_() is None

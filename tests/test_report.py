"""Reports say what was derived: formulas as lecturers write them, in every format and language."""

import json
import re
from html.parser import HTMLParser

import pytest

import symconv as sc
from symconv import report
from symconv.errors import ParameterError
from symconv.operators.catalogue import entry, names, symbolic_defaults

CONV2D = (r"y_{n,o,i,j} &= b_{o} + \sum_{c=0}^{C-1}\sum_{a=0}^{K_{H}-1}\sum_{e=0}^{K_{W}-1} "
          r"x_{n,c,si+da-p,sj+de-p}\, w_{o,c,a,e}")


def general(name):
    return entry(name).make(**symbolic_defaults(name))


def formulas(tex):
    return re.sub(r"\s+", " ", tex)


def test_the_definition_of_conv2d_is_set_as_in_a_lecture():
    assert CONV2D in formulas(general("conv2d")._repr_latex_())


def test_symbolic_strides_print_the_divisibility_bracket():
    tex = general("conv1d").vjp("x").latex(depth="result")
    assert (r"\mathrm{d}x_{n,c,u} &= \sum_{o=0}^{O-1}\sum_{a=0}^{K-1} [s \mid u+p-da]\, "
            r"\mathrm{d}y_{n,o,(u+p-da)/s}\, w_{o,c,a}") in tex
    assert "A term that would read an operand outside its range counts as absent." in tex


def test_residue_classes_print_as_cases():
    tex = sc.ops.conv1d(stride=2, padding="p").vjp("x").latex(depth="result")
    assert (r"\displaystyle \sum_{o=0}^{O-1}\sum_{t=0}^{\lceil K/2 \rceil-1} "
            r"\mathrm{d}y_{n,o,(u+p)/2-t}\, w_{o,c,2t} & u+p \equiv 0\ (\mathrm{mod}\ 2)") in tex
    assert (r"\mathrm{d}y_{n,o,(u+p-1)/2-t}\, w_{o,c,2t+1} & "
            r"u+p \equiv 1\ (\mathrm{mod}\ 2)") in tex
    assert "otherwise" not in tex


def test_classes_without_taps_print_as_zero():
    derivation = sc.ops.conv1d(stride=3, kernel_size=2).vjp("x")
    assert r"0 & \text{otherwise}" in derivation.latex(depth="result")
    assert r"0 & \text{其他}" in derivation.latex(lang="zh", depth="result")


def test_the_weight_gradient_reads_where_the_forward_pass_reads():
    tex = general("conv1d").vjp("w").latex(depth="result")
    assert (r"\mathrm{d}w_{o,c,a} &= \sum_{n=0}^{N-1}\sum_{i=0}^{H_{o}-1} "
            r"\mathrm{d}y_{n,o,i}\, x_{n,c,si+da-p}") in tex


def test_a_jacobian_of_stride_one_is_a_banded_matrix():
    tex = sc.ops.conv1d(padding="p").jacobian("x").latex(depth="result")
    assert r"[n_{1} = n]\, w_{o,c,u+p-i}" in tex


def test_the_maximum_prints_its_selector_and_its_rule():
    derivation = sc.ops.max_pool1d(3, stride=2).vjp("x")
    tex = derivation.latex()
    assert r"\max_{0 \le a < 3} x_{n,c,2i+a}" in tex
    assert r"[a = y^{\mathrm{at}}_{n,c,i}]" in tex
    assert "1 at the first place" in tex
    assert "shared evenly" in sc.ops.max_pool1d(3, ties="even").vjp("x").latex()


def test_conditions_that_are_more_than_being_inside_are_printed():
    op = sc.parse("x: [H]; i < 4; y[i] = sum[a]([a <= i] * x[a]) + sum[a]([(a-1) % 3 == 0] * x[a])")
    tex = op._repr_latex_()
    assert r"[i \ge a]\, x_{a}" in tex
    assert r"[3 \mid a-1]\, x_{a}" in tex
    windows = sc.parse("x: [H]; y[i] = max[a]([a >= i] * x[a]); i < H")
    assert r"\max_{\substack{0 \le a < H \\ a \ge i}} x_{a}" in windows._repr_latex_()


def test_slopes_at_kinks_and_frozen_statements_are_told():
    text = sc.ops.relu(at_zero=0.5, ndim=1).vjp("x").text()
    assert "The derivative of relu at 0 is taken to be 1/2." in text
    op = sc.parse("x: [H]; m = frozen(max[i](x[i])); y[i] = exp(x[i] - m)")
    assert "m is held fixed: it is not differentiated." in op.vjp("x").markdown()


@pytest.mark.parametrize(("name", "shown"), [
    ("Ho", "H_{o}"), ("KH", "K_{H}"), ("i1", "i_{1}"), ("alpha", r"\alpha"),
    ("my_size", r"\mathrm{my\_size}"), ("x", "x")])
def test_long_names_are_indexed_or_upright(name, shown):
    from symconv.report.symbols import name_tex

    assert name_tex(name) == shown


@pytest.mark.parametrize(("name", "shown"), [
    ("dx", r"\mathrm{d}x"), ("tx", r"\dot{x}"), ("y_at", r"y^{\mathrm{at}}"),
    ("w_2", "w^{(2)}"), ("c1_w", r"w^{\mathrm{c1}}"), ("dc1_w", r"\mathrm{d}w^{\mathrm{c1}}")])
def test_tensors_carry_their_names_above(name, shown):
    from symconv.report.symbols import tensor_tex

    assert tensor_tex(name, {"x": None, "c1_w": None}) == shown


def test_depths_show_more_and_more():
    derivation = general("conv2d").vjp("x")
    counts = [len(json.loads(report.json(derivation.derived, depth=depth))["steps"])
              for depth in ("result", "steps", "full")]
    assert counts == [1, 3, 4]
    assert r"[n_{1} = n]" in derivation.latex(depth="full")
    assert r"[n_{1} = n]" not in derivation.latex(depth="steps")


def test_text_is_in_the_definition_language():
    assert "dx[n,c,u] = sum[o,i,a]([u + p == s*i + d*a] * dy[n,o,i] * w[o,c,a])" in \
        general("conv1d").vjp("x").text()


def test_chinese_reports_use_the_terms_of_the_field():
    conv = general("conv2d").vjp("x").latex(lang="zh", depth="full")
    pool = general("max_pool2d").vjp("x").latex(lang="zh")
    for term, tex in (("转置卷积", conv), ("步幅", conv), ("互相关", conv), ("次梯度", pool)):
        assert term in tex
    assert "雅可比矩阵" in general("conv1d").jacobian("x").markdown(lang="zh")
    assert not re.search(r"[A-Za-z]{4,} [a-z]{3,} [a-z]{2,}", re.sub(r"\\\[.*?\\\]", "", conv,
                                                                    flags=re.DOTALL))


@pytest.mark.parametrize("name", names())
def test_latex_of_every_operator_is_balanced(name):
    operator = general(name)
    texts = [operator._repr_latex_()]
    for derivation in (operator.vjp(), operator.jvp()):
        texts += [derivation.latex(lang, "full") for lang in ("en", "zh")]
    for tex in texts:
        plain = re.sub(r"\\[{}]", "", tex)
        assert plain.count("{") == plain.count("}")
        assert tex.count(r"\left") == tex.count(r"\right")
        assert sorted(re.findall(r"\\begin\{(.*?)\}", tex)) == \
            sorted(re.findall(r"\\end\{(.*?)\}", tex))
        assert not re.search(r"_\{[^{}]*\}_", plain), "a double subscript"
        assert not re.search(r"(?<![\\\w])\w*[A-Za-z]_[A-Za-z]", plain), "a raw underscore"


def test_html_is_one_page_with_its_source_escaped():
    class Tags(HTMLParser):
        def __init__(self):
            super().__init__()
            self.open, self.links = [], []

        def handle_starttag(self, tag, attributes):
            if tag != "meta":
                self.open.append(tag)
            self.links += [value for key, value in attributes if key in ("src", "href")]

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    page = Tags()
    html = general("conv1d").vjp("x").html(lang="zh", depth="full")
    page.feed(html)
    assert not page.open
    assert not page.links
    assert r"\sum_{o=0}^{O-1}" in html
    assert " &amp;= " in html


def test_a_document_names_what_it_needs():
    derived = general("conv1d").vjp("x").derived
    assert report.latex(derived, document=True).startswith("\\documentclass{article}\n")
    assert report.latex(derived, "zh", document=True).startswith("\\documentclass{ctexart}\n")
    assert "documentclass" not in report.latex(derived)


def test_reports_are_the_same_each_time():
    first, second = (general("conv2d").vjp().latex(depth="full") for _ in range(2))
    assert first == second


@pytest.mark.parametrize("options", [{"lang": "fr"}, {"depth": "all"}])
def test_unknown_languages_and_depths_are_refused(options):
    with pytest.raises(ParameterError, match="must be one of"):
        general("conv1d").vjp("x").latex(**options)


def test_matrices_are_written_row_by_row():
    matrix = sc.ops.conv1d(bias=False).jacobian("x").matrix(x=(1, 1, 3), w=(1, 1, 2))
    assert report.matrix_text(matrix) == ("[ w[0,0,0]  w[0,0,1]         0 ]\n"
                                          "[        0  w[0,0,0]  w[0,0,1] ]\n")
    tex = report.matrix_latex(matrix)
    assert r"\begin{array}{ccc}" in tex
    assert tex.count(r"\\") == 1

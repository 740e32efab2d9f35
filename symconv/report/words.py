"""The sentences of a report, in English and in simplified Chinese.

Sentences are plain text without formulas, so that every format can hold them. Each is true of
every derivation that it is chosen for; what holds for convolutions alone says so. The terms are
those of `symconv.glossary`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from symconv.glossary import chinese


@dataclass(frozen=True, slots=True)
class Words:
    """One language. `titles` and `rules` by rule name; `rules` has a key per variant."""

    code: str
    vjp: str
    jvp: str
    jacobian: str
    comma: str
    space: str
    colon: str
    titles: Mapping[str, str]
    rules: Mapping[str, str]
    sizes: str
    ranges: str
    conventions: str
    otherwise: str
    outside: str
    bracket: str
    slope: str
    frozen: str


ENGLISH = Words(
    code="en",
    vjp="Gradient with respect to {wrt}",
    jvp="Jacobian-vector product",
    jacobian="Jacobian with respect to {wrt}",
    comma=", ",
    space=" ",
    colon=": ",
    titles={
        "definition": "Definition", "selector": "Selectors", "chain": "Chain rule",
        "contract": "Contraction", "tangent": "Linearisation", "gather": "Gather form",
    },
    rules={
        "definition": "The operator, element by element.",
        "selector-first": "Each extremum becomes a sum with a selector that is 1 at the first "
                          "place where the extremum is reached and 0 elsewhere; kept fixed, it "
                          "gives an element of the generalised gradient, for a maximum a "
                          "subgradient.",
        "selector-last": "Each extremum becomes a sum with a selector that is 1 at the last "
                         "place where the extremum is reached and 0 elsewhere; kept fixed, it "
                         "gives an element of the generalised gradient, for a maximum a "
                         "subgradient.",
        "selector-even": "Each extremum becomes a sum with a selector that is shared evenly by "
                         "all places where the extremum is reached; kept fixed, it gives an "
                         "element of the generalised gradient, for a maximum a subgradient.",
        "selector-mixed": "Each extremum becomes a sum with a selector that is nonzero only "
                          "where the extremum is reached; kept fixed, it gives an element of "
                          "the generalised gradient, for a maximum a subgradient.",
        "chain-vjp": "Every read of an operand contributes the cotangent times the partial "
                     "derivative of the body; the derivative of one element by another "
                     "is a Kronecker delta, written as a bracket.",
        "chain-jacobian": "Every read of the operand contributes the partial derivative of the "
                          "body; the derivative of one element by another is a Kronecker delta, "
                          "written as a bracket.",
        "contract": "A sum over an index that a delta sets equal to another index has one term: "
                    "the sum disappears and the index is renamed.",
        "tangent": "The derivative is linear in the tangents: every read of an operand "
                   "contributes its tangent times the partial derivative of the body.",
        "gather-unit": "The remaining equation is solved for one index, which is put in place of "
                       "that index everywhere.",
        "gather-quotient": "The remaining equation is solved over the integers: a solution exists "
                           "only where the division leaves no remainder.",
        "gather-classes": "The remaining equations are solved over the integers: each residue "
                          "class has its own short sum, and classes without a solution are zero.",
        "transposed": "For a convolution with a stride this is the transposed convolution.",
    },
    sizes="Sizes:",
    ranges="Ranges:",
    conventions="Conventions.",
    otherwise="otherwise",
    outside="A term that would read an operand outside its range counts as absent.",
    bracket="A bracket is 1 where its condition holds; otherwise it is 0 and the rest of the term "
            "is not read.",
    slope="The derivative of {function} at 0 is taken to be {value}.",
    frozen="{name} is held fixed: it is not differentiated.",
)

CHINESE = Words(
    code="zh",
    vjp="对 {wrt} 的梯度",
    jvp="雅可比矩阵与向量之积",
    jacobian="对 {wrt} 的雅可比矩阵",
    comma="、",
    space="",
    colon="：",
    titles={
        "definition": "定义", "selector": chinese("selector"), "chain": chinese("chain rule"),
        "contract": chinese("contraction"), "tangent": "线性化", "gather": chinese("gather form"),
    },
    rules={
        "definition": "算子逐元素的定义。",
        "selector-first": "每个最值写成带选择因子的和：选择因子在首个取到最值之处为 1，其余为 0；"
                          "将它视为常量，便得到最值的广义梯度中的一个元素，对最大值即次梯度。",
        "selector-last": "每个最值写成带选择因子的和：选择因子在末个取到最值之处为 1，其余为 0；"
                         "将它视为常量，便得到最值的广义梯度中的一个元素，对最大值即次梯度。",
        "selector-even": "每个最值写成带选择因子的和：所有取到最值之处平分选择因子；"
                         "将它视为常量，便得到最值的广义梯度中的一个元素，对最大值即次梯度。",
        "selector-mixed": "每个最值写成带选择因子的和：选择因子只在取到最值之处非零；"
                          "将它视为常量，便得到最值的广义梯度中的一个元素，对最大值即次梯度。",
        "chain-vjp": "对操作数的每次读取，贡献为余切向量乘以被求和式的偏导数；"
                     "一个元素对另一个元素的导数是克罗内克 δ，写成方括号。",
        "chain-jacobian": "对操作数的每次读取，贡献为被求和式的偏导数；"
                          "一个元素对另一个元素的导数是克罗内克 δ，写成方括号。",
        "contract": "若 δ 令某个求和下标等于另一下标，则该求和只剩一项：去掉求和号并改名。",
        "tangent": "导数关于切向量是线性的："
                   "对操作数的每次读取，贡献为其切向量乘以被求和式的偏导数。",
        "gather-unit": "由余下的方程解出一个下标，并代入各处。",
        "gather-quotient": "在整数范围内求解余下的方程：仅当除法没有余数时才有解。",
        "gather-classes": "在整数范围内求解余下的方程：每个同余类各有一个较短的和，无解的类为零。",
        "transposed": "对带步幅的卷积（互相关），这就是转置卷积。",
    },
    sizes="尺寸：",
    ranges="下标范围：",
    conventions="约定。",
    otherwise="其他",
    outside="若某项要读取操作数范围之外的元素，则该项视为不存在。",
    bracket="方括号在其条件成立时为 1，否则为 0，且该项的其余部分不予读取。",
    slope="{function} 在 0 处的导数取为 {value}。",
    frozen="{name} 视为常量，不对其求导。",
)

LANGUAGES: Mapping[str, Words] = {words.code: words for words in (ENGLISH, CHINESE)}

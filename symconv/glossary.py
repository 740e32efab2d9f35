"""The terms of the field in English and simplified Chinese; reports and notes use these alone.

`avoided` lists other Chinese renderings of a term: texts that mix them confuse a reader who
looks a term up, so the notes refuse them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """One notion."""

    en: str
    zh: str
    avoided: tuple[str, ...] = ()


TERMS: tuple[Term, ...] = (
    Term("activation function", "激活函数", ("激励函数",)),
    Term("adjoint", "伴随"),
    Term("average pooling", "平均池化", ("均值池化",)),
    Term("backward pass", "反向传播", ("反向传递", "后向传播")),
    Term("batch normalisation", "批量归一化", ("批标准化", "批归一化", "批规范化")),
    Term("bias", "偏置", ("偏差项",)),
    Term("boundary mode", "边界模式"),
    Term("chain rule", "链式法则", ("链锁法则", "连锁法则")),
    Term("channel", "通道", ("信道",)),
    Term("computational graph", "计算图"),
    Term("contraction", "收缩", ("缩并",)),
    Term("convolution", "卷积", ("摺积", "褶积")),
    Term("cotangent", "余切向量", ("上游梯度",)),
    Term("cross-correlation", "互相关", ("交叉相关",)),
    Term("depthwise convolution", "逐通道卷积", ("深度卷积",)),
    Term("derivative", "导数"),
    Term("determinant", "行列式"),
    Term("dilation", "膨胀", ("空洞", "扩张卷积")),
    Term("equivariance", "等变性", ("等变化性",)),
    Term("feature map", "特征图", ("特征映射",)),
    Term("forward accumulation", "前向累积", ("正向累积", "前向积累")),
    Term("forward pass", "前向传播", ("正向传播",)),
    Term("fully connected layer", "全连接层", ("稠密层",)),
    Term("gather form", "汇集形式", ("收集形式", "显式下标")),
    Term("generalised gradient", "广义梯度"),
    Term("gradient", "梯度"),
    Term("group", "分组"),
    Term("index", "下标"),
    Term("Jacobian matrix", "雅可比矩阵", ("雅克比", "雅各比")),
    Term("kernel", "卷积核", ("核函数",)),
    Term("Kronecker delta", "克罗内克 δ", ("克罗内克函数",)),
    Term("layout", "布局"),
    Term("linear map", "线性映射", ("线性变换",)),
    Term("locality", "局部性"),
    Term("max pooling", "最大池化", ("最大值池化", "最大汇聚")),
    Term("padding", "填充", ("补零", "补边")),
    Term("parameter", "参数"),
    Term("partial derivative", "偏导数"),
    Term("pooling", "池化", ("汇聚", "采样层")),
    Term("receptive field", "感受野", ("感受域",)),
    Term("relation", "关系"),
    Term("residual block", "残差块"),
    Term("residue class", "同余类", ("剩余类",)),
    Term("reverse accumulation", "反向累积", ("逆向累积", "反向积累")),
    Term("scatter form", "散布形式", ("分散形式",)),
    Term("selector", "选择因子", ("选择器",)),
    Term("stride", "步幅", ("步长", "跨度")),
    Term("subdifferential", "次微分"),
    Term("subgradient", "次梯度", ("子梯度", "次导数值")),
    Term("tangent", "切向量"),
    Term("tap", "抽头", ("核元素", "核点")),
    Term("tensor", "张量"),
    Term("tie", "并列"),
    Term("translation", "平移"),
    Term("transposed convolution", "转置卷积", ("反卷积", "解卷积", "逆卷积")),
    Term("weight", "权重", ("权值",)),
)


def misused(chinese: str) -> tuple[tuple[str, str], ...]:
    """The avoided renderings that a Chinese text uses, each with the one to use instead.

    A text between 「 and 」 quotes somebody and may say what it likes.
    """
    rest, quoted = [], False
    for character in chinese:
        quoted = character == "「" or (quoted and character != "」")
        rest.append(" " if quoted else character)
    plain = "".join(rest)
    return tuple((avoided, term.zh) for term in TERMS for avoided in term.avoided
                 if avoided in plain)


def chinese(english: str) -> str:
    """The Chinese rendering of a term. KeyError where the glossary lacks it."""
    return {term.en: term.zh for term in TERMS}[english]

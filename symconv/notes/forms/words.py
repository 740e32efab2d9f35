"""The fixed words of the notes, per language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from symconv.notes.model import Lang


@dataclass(frozen=True, slots=True)
class Fixed:
    """What the forms themselves say."""

    title: str
    subtitle: str
    contents: str
    glossary: str
    terms: tuple[str, str]
    table: str
    figure: str
    kinds: Mapping[str, str]            # what leads a paragraph of that kind
    chapter: str


FIXED: Mapping[Lang, Fixed] = {
    "en": Fixed(
        title="Convolution, pooling and their gradients",
        subtitle="Lecture notes in which every numbered line was evaluated before it was printed",
        contents="Contents", glossary="Terms", terms=("English", "Chinese"),
        table="Table", figure="Figure",
        kinds={"example": "Example.", "question": "Question.", "answer": "Answer.",
               "said": "“{}”", "refuted": "No.", "note": "Conventions."},
        chapter="{}. {}",
    ),
    "zh": Fixed(
        title="卷积、池化及其梯度",
        subtitle="讲义：每一个带编号的式子在印出之前都经过求值验证",
        contents="目录", glossary="术语", terms=("英文", "中文"),
        table="表", figure="图",
        kinds={"example": "例。", "question": "问：", "answer": "答：",
               "said": "“{}”", "refuted": "不对。", "note": "约定。"},
        chapter="第 {} 章　{}",
    ),
}

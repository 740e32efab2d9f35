"""LaTeX formulas as MathML, by latex2mathml (extra `notes`), with the TeX source as annotation.

latex2mathml does not know `aligned` and `gathered`, sets upright words letter by letter, and
leaves \\displaystyle without what it applies to; all three are put right here, in the source
before and in the tree after the conversion. MathML Core has no column alignment, so cells are
aligned by style, and Chromium moves what is in them by its own name of the value alone.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as tree
from functools import lru_cache

from symconv.errors import BuildError

_SPACE = "http://www.w3.org/1998/Math/MathML"
_WORD = re.compile(r"\\(?:mathrm|operatorname)\{((?:[A-Za-z0-9 ]|\\[,_ ])+)\}")
_ROW = re.compile(r"\\begin\{(aligned|gathered)\}|\\end\{(aligned|gathered)\}")
_SPACED = re.compile(r"\\\\\[[\d.]+(?:pt|em|ex)\]")
_ROWS = ("math", "mrow", "mstyle", "mtd")
_WITHIN = tree.Element("mi")        # beside the base of a script: anything
_OPERATORS = (":", "|", "‖", "⟺", "⟹", "∼")
_NAMES = ("∞", "…")                # of no operators, which would have space around them
_FENCES = frozenset("⌈⌉⌊⌋()[]")
_HIGH = frozenset(("mfrac", "mtable", "msqrt", "mroot", "munder", "mover", "munderover"))
_LARGE = frozenset("∑∏∫")
_CLOSING = frozenset((")", "]", "}", "|", "‖", "⌋", "⌉", "!", "′"))
_FUNCTIONS = ("max", "min", "lim", "sup", "inf")


def available() -> bool:
    """Whether latex2mathml is installed."""
    from importlib.util import find_spec

    return find_spec("latex2mathml") is not None


@lru_cache(maxsize=4096)
def mathml(latex: str, display: bool = False) -> str:
    """One formula as a <math> element. BuildError where latex2mathml is missing or cannot read
    the formula."""
    element = tree.Element("math", {"xmlns": _SPACE, "display": "block" if display else "inline"})
    semantics = tree.SubElement(element, "semantics")
    semantics.append(_converted(latex.strip(), display))
    note = tree.SubElement(semantics, "annotation", {"encoding": "application/x-tex"})
    note.text = latex.strip()
    return tree.tostring(element, encoding="unicode")


def _converted(latex: str, display: bool) -> tree.Element:
    """The content of a formula; a formula of several lines becomes a table."""
    found = _ROW.match(latex)
    if found and _closing(latex) == len(latex):
        name = found[1]
        inside = latex[found.end():-len(rf"\end{{{name}}}")]
        table = tree.Element("mtable", {"displaystyle": "true"})
        for line in _split(inside, "\\\\"):
            row = tree.SubElement(table, "mtr")
            for place, cell in enumerate(_split(line, "&")):
                side = "center" if name == "gathered" else "left" if place % 2 else "right"
                gap = "1.6em" if place and place % 2 == 0 else "0"
                entry = tree.SubElement(row, "mtd", {
                    "style": f"{_aligned(side)};padding:0.3em 0 0.3em {gap}"})
                entry.append(_piece(cell.strip(), True))
        return table
    return _piece(latex, display)


def _piece(latex: str, display: bool) -> tree.Element:
    if not latex:
        return tree.Element("mrow")
    if not available():
        raise BuildError("MathML is made by latex2mathml, which is not installed; install it "
                         "with: pip install 'symconv[notes]'")
    from latex2mathml.converter import convert

    latex = _SPACED.sub(r"\\\\", latex)
    prepared = _WORD.sub(lambda word: rf"\text{{{_upright(word[1])}}}", latex)
    prepared = prepared.replace(r"\sim", "∼")
    if display:
        prepared = re.sub(rf"\\({'|'.join(_FUNCTIONS)})_", r"\\\1\\limits_", prepared)
    try:
        text = convert(prepared, display="block" if display else "inline")
    except Exception as error:      # latex2mathml has no base class of its errors
        raise BuildError(f"latex2mathml cannot read {latex!r}: {error or type(error).__name__}"
                         ) from error
    text = text.replace(f' xmlns="{_SPACE}"', "").replace("<mi>&</mi>", "")
    content = tree.fromstring(text)
    row = tree.Element("mrow")
    row.extend(content)
    _mend(row)
    return row[0] if len(row) == 1 else row


def _upright(word: str) -> str:
    return word.replace(r"\,", "\u2009").replace(r"\_", "_").replace(r"\ ", " ")


def _split(text: str, separator: str) -> list[str]:
    """The parts between separators that stand in no group and no environment."""
    parts, start, depth, place = [], 0, 0, 0
    while place < len(text):
        if text.startswith(separator, place) and depth == 0:
            parts.append(text[start:place])
            place += len(separator)
            start = place
            continue
        if text.startswith((r"\begin{", r"\left"), place) and not _is_longer(text, place):
            depth += 1
        elif text.startswith((r"\end{", r"\right"), place) and not _is_longer(text, place):
            depth -= 1
        elif text[place] in "{}" and (place == 0 or text[place - 1] != "\\"):
            depth += 1 if text[place] == "{" else -1
        place += 2 if text.startswith("\\\\", place) else 1
    return [*parts, text[start:]]


def _is_longer(text: str, place: int) -> bool:
    """Whether \\left or \\right only begins a longer name such as \\leftarrow."""
    found = re.match(r"\\(?:left|right)([a-zA-Z]*)", text[place:])
    return found is not None and found[1] != ""


def _closing(latex: str) -> int:
    """Where the environment ends that the formula begins with."""
    depth = 0
    for found in _ROW.finditer(latex):
        depth += 1 if found[1] else -1
        if depth == 0:
            return found.end()
    return -1


def _mend(parent: tree.Element) -> None:
    """Put right what latex2mathml leaves wrong below an element."""
    children = list(parent)
    for place, child in enumerate(children):
        if child.tag == "mstyle" and not len(child) and not child.text:
            following = children[place + 1:]
            for other in following:
                parent.remove(other)
            child.extend(following)
            _mend(child)
            return
        row = parent.tag in _ROWS
        before = (children[place - 1] if place else None) if row else _WITHIN
        after = (children[place + 1] if place + 1 < len(children) else None) if row else _WITHIN
        if child.tag == "mi" and child.text in _FENCES:
            child.tag = "mo"
            child.set("stretchy", "false")
        elif _is_function(child):
            if row and after is not None and after.tag != "mo":
                parent.insert(list(parent).index(child) + 1,
                              tree.Element("mspace", {"width": "0.167em"}))
        elif child.tag == "mo" and len(child):
            child.tag = "mrow"
        elif child.tag in ("mo", "mi") and child.text in _OPERATORS:
            child.tag = "mo"
            _space(child, before, after)
        elif child.tag == "mo" and child.text in _NAMES:
            child.tag = "mi"
        elif child.tag == "mo" and child.text:
            _space(child, before, after)
        if child.tag == "mrow" and len(child) > 1 and child[0].get("fence") and not _is_high(child):
            for fence in (child[0], child[-1]):
                fence.set("stretchy", "false")
        if align := child.attrib.pop("columnalign", None):
            child.set("style", _aligned(align))
        _mend(child)


def _is_high(element: tree.Element) -> bool:
    """Whether something inside is higher than a letter with scripts. Fences around anything else
    must not stretch: Chromium would take the next larger ones."""
    return any(part.tag in _HIGH or (part.text or "") in _LARGE for part in element.iter())


def _aligned(side: str) -> str:
    """The style of a cell whose content stands at a side."""
    return f"text-align:{side};text-align:-webkit-{side}"


def _is_function(element: tree.Element) -> bool:
    """log, or sin with a power: a name of several letters, set upright."""
    base = element[0] if element.tag in ("msup", "msub", "msubsup") and len(element) else element
    return base.tag == "mi" and len(base.text or "") > 1 and (base.text or "").isalpha()


def _space(operator: tree.Element, before: tree.Element | None,
           after: tree.Element | None) -> None:
    """The space around an operator, as TeX sets it."""
    text = operator.text or ""
    if text in ("\\{", "\\}", "\\|"):
        operator.text = text = {"\\{": "{", "\\}": "}", "\\|": "‖"}[text]
    if text in ("/", "|", "‖"):
        operator.attrib.update({"lspace": "0", "rspace": "0"})
    elif text in ("⟺", "⟹"):
        operator.attrib.update({"lspace": "0.556em", "rspace": "0.556em"})
    elif text in (":", "∼"):
        operator.attrib.update({"lspace": "0.278em", "rspace": "0.278em"})
    elif text in ("−", "+", "±"):
        opening = before is None or (before.tag == "mo" and before.text not in _CLOSING)
        if opening or (before is not None and before.tag == "mspace"):
            operator.set("form", "prefix")
    elif text.isalpha() and len(text) > 1:
        first = before is None or (before.tag == "mo" and before.text in ("(", "[", "{", "|"))
        bare = after is None or (after.tag == "mo" and after.text in ("(", "[", "{"))
        operator.attrib.update({"lspace": "0" if first else "0.167em",
                                "rspace": "0" if bare else "0.167em", "movablelimits": "false"})

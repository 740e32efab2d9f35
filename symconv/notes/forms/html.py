"""The notes as one self-contained page: native MathML, inline SVG, no network.

Light and dark follow the reader's setting; wide formulas and tables scroll by themselves, so that
the page fits a telephone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from markupsafe import Markup

from symconv.glossary import TERMS
from symconv.notes.forms.words import FIXED, Fixed
from symconv.notes.inline import Code, Inline, Marked, Math, Plain, Reference, plain
from symconv.notes.model import Lang
from symconv.notes.pictures.canvas import DARK, LIGHT, Role
from symconv.notes.pictures.svg import DARK_RULES, svg
from symconv.notes.typeset import (
    Display,
    Grid,
    Head,
    Item,
    Line,
    List,
    Page,
    Paragraph,
    Picture,
    Verbatim,
    figures,
)
from symconv.render import render
from symconv.report.mathml import mathml

_MARKS = tuple(".,:;!?)”，。：；、！？）")
_LEAST = 0.62                    # of its size, to which a narrow window shrinks a picture
_CODES = {"en": "en", "zh": "zh-Hans"}


def page(pages: Sequence[Page], lang: Lang) -> str:
    """The whole notes in a language."""
    fixed = FIXED[lang]
    chapters = [{"anchor": page.anchor, "title": Markup(_title(page, fixed)),
                 "short": Markup(line(page.title)), "number": page.number,
                 "body": Markup("\n".join(_item(item, fixed) for item in page.items))}
                for page in pages]
    return render("notes/notes.html", lang=_CODES[lang], title=fixed.title,
                  subtitle=fixed.subtitle, contents=fixed.contents, chapters=chapters,
                  glossary=fixed.glossary, terms=TERMS, heads=fixed.terms,
                  light=Markup(_variables(LIGHT)), dark=Markup(_variables(DARK)),
                  pictures=Markup(DARK_RULES))


def _variables(colours: Mapping[Role, str]) -> str:
    return "".join(f"--{role}:{colour};" for role, colour in colours.items())


def _title(page: Page, fixed: Fixed) -> str:
    return fixed.chapter.format(page.number, line(page.title))


def _item(item: Item, fixed: Fixed) -> str:
    match item:
        case Head(inside):
            return f"<h3>{line(inside)}</h3>"
        case Paragraph(inside, kind):
            return _paragraph(inside, kind, fixed)
        case List(items, ordered):
            tag = "ol" if ordered else "ul"
            shown = "".join(f"<li>{line(entry)}</li>" for entry in items)
            return f"<{tag}>{shown}</{tag}>"
        case Display(latex, number, anchor):
            identity = f' id="{anchor}"' if anchor else ""
            label = f'<span class="number">({number})</span>' if number else ""
            return (f'<div class="display"{identity}><div class="wide">{mathml(latex, True)}'
                    f"</div>{label}</div>")
        case Grid():
            return _grid(item, fixed)
        case Picture():
            return _picture(item, fixed)
        case Verbatim(text):
            return f"<pre><code>{escape(text)}</code></pre>"


def _paragraph(inside: Line, kind: str, fixed: Fixed) -> str:
    shown = line(inside)
    lead = fixed.kinds.get(kind, "")
    if "{}" in lead:
        shown, lead = lead.format(shown), ""
    name = "" if kind == "prose" else f' class="{kind}"'
    return f"<p{name}>{f'<b>{lead}</b> ' if lead else ''}{shown}</p>"


def _grid(grid: Grid, fixed: Fixed) -> str:
    names = [' class="figure"' if column else "" for column in figures(grid)]
    head = "".join(f"<th{name}>{line(cell)}</th>" for name, cell
                   in zip(names, grid.header, strict=True))
    body = "".join("<tr>" + "".join(f"<td{name}>{line(cell)}</td>" for name, cell
                                    in zip(names, row, strict=True)) + "</tr>"
                   for row in grid.rows)
    return (f'<figure id="{grid.anchor}"><figcaption><b>{fixed.table} {grid.number}.</b> '
            f'{line(grid.caption)}</figcaption><div class="wide"><table><thead><tr>{head}</tr>'
            f"</thead><tbody>{body}</tbody></table></div></figure>")


def _picture(picture: Picture, fixed: Fixed) -> str:
    still = svg(picture.drawing, plain(picture.caption))
    if picture.moving is not None:
        still = (f'<div class="moving">{picture.moving}</div>'
                 f'<div class="still">{still}</div>')
    least = round(picture.drawing.width * _LEAST)
    return (f'<figure id="{picture.anchor}"><div class="wide" style="--least:{least}px">{still}'
            "</div>"
            f"<figcaption><b>{fixed.figure} {picture.number}.</b> {line(picture.caption)}"
            "</figcaption></figure>")


def line(nodes: Sequence[Inline]) -> str:
    """Inline content as HTML. No line breaks between a formula and the mark behind it."""
    found: list[str] = []
    for node in nodes:
        shown = _node(node)
        if isinstance(node, Plain) and node.text[:1] in _MARKS and found \
                and found[-1].startswith("<math"):
            mark = escape(node.text[0], quote=False)
            found[-1] = f'<span class="kept">{found[-1]}{mark}</span>'
            shown = escape(node.text[1:], quote=False)
        found.append(shown)
    return "".join(found)


def _node(node: Inline) -> str:
    match node:
        case Plain(text):
            return escape(text, quote=False)
        case Math(latex):
            return mathml(latex)
        case Code(text):
            return f"<code>{escape(text, quote=False)}</code>"
        case Marked(strong, inside):
            tag = "strong" if strong else "em"
            return f"<{tag}>{line(inside)}</{tag}>"
        case Reference(anchor, label):
            return f'<a href="#{anchor}">{escape(label)}</a>'

"""A page with controls: kernel, stride, dilation and padding change, and with them the relation,
its residue classes, the gradient's formula and the picture.

The script computes in the reader's browser; `script` gives its text, so that a check can run it
and compare its relation with the engine's.
"""

from __future__ import annotations

import json

from markupsafe import Markup

from symconv.notes.model import Lang
from symconv.render import render, templates_folder

_LABELS = {
    "en": {"H": "input", "K": "kernel", "s": "stride", "d": "dilation", "p": "padding"},
    "zh": {"H": "输入", "K": "卷积核", "s": "步幅", "d": "膨胀", "p": "填充"},
}
_RANGES = {"H": (2, 16, 9), "K": (1, 5, 3), "s": (1, 5, 2), "d": (1, 4, 1), "p": (0, 4, 1)}
_WORDS = {
    "en": {"title": "inputs above, outputs below; choose an input to see what flows back to it",
           "none": "The kernel does not fit: there is no output."},
    "zh": {"title": "上为输入，下为输出；点选一个输入，查看流回它的各输出",
           "none": "卷积核放不下：没有输出。"},
}


def controls(lang: Lang, identity: str = "relation-controls") -> str:
    """The fragment of HTML, with its script inside."""
    dials = [{"name": name, "label": _LABELS[lang][name], "low": low, "high": high,
              "value": value} for name, (low, high, value) in _RANGES.items()]
    words = json.dumps(_WORDS[lang], ensure_ascii=False).replace("<", "\\u003c")
    return render("notes/controls.html", identity=identity, dials=dials,
                  script=Markup(script()), words=Markup(words))


def script() -> str:
    """The script alone. Its function `symconvAxis(H, K, s, d, p)` returns the relation."""
    return (templates_folder() / "notes" / "controls.js").read_text(encoding="utf-8")

"""Write every formula of the notes and of the catalogue's derivations as JSON, and the
derivations as LaTeX documents. Arguments: FORMULAS.json DIRECTORY."""

import json
import sys
from pathlib import Path

from symconv import ops, report
from symconv.notes.build import LANGUAGES, chapters, pages
from symconv.notes.forms.data import every_formula
from symconv.operators.catalogue import entry, names, symbolic_defaults
from symconv.report.story import story

operators = [entry(name).make(**symbolic_defaults(name)).with_rank(2) for name in names()]
operators += [ops.conv2d(stride=2), ops.conv2d(stride=(2, 3), dilation=2, padding=1, groups=2),
              ops.conv3d(stride=2), ops.max_pool2d(3, stride=2, ties="even")]
derivations = [derived.derived for operator in operators
               for derived in (operator.vjp(), operator.jvp())]

found = dict.fromkeys(formula for lang in LANGUAGES
                      for formula in every_formula(pages(chapters(), lang)))
for derivation in derivations:
    for style in (report.Style(), report.Style(1, "denominator")):
        told = story(derivation, "zh", "full", style)
        found |= dict.fromkeys((line.formula, True) for line in told.lines)
        found |= dict.fromkeys((size, True) for size, _ in told.sizes)
Path(sys.argv[1]).write_text(json.dumps([{"latex": latex, "display": display}
                                         for latex, display in found]), encoding="utf-8")
print(len(found), "formulas")

for lang in LANGUAGES:
    fragments = "\n".join(report.latex(derivation, lang, "full") for derivation in derivations)
    head, _ = report.latex(derivations[0], lang, document=True).split("\\begin{document}")
    text = f"{head}\\begin{{document}}\n{fragments}\n\\end{{document}}\n"
    Path(sys.argv[2], f"derivations-{lang}.tex").write_text(text, encoding="utf-8")

"""Write the relation of one axis for many parameters, and the script of the controls."""

import itertools
import json
import sys

from symconv.notes.pictures.axis import Window
from symconv.notes.pictures.controls import script

cases = []
for H, K, s, d, p in itertools.product((2, 5, 9), (1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 3), (0, 1, 2)):
    if H + 2 * p >= d * (K - 1) + 1:
        window = Window(H, K, s, d, p)
        cases.append({"case": [H, K, s, d, p], "Ho": window.outputs(),
                      "links": sorted(map(list, window.links()))})
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(cases, file)
with open(sys.argv[2], "w", encoding="utf-8") as file:
    file.write(script())

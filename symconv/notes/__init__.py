r"""The lecture notes: every formula printed by the engine or checked by evaluation.

    model.py       the blocks that a chapter is made of, each with its check
    checking.py    what checks are written with: the interpreter, derivatives, identities
    chapters/      ch01.py ... ch12.py, each with `chapter() -> Chapter`
    pictures/      drawings computed from relations
    build.py       runs every check, then renders all forms

How to write a chapter
----------------------

`chapter()` returns the chapter; nothing is computed before it is called, nor by it: what needs
SymPy, NumPy or the engine stands in functions (lambdas) that the builder calls. Write

    from symconv import ops, parse                       # operators are made in lambdas
    from symconv.notes import checking as ch
    from symconv.notes.model import Chapter, Example, Formula, Heading, Prose, Words, ...

    def chapter() -> Chapter:
        return Chapter(4, Words("Convolution", "卷积"), (
            Heading(Words("A product of polynomials", "多项式乘法")),
            Prose(Words("The kernel slides over $x$.", "卷积核在 $x$ 上滑动。")),
            Formula(r"y_i = \sum_a x_{i-a}\, w_a",
                    lambda: ch.agree(ops.convolve(), "a: [H]; ...", {"a": (4,), "b": (3,)})),
            Example(Words("Here $x*w = <<y>>$.", "此处 $x*w = <<y>>$。"),
                    lambda: {"y": ch.run(ops.convolve(), a=[1, 2, 3, 4], b=[1, 2, 3])},
                    expected={"y": [1, 4, 10, 16, 17, 12]}),
        ))

Rules:

* Everything in both languages, in `Words`. Chinese terms are those of `symconv/glossary.py`; the
  build refuses the variants listed there. Full-width punctuation in Chinese prose.
* A display states something: `Formula` (with a check that evaluates *that* statement, not a
  neighbour of it), `Identity` (SymPy expressions, printed and compared), `Computed` (a definition
  printed by the engine), `DerivationBlock` (a whole derivation). Prefer the printed ones.
* Prose and items that claim more than the displays beside them bring a `check` as well.
* Numbers in prose that are results come as <<name>> with `values` computed by the engine, in
  `Example` with the `expected` figure from elsewhere. <<name>> stands inside math; a list prints
  as a row (1, 2, 3), a list of lists as a matrix, an integer with thin spaces: 3\,600\,000\,000.
* Inline math is for names and small expressions. Only what amsmath and KaTeX (strict) both know,
  and no \newcommand; \operatorname{...}, \mathbb, \text{...} are fine (\text with Chinese only
  in the zh half of a `Words`). Keep a display below about 80 characters in print per line; break
  with \begin{aligned} ... \\ ... \end{aligned}.
* Keys are unique in all notes: [[key]] prints the number of a block with that key, [[7]] names
  chapter 7.
* Checks are exact (integers, Fractions, SymPy) and quick: a second per chapter, not ten.
* Long chapters are split: ch06.py collects blocks from ch06_sizes.py and so on; a file has 100
  to 250 lines.
"""

"""Pictures show the relation: what is drawn is computed, in every form."""

from __future__ import annotations

import json
import shutil
import subprocess
import xml.etree.ElementTree as tree

import pytest

import symconv as sc
from symconv.cli import run
from symconv.notes import build
from symconv.notes.model import Figure
from symconv.notes.pictures import (
    axis,
    canvas,
    controls,
    graph,
    learning,
    matrices,
    receptive,
    windows,
)
from symconv.notes.pictures.axis import Window
from symconv.notes.pictures.png import png
from symconv.notes.pictures.svg import svg
from symconv.notes.pictures.tikz import tikz
from symconv.notes.pictures.windows import Plane

FIGURES = tuple(block for chapter in build.chapters() for block in chapter.blocks
                if isinstance(block, Figure))
each_figure = pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)


def test_the_notes_have_every_kind_of_picture():
    names = " ".join(figure.name for figure in FIGURES)
    for kind in ("graph", "windows", "plane", "dilated", "transposed", "controls", "jacobian",
                 "pattern", "receptive", "learning"):
        assert kind in names
    assert len({figure.name for figure in FIGURES}) == len(FIGURES)


@each_figure
def test_every_figure_holds_and_has_every_form(figure):
    assert figure.check() is True
    for lang in ("en", "zh"):
        drawing = figure.draw(lang)
        root = tree.fromstring(svg(drawing, figure.caption.get(lang), standalone=True))
        assert float(root.get("width")) == pytest.approx(drawing.width, abs=0.01)
        assert tikz(drawing).count("\\node") == len(drawing.texts())
    assert png(figure.draw("en")).startswith(b"\x89PNG")


@each_figure
def test_nothing_is_drawn_outside_the_sheet(figure):
    drawing = figure.draw("en")
    for shape in drawing.shapes:
        match shape:
            case canvas.Rect(x, y, width, height):
                spots = ((x, y), (x + width, y + height))
            case canvas.Line(x1, y1, x2, y2):
                spots = ((x1, y1), (x2, y2))
            case canvas.Polyline(points):
                spots = points
            case canvas.Circle(x, y, _) | canvas.Label(x, y, _):
                spots = ((x, y),)
        assert all(-0.01 <= x <= drawing.width + 0.01 and -0.01 <= y <= drawing.height + 0.01
                   for x, y in spots), shape


def test_lines_join_what_the_relation_joins():
    links = Window(7, 3, stride=2).links()
    assert links == tuple((i, 2 * i + a, a) for i in range(3) for a in range(3))
    drawing = axis.axis(Window(7, 3, stride=2), 1, "output", "")
    coloured = [shape for shape in drawing.shapes
                if isinstance(shape, canvas.Line) and shape.stroke == "kernel"]
    assert len(coloured) == 3


def test_an_animation_has_a_frame_per_position():
    shown = windows.stepping(Plane(5, 3, stride=2, padding=1), "t")
    tree.fromstring(shown)
    assert shown.count("animation-delay") == 9
    assert "prefers-reduced-motion" in shown


def test_a_pattern_has_a_square_per_entry_that_is_not_zero():
    matrix = sc.ops.conv2d(bias=False).jacobian("x").matrix(x=(1, 1, 3, 3), w=(1, 1, 2, 2))
    drawing = matrices.pattern(matrix)
    filled = [shape for shape in drawing.shapes
              if isinstance(shape, canvas.Rect) and shape.fill not in (None, "paper")]
    assert len(filled) == 16
    assert drawing.texts().count("w_{01}") == 4


def test_the_graph_carries_both_passes():
    op = sc.parse("x: [H]; q[i] = x[i]*x[i]; t = sum[i](q[i]); y = 2*t")
    texts = graph.graph(op, {"x": [0, 1, 2, 3]}).texts()
    assert {"28", "(0, 4, 8, 12)", "(2, 2, 2, 2)"} <= set(texts)


@pytest.mark.parametrize("layers", [
    (receptive.Layer("a", 3), receptive.Layer("b", 3)),
    (receptive.Layer("a", 3, 2), receptive.Layer("b", 2, 2), receptive.Layer("c", 3, 1, 0, 2))])
def test_receptive_fields_have_the_width_of_the_formula(layers):
    size = 30
    last = receptive.sizes(layers, size)[-1]
    field = receptive.fields(layers, size, last // 2)[0]
    assert field[-1] - field[0] + 1 == receptive.width(layers)


def test_the_same_picture_is_the_same_bytes():
    first, second = (svg(learning.chart(learning.learn(), "en"), "t") for _ in range(2))
    assert first == second


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_script_of_the_controls_has_the_relation_of_the_engine(tmp_path):
    (tmp_path / "controls.cjs").write_text(controls.script(), encoding="utf-8")
    code = ("const { symconvAxis } = require('./controls.cjs');"
            "console.log(JSON.stringify(symconvAxis(9, 3, 2, 1, 1)))")
    done = subprocess.run(["node", "-e", code], cwd=tmp_path, capture_output=True, text=True,
                          check=True)
    found = json.loads(done.stdout)
    assert sorted(map(tuple, found["links"])) == sorted(Window(9, 3, 2, 1, 1).links())


@pytest.mark.parametrize("form", ["svg", "png"])
def test_the_command_draws_jacobians(tmp_path, form):
    target = tmp_path / f"j.{form}"
    words = ["jacobian", "conv1d", "--no-bias", "--wrt", "x", "--shape", "x=1,1,5",
             "--shape", "w=1,1,2", "-o", str(target)]
    assert run(words) == 0
    before = target.read_bytes()
    assert run(words) == 0, "a file of symconv may be made again"
    assert target.read_bytes() == before
    target.write_bytes(b"mine")
    assert run(words) == 2
    assert target.read_bytes() == b"mine"
